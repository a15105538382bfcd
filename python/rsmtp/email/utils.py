"""Helpers for addresses, dates and parameters: `email.utils`."""

from __future__ import annotations

import contextlib
import datetime
import os
import random
import re
import socket
import sys
import time
import urllib.parse
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from rsmtp import _rsmtp
from rsmtp._common.arguments import has_surrogates as _has_surrogates
from rsmtp._rsmtp import formataddr
from rsmtp.email import _dates, _rest

__all__ = [
    "collapse_rfc2231_value",
    "decode_params",
    "decode_rfc2231",
    "encode_rfc2231",
    "format_datetime",
    "formataddr",
    "formatdate",
    "getaddresses",
    "localtime",
    "make_msgid",
    "mktime_tz",
    "parseaddr",
    "parsedate",
    "parsedate_to_datetime",
    "parsedate_tz",
    "unquote",
]

COMMASPACE = ", "
EMPTYSTRING = ""
UEMPTYSTRING = ""
CRLF = "\r\n"
TICK = "'"

# -- addresses

#: `parseaddr` and `getaddresses` have the parameter `strict` on every Python version.
supports_strict_parsing = True

# The default is the same as in this Python's own `email.utils` (CVE-2023-27043).
_STRICT = sys.version_info >= (3, 12, 6) or (3, 11, 10) <= sys.version_info < (3, 12)


def getaddresses(fieldvalues: Iterable[Any], *, strict: bool = _STRICT) -> list[tuple[str, str]]:
    """(name, address) for all addresses in some header values.

    With `strict`, the result is one ("", "") if a value isn't clearly a list of addresses,
    so that a display name can't add an address.
    """
    return _rsmtp._read_addresses(fieldvalues, strict)


def parseaddr(addr: Any, *, strict: bool = _STRICT) -> tuple[str, str]:
    """(name, address) of the only address in a text; ("", "") if there is none."""
    if isinstance(addr, list):
        if not strict:
            # Each item of a list is treated as one word, whatever it contains.
            return "", addr[0] if addr else ""
        addr = addr[0]
    if not addr or (strict and not isinstance(addr, str)):
        return "", ""
    return _rsmtp._read_address(addr, strict)


# -- dates


def formatdate(timeval: float | None = None, localtime: bool = False, usegmt: bool = False) -> str:
    """A time in seconds since 1970 (now, if None) in the form of a Date field.

    The zone is this machine's with `localtime`, and otherwise UTC, written `-0000`, or `GMT`
    with `usegmt`.
    """
    if timeval is None:
        timeval = time.time()
    moment = datetime.datetime.fromtimestamp(timeval, datetime.UTC)
    if localtime:
        return format_datetime(moment.astimezone())
    return format_datetime(moment if usegmt else moment.replace(tzinfo=None), usegmt)


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)


def format_datetime(dt: datetime.datetime, usegmt: bool = False) -> str:
    """A datetime in the form of a Date field (RFC 5322 section 3.3); `-0000` if it is naive.

    Raises ValueError for `usegmt` with any zone but UTC.
    """
    if usegmt:
        if dt.tzinfo is None or dt.tzinfo != datetime.UTC:
            raise ValueError("usegmt option requires a UTC datetime")
        zone = "GMT"
    else:
        zone = "-0000" if dt.tzinfo is None else dt.strftime("%z")
    return (
        f"{_DAYS[dt.weekday()]}, {dt.day:02} {_MONTHS[dt.month - 1]} {dt.year:04} "
        f"{dt.hour:02}:{dt.minute:02}:{dt.second:02} {zone}"
    )


def localtime(dt: datetime.datetime | None = None, isdst: int | None = None) -> datetime.datetime:
    """A datetime (now, if None) in the zone of this machine. A naive datetime is assumed to be
    in that zone. `isdst` is deprecated and ignored."""
    if isdst is not None and sys.version_info >= (3, 12):
        warnings.warn("the 'isdst' parameter of 'localtime' is deprecated", DeprecationWarning, stacklevel=2)
    return (datetime.datetime.now() if dt is None else dt).astimezone()


def parsedate_tz(data: Any) -> _dates._Fields | None:
    """The fields of a date, with the offset in seconds as the last one (0 if it is unknown).
    None if the text is not a date."""
    found = _dates.parse(data)
    return None if found is None else (*found[:9], found[9] or 0)


def parsedate(data: Any) -> tuple[Any, ...] | None:
    """The fields of a date without its offset, in the form that `time.mktime` takes."""
    found = _dates.parse(data)
    return None if found is None else found[:9]


def parsedate_to_datetime(data: Any) -> datetime.datetime:
    """The datetime of a date; naive if there is no zone. Raises ValueError if it is not a date."""
    found = _dates.parse(data)
    if found is None:
        raise ValueError(f'Invalid date value or format "{data}"')
    try:
        if found[9] is None:
            return datetime.datetime(*found[:6])
        zone = datetime.timezone(datetime.timedelta(seconds=found[9]))
        return datetime.datetime(*found[:6], tzinfo=zone)
    except OverflowError as error:  # a number that is no date of any calendar
        raise ValueError(f'Invalid date value or format "{data}"') from error


def mktime_tz(data: Any) -> float:
    """The result of `parsedate_tz` as seconds since 1970."""
    return _dates.timestamp(data)


# -- identity


def make_msgid(idstring: str | None = None, domain: str | None = None) -> str:
    """A new Message-ID (RFC 5322 section 3.6.4).

    The default `domain` is this machine's full name from `socket.getfqdn()`, as in the standard
    library. That may query a name server, and take seconds if there is no answer. Characters that
    an identifier can't contain become hyphens, and a domain that isn't ASCII becomes A-labels (RFC 5890).
    """
    more = _dot_atom(idstring or "")
    unique = f"{int(time.time() * 100)}.{os.getpid()}.{random.getrandbits(64)}"
    left = f"{unique}.{more}" if more else unique
    # Any object works, as with "%s": Django's domain is an object that looks its name up when it is shown.
    return f"<{left}@{_id_right(socket.getfqdn() if domain is None else str(domain))}>"


_NO_ATOM = re.compile(r"[^!#$%&'*+/=?^_`{|}~0-9A-Za-z.-]+")
# Longer than a domain may be (RFC 1035), and short enough for a line.
_LONGEST_PART = 255


def _dot_atom(text: str) -> str:
    """The text as a dot-atom (RFC 5322 section 3.2.3), or "" if no part of it can be used."""
    return ".".join(filter(None, _NO_ATOM.sub("-", text.strip()).split(".")))[-_LONGEST_PART:].lstrip(".")


def _id_right(domain: str) -> str:
    """The right side of an identifier (RFC 5322 section 3.6.4): a dot-atom, or a literal."""
    if re.fullmatch(r"\[[!-Z^-~]{1,253}\]", domain):
        return domain
    if not domain.isascii():
        with contextlib.suppress(UnicodeError):
            domain = formataddr(("", f"x@{domain}")).removeprefix("x@")
    return _dot_atom(domain) or "localhost"


# -- parameters (RFC 2045 section 5.1, RFC 2231)


def quote(str: str) -> str:
    """The text with backslashes before backslashes and quotes."""
    return str.replace("\\", "\\\\").replace('"', '\\"')


def unquote(str: str) -> str:
    """The text without the quotes or angle brackets around it."""
    if len(str) > 1:
        if str.startswith('"') and str.endswith('"'):
            return str[1:-1].replace("\\\\", "\\").replace('\\"', '"')
        if str.startswith("<") and str.endswith(">"):
            return str[1:-1]
    return str


def encode_rfc2231(s: str, charset: str | None = None, language: str | None = None) -> str:
    """`charset'language'percent-encoded`; percent-encoded only, without either."""
    encoded = urllib.parse.quote(s, safe="", encoding=charset or "ascii")
    if charset is None and language is None:
        return encoded
    return f"{charset}'{language or ''}'{encoded}"


def decode_rfc2231(s: str) -> Sequence[str | None]:
    """charset, language and text of an extended value, which stays encoded."""
    parts = s.split(TICK, 2)
    return parts if len(parts) == 3 else (None, None, s)


_SECTION = re.compile(r"(\w+)\*(?:([0-9]+)\*?)?", re.ASCII)


def decode_params(params: Sequence[tuple[str, str]]) -> list[tuple[str, Any]]:
    """Parameters with their sections joined (RFC 2231 section 3). Extended ones come last, as
    (charset, language, "text") tuples. The first pair is unchanged."""
    plain: list[tuple[str, Any]] = [params[0]]
    sections: dict[str, list[tuple[int, str, bool]]] = {}
    for name, value in params[1:]:
        value = unquote(value)
        section = _SECTION.fullmatch(name)
        if section is None:
            plain.append((name, f'"{quote(value)}"'))
        else:
            number = -1 if section[2] is None else int(section[2])
            sections.setdefault(section[1], []).append((number, value, name.endswith("*")))
    for name, found in sections.items():
        found.sort()
        # Each byte becomes one character.
        text = quote(
            "".join(
                urllib.parse.unquote(value, encoding="latin-1") if is_encoded else value
                for _, value, is_encoded in found
            )
        )
        if any(is_encoded for _, _, is_encoded in found):
            charset, language, text = decode_rfc2231(text)  # type: ignore[assignment]
            plain.append((name, (charset, language, f'"{text}"')))
        else:
            plain.append((name, f'"{text}"'))
    return plain


def collapse_rfc2231_value(value: Any, errors: str = "replace", fallback_charset: str = "us-ascii") -> str:
    """The text of a value, whether `get_param` found it plain or extended."""
    if not isinstance(value, tuple) or len(value) != 3:
        text: Any = value
        return unquote(text)
    charset, _, text = value
    try:
        return str(bytes(text, "raw-unicode-escape"), charset or fallback_charset, errors)
    except LookupError:
        return unquote(text)


__getattr__ = _rest.of(__name__)
