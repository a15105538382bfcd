"""Calendars as octets: checks them, and adds uniform line ends and a method."""

from __future__ import annotations

import os
import re

from rsmtp._common import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# RFC 5546 section 1.4.
_METHODS = ("PUBLISH", "REQUEST", "REPLY", "ADD", "CANCEL", "REFRESH", "COUNTER", "DECLINECOUNTER")


def octets_of(value: Any) -> bytes:
    if isinstance(value, os.PathLike):
        with open(value, "rb") as file:
            return file.read()
    if isinstance(value, str):
        if not value.lstrip("\ufeff \r\n").upper().startswith("BEGIN:VCALENDAR"):
            raise ValueError(
                f"calendar: {value[:40]!r} is not a calendar, which begins with BEGIN:VCALENDAR; "
                "a file is given as Path(...)"
            )
        return arguments.text("calendar", value).encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise arguments.wanted("calendar", "an rsmtp.Invite, an icalendar object, or a calendar's octets,", value)


def checked(octets: bytes) -> tuple[str, str]:
    """A calendar with CRLF line ends, and its method. A missing method is added, because otherwise
    Outlook does not recognise the message."""
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"calendar: octet {error.start} is not UTF-8, in which calendars are written"
        ) from None
    lines = re.split(r"\r\n|\r|\n", text.strip("\r\n "))
    for number, line in enumerate(lines, 1):
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line):
            raise ValueError(f"calendar: line {number} contains a control character")
    open_components: list[str] = []
    methods: list[str] = []
    has_event = has_attendee = False
    for name, value in _properties(lines):
        if name == "BEGIN":
            open_components.append(value.upper())
            has_event |= value.upper() in ("VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY")
        elif name == "END":
            if not open_components or open_components.pop() != value.upper():
                raise ValueError(f"calendar: END:{value[:40]} ends nothing that has begun")
        elif not open_components:
            break
        elif name == "METHOD" and open_components == ["VCALENDAR"]:
            methods.append(value.strip().upper())
        has_attendee |= name == "ATTENDEE"
    if lines[0].upper() != "BEGIN:VCALENDAR" or open_components or lines[-1].upper() != "END:VCALENDAR":
        raise ValueError("calendar: it does not begin with BEGIN:VCALENDAR and end with END:VCALENDAR")
    if not has_event:
        raise ValueError("calendar: there is no event in it")
    if len(methods) > 1:
        raise ValueError(f"calendar: it has {len(methods)} methods, where one is wanted")
    if not methods:
        methods = ["REQUEST" if has_attendee else "PUBLISH"]
        lines.insert(1, f"METHOD:{methods[0]}")
    if methods[0] not in _METHODS:
        raise arguments.none_of("calendar: METHOD", methods[0], list(_METHODS))
    return "\r\n".join(lines) + "\r\n", methods[0]


def _properties(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The name and value of each line, unfolded (RFC 5545 section 3.1), without parameters."""
    whole: list[str] = []
    for line in [*lines, ""]:
        if line[:1] in (" ", "\t"):
            whole.append(line[1:])
            continue
        if whole:
            found = re.match(r'([A-Za-z0-9-]+)(?:;(?:"[^"]*"|[^":])*)?:(.*)', "".join(whole), re.DOTALL)
            if not found:
                raise ValueError(f"calendar: {''.join(whole)[:60]!r} is no property (RFC 5545 section 3.1)")
            yield found[1].upper(), found[2]
        whole = [line] if line else []
