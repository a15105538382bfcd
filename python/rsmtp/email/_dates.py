"""Parses dates in mail, in the standard form and in common other forms (RFC 5322 section 3.3)."""

from __future__ import annotations

import calendar
import time
from typing import Any

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep september",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}
_DAYS = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
_ZONES = {
    "UT": 0,
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "AST": -400,
    "ADT": -300,
    "EST": -500,
    "EDT": -400,
    "CST": -600,
    "CDT": -500,
    "MST": -700,
    "MDT": -600,
    "PST": -800,
    "PDT": -700,
}

_Fields = tuple[int, int, int, int, int, int, int, int, int, int | None]


def parse(data: Any) -> _Fields | None:
    """(year, month, day, hour, minute, second, 0, 1, -1, offset) of a date.

    The offset is in seconds east of UTC, or None if the date has none. The result is None if
    the text is not a date.
    """
    words = data.split() if data else []
    if not words:
        return None
    words = _without_weekday(words)
    if len(words) == 3:
        # RFC 850: 19-Nov-82
        words[:1] = words[0].split("-") if words[0].count("-") == 2 else [words[0]]
    if len(words) == 4:
        words[3:] = _split_zone(words[3])
    if len(words) < 5:
        return None
    day, month, year, clock, zone = words[:5]
    if not (day and month and year):
        return None
    if month.lower() not in _MONTHS:
        day, month = month, day
    if month.lower() not in _MONTHS:
        return None
    day = day.removesuffix(",")
    if year.find(":") > 0:
        year, clock = clock, year
    year = year.removesuffix(",")
    if not year:
        return None
    if not year[0].isdigit():
        year, zone = zone, year
    times = _clock(clock.removesuffix(","))
    if times is None:
        return None
    try:
        hour, minute, second = map(int, times)
        years, days = int(year), int(day)
    except ValueError:
        return None
    if years < 100:
        years += 1900 if years > 68 else 2000
    return (years, _MONTHS[month.lower()], days, hour, minute, second, 0, 1, -1, _offset(zone.upper()))


def _without_weekday(words: list[str]) -> list[str]:
    first = words[0]
    if first.endswith(",") or first.lower() in _DAYS:
        return words[1:]
    after = first.rfind(",")
    return [first[after + 1 :], *words[1:]] if after >= 0 else words


def _split_zone(clock: str) -> list[str]:
    """`14:58:26+0800`: the zone may follow the time without a space."""
    at = clock.find("+")
    if at == -1:
        at = clock.find("-")
    return [clock[:at], clock[at:]] if at > 0 else [clock, ""]


def _clock(text: str) -> list[str] | None:
    parts = text.split(":")
    if len(parts) == 1 and "." in text:
        parts = text.split(".")
    if len(parts) == 2:
        return [*parts, "0"]
    return parts if len(parts) == 3 else None


def _offset(zone: str) -> int | None:
    try:
        offset = _ZONES[zone] if zone in _ZONES else int(zone)
    except ValueError:
        return None
    if offset == 0 and zone.startswith("-"):
        # -0000 means that the zone is unknown (RFC 5322 section 3.3).
        return None
    sign = -1 if offset < 0 else 1
    return sign * (abs(offset) // 100 * 3600 + abs(offset) % 100 * 60)


def timestamp(fields: Any) -> float:
    """The result of `parse` as seconds since 1970; without a zone, it is read as local time."""
    if fields[9] is None:
        return time.mktime((*fields[:8], -1))
    offset: int = fields[9]
    return calendar.timegm(fields) - offset
