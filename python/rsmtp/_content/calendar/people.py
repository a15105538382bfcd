"""Addresses in calendars: names with mailto: URLs (RFC 5545 section 3.3.3)."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

import rsmtp
from rsmtp._common import arguments
from rsmtp._content.calendar.library import icalendar
from rsmtp._rsmtp import ascii_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def calendar_address(name: str, address: str) -> Any:
    local, _, domain = address.rpartition("@")
    url = f"mailto:{quote(local, safe='!$*+=_.-~')}@{ascii_host(domain)}"
    made = icalendar().vCalAddress(url)
    if name:
        made.params["CN"] = name
    return made


def mailboxes(name: str, given: Any) -> list[tuple[str, str]]:
    """Names and addresses, parsed in the same way as `to` of a message."""
    if given is None:
        return []
    try:
        written = rsmtp.Message(to=given)["To"]
    except (TypeError, ValueError) as refused:
        raise arguments.passed_on(name, "to", refused) from None
    return [] if written is None else pairs(written)


def pairs(field: Any) -> list[tuple[str, str]]:
    from rsmtp.email.utils import getaddresses

    return [(name, address) for name, address in getaddresses([str(field)]) if "@" in address]


def person_of(address: Any) -> tuple[str, str] | None:
    scheme, _, rest = str(address).partition(":")
    if scheme.lower() != "mailto" or "@" not in rest:
        return None
    return line(address.params.get("CN")), line(unquote(rest.partition("?")[0]))


def line(value: Any) -> str:
    """Text from another program, on one line."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", "" if value is None else str(value)).strip()
