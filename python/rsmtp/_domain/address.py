"""The address that sends: its name, what it calls itself, lists of addresses that send spam."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rsmtp._domain.look import Found, Look


def check(look: Look) -> Found:
    if look.address is not None:
        yield from _names(look, look.address)
        for blocklist in look.blocklists:
            yield from _listed(look, look.address, blocklist)
    if look.helo is not None:
        yield from _helo(look, look.helo)


def _names(look: Look, address: str) -> Found:
    names = look.dns.names_of(address)
    look.facts["ptr"] = names
    if not names:
        yield "ptr-missing", f"{address} has no name", address
    elif not any(_same(address, look.dns.addresses(name)) for name in names):
        yield "ptr-unconfirmed", f"{names[0]} does not lead back to {address}", address


def _helo(look: Look, helo: str) -> Found:
    if not re.fullmatch(
        r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*", helo
    ):
        yield "helo-invalid", f"{helo!r} is no full host name", "EHLO"
        return
    found = look.dns.addresses(helo)
    if not found:
        yield "helo-unresolved", f"{helo} has no address", "EHLO"
    elif look.address is not None and not _same(look.address, found):
        yield "helo-elsewhere", f"{helo} leads to {found[0]}", "EHLO"


def _listed(look: Look, address: str, blocklist: str) -> Found:
    """RFC 5782 section 2.1: what is listed has an address in 127.0.0.0/8."""
    reverse = ipaddress.ip_address(address).reverse_pointer
    reversed_address = reverse.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    answers = [
        answer
        for answer in look.dns.addresses(f"{reversed_address}.{blocklist}")
        if answer.startswith("127.")
    ]
    # 127.255.255.x says that the list does not answer this resolver.
    told = [answer for answer in answers if not answer.startswith("127.255.255.")]
    look.facts.setdefault("blocklists", {})[blocklist] = bool(told) if told or not answers else None
    if told:
        yield "blocklisted", f"{address} is on {blocklist} ({told[0]})", blocklist


def _same(address: str, others: list[str]) -> bool:
    wanted = ipaddress.ip_address(address)
    return any(ipaddress.ip_address(other) == wanted for other in others)
