"""Servers that take the domain's mail, and how mail to them is protected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rsmtp._domain import sts

if TYPE_CHECKING:
    from rsmtp._domain.dns import Asker
    from rsmtp._domain.look import Found, Look


def hosts(dns: Asker, domain: str) -> list[tuple[int, str]]:
    """Preference and name of each MX; "" is the null MX (RFC 7505)."""
    found = [
        (int(record.preference), str(record.exchange.to_text(omit_final_dot=True)).lower().removesuffix("."))
        for record in dns.ask(domain, "MX")
    ]
    return sorted(found)


def check(look: Look) -> Found:
    found = hosts(look.dns, look.domain)
    look.facts["mx"] = [{"preference": preference, "host": host} for preference, host in found]
    if not found:
        yield "mx-missing", "there is no MX record", look.domain
    elif any(not host for _, host in found):
        yield "mx-null", "the domain says that it takes no mail", look.domain
        return
    for entry in look.facts["mx"]:
        host = entry["host"]
        if look.dns.is_alias(host):
            yield "mx-alias", f"{host} is an alias", host
        entry["addresses"] = look.dns.addresses(host)
        if not entry["addresses"]:
            yield "mx-unresolved", f"{host} has no address", host
    name = f"_mta-sts.{look.domain}"
    yield from sts.check(look, _records(look, "mta_sts", name, "v=STSv1"), name)
    yield from _reports(look)
    yield from _dane(look)


def _records(look: Look, fact: str, name: str, version: str) -> list[str]:
    """TXT records of this version. The first one is noted."""
    records = [text for text in look.dns.texts(name) if text.startswith(version)]
    look.facts[fact] = {"record": records[0] if records else None}
    return records


def _reports(look: Look) -> Found:
    name = f"_smtp._tls.{look.domain}"
    records = _records(look, "tls_rpt", name, "v=TLSRPTv1")
    if not records:
        yield "tls-rpt-missing", "there is no record for reports of TLS", name
    elif len(records) > 1 or not any("rua=mailto:" in text or "rua=https:" in text for text in records):
        yield "tls-rpt-invalid", "the record names no address for reports", name


def _dane(look: Look) -> Found:
    for entry in look.facts["mx"]:
        name = f"_25._tcp.{entry['host']}"
        entry["tlsa"] = len(look.dns.ask(name, "TLSA"))
        if entry["tlsa"] and not look.dns.is_signed(name, "TLSA"):
            yield "dane-unsigned", f"{entry['host']} has TLSA records that are not signed", name
