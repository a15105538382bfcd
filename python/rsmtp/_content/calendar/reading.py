"""Reads an invitation from a message or a calendar."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from rsmtp._content.calendar.kept import kept_of
from rsmtp._content.calendar.library import icalendar
from rsmtp._content.calendar.octets import checked, octets_of
from rsmtp._content.calendar.people import line, person_of
from rsmtp._rsmtp import Message as Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read(source: Any) -> tuple[dict[str, Any], bytes]:
    """The arguments for the `Invite` that a message or a calendar contains, and what else its event has."""
    octets = (
        _in_message(source) if hasattr(source, "walk") and hasattr(source, "get_all") else octets_of(source)
    )
    text, method = checked(octets)
    try:
        calendar = _parsed(text)
        event = next((each for each in calendar.walk("VEVENT")), None)
        if event is None:
            raise ValueError("there is no event in it")
        found = _arguments(event)
        kept = kept_of(event)
    except (ValueError, KeyError, AttributeError, IndexError, TypeError, OverflowError) as error:
        raise ValueError(f"the calendar can't be read: {str(error)[:200]}") from None
    known = method.lower() in ("request", "cancel", "publish", "reply")
    found["method"] = method.lower() if known else "request"
    if found["method"] == "reply":
        found["answer"] = _answer(event)
    return found, kept


_ALARM = re.compile(r"^BEGIN:VALARM\r\n.*?^END:VALARM(?:\r\n|\Z)", re.IGNORECASE | re.MULTILINE | re.DOTALL)


def _parsed(text: str) -> Any:
    """icalendar keeps what it can't read of an event, and refuses the whole calendar for an alarm. The
    event counts without that alarm."""
    try:
        return icalendar().Calendar.from_ical(text)
    except ValueError:
        return icalendar().Calendar.from_ical(_ALARM.sub(_if_readable, text))


def _if_readable(alarm: re.Match[str]) -> str:
    try:
        icalendar().Component.from_ical(alarm[0])
    except ValueError:
        return ""
    return alarm[0]


def _in_message(message: Any) -> bytes:
    from rsmtp.display.reader import leaves

    source = message if isinstance(message, Engine) else _ours(message)
    for part in leaves(source):
        if part.get_content_type() in ("text/calendar", "application/ics"):
            octets: bytes = part.get_payload(decode=True)
            return octets
    raise ValueError("the message has no calendar in it")


def _ours(message: Any) -> Any:
    from rsmtp.email import message_from_bytes

    return message_from_bytes(message.as_bytes())


def _arguments(event: Any) -> dict[str, Any]:
    start = _moment(event, "DTSTART")
    if start is None:
        raise ValueError("the event has no DTSTART")
    found: dict[str, Any] = {
        "start": start,
        "summary": line(_first(event, "SUMMARY")) or "(no title)",
        "uid": line(_single(event, "UID")),
        "sequence": _sequence(event),
    }
    if not found["uid"]:
        raise ValueError("the event has no UID")
    end = _moment(event, "DTEND")
    if end is not None and end != start:
        found["end"] = _like(start, "DTEND", end)
    elif end is None and (duration := _time(event, "DURATION", timedelta)):
        found["duration"] = duration
    if (occurrence := _moment(event, "RECURRENCE-ID")) is not None:
        found["occurrence"] = _like(start, "RECURRENCE-ID", occurrence)
    for name in ("location", "url"):
        if value := line(_first(event, name)):
            found[name] = value
    if description := _first(event, "DESCRIPTION"):
        found["description"] = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", " ", str(description))
    if "RRULE" in event:
        rules = event["RRULE"]
        found["repeat"] = (rules[0] if isinstance(rules, list) else rules).to_ical().decode()
    if (organizer := _first(event, "ORGANIZER")) is not None and (owner := person_of(organizer)):
        found["organizer"] = owner
    attendees = event.get("ATTENDEE", [])
    people = attendees if isinstance(attendees, list) else [attendees]
    for name, is_optional in (("attendees", False), ("optional", True)):
        chosen = [
            person
            for each in people
            if (each.params.get("ROLE") == "OPT-PARTICIPANT") == is_optional and (person := person_of(each))
        ]
        if chosen:
            found[name] = chosen
    return found


def _first(event: Any, name: str) -> Any:
    found = event.get(name)
    return found[0] if isinstance(found, list) else found


def _single(event: Any, name: str) -> Any:
    found = event.get(name)
    if isinstance(found, list):
        raise ValueError(f"{name} is there {len(found)} times, and once is meant (RFC 5545 section 3.6.1)")
    return found


def _sequence(event: Any) -> int:
    found = _single(event, "SEQUENCE")
    try:
        return int(found or 0)
    except ValueError:  # no number, or one of more digits than Python reads
        raise ValueError(f"SEQUENCE is {str(found)[:20]!r}, where a whole number is wanted") from None


def _moment(event: Any, name: str) -> Any:
    """A floating time applies in the zone of the reader, so it is read in this machine's zone."""
    moment = _time(event, name, date)
    if not isinstance(moment, datetime) or moment.utcoffset() is not None:
        return moment
    try:
        return moment.astimezone()
    except (OverflowError, ValueError):  # which of them depends on the year
        raise ValueError(f"{name} is {moment}, which is not within the years 1 to 9999 in UTC") from None


def _time(event: Any, name: str, kind: type) -> Any:
    found = _single(event, name)
    if found is None:
        return None
    try:
        value = getattr(found, "dt", None)
    except ValueError:  # icalendar keeps what it can't parse
        value = None
    if not isinstance(value, kind):
        wanted = "a span of time" if kind is timedelta else "a date, or a date with a time"
        raise ValueError(f"{name} is {line(found.to_ical().decode())[:60]!r}, where {wanted} is wanted")
    return value


def _like(start: Any, name: str, value: Any) -> Any:
    """The value types must be equal (RFC 5545 sections 3.8.2.2 and 3.8.4.4)."""
    if isinstance(start, datetime) != isinstance(value, datetime):
        shown = [
            f"{moment} is {'a date with a time' if isinstance(moment, datetime) else 'a date'}"
            for moment in (value, start)
        ]
        raise ValueError(f"{name} {shown[0]}, and DTSTART {shown[1]} (RFC 5545 wants one type)")
    return value


def _answer(event: Any) -> str:
    attendees = event.get("ATTENDEE", [])
    people = attendees if isinstance(attendees, list) else [attendees]
    answers = [str(each.params.get("PARTSTAT", "")).lower() for each in people]
    return next((each for each in answers if each in ("accepted", "declined", "tentative")), "tentative")
