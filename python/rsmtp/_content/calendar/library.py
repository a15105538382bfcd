"""The package icalendar, and what is made directly with it."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, date

from rsmtp._common.extras import library

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def icalendar() -> Any:
    return library("icalendar", "calendar", "an Invite")


def blank() -> Any:
    calendar = icalendar().Calendar()
    calendar.add("prodid", "-//rsmtp//rsmtp//EN")
    calendar.add("version", "2.0")
    return calendar


def add_zones(calendar: Any) -> None:
    """Adds a VTIMEZONE for each named zone, for the years of the events."""
    years = [
        moment.dt.year
        for event in calendar.walk()
        for name in ("DTSTART", "DTEND", "DUE", "RECURRENCE-ID")
        if (moment := event.get(name)) is not None and hasattr(getattr(moment, "dt", None), "year")
        if event.name not in ("STANDARD", "DAYLIGHT")
    ]
    if years:
        repeats = any(
            event.get("RRULE") for event in calendar.walk() if event.name not in ("STANDARD", "DAYLIGHT")
        )
        # icalendar looks a day beyond either end, and Python has no other years.
        first = max(min(years) - 1, MINYEAR + 1)
        last = min(max(years) + (10 if repeats else 1), MAXYEAR - 1)
        calendar.add_missing_timezones(date(first, 1, 1), date(last, 12, 31))
