"""Reads an invitation from a message or a calendar."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from rsmtp._content.calendar.library import icalendar
from rsmtp._content.calendar.octets import checked, octets_of
from rsmtp._content.calendar.people import line, person_of
from rsmtp._rsmtp import Message as Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read(source: Any) -> dict[str, Any]:
    """The arguments for the `Invite` that a message or a calendar contains."""
    octets = (
        _in_message(source) if hasattr(source, "walk") and hasattr(source, "get_all") else octets_of(source)
    )
    text, method = checked(octets)
    try:
        calendar = icalendar().Calendar.from_ical(text)
        event = next((each for each in calendar.walk("VEVENT")), None)
        if event is None:
            raise ValueError("there is no event in it")
        found = _arguments(event)
    except (ValueError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise ValueError(f"the calendar can't be read: {str(error)[:200]}") from None
    known = method.lower() in ("request", "cancel", "publish", "reply")
    found["method"] = method.lower() if known else "request"
    if found["method"] == "reply":
        found["answer"] = _answer(event)
    return found


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
    found: dict[str, Any] = {
        "start": _zoned(event["DTSTART"].dt),
        "summary": line(event.get("SUMMARY")) or "(no title)",
        "uid": line(event.get("UID")),
        "sequence": int(event.get("SEQUENCE", 0)),
    }
    if not found["uid"]:
        raise ValueError("the event has no UID")
    if "DTEND" in event and event["DTEND"].dt != event["DTSTART"].dt:
        found["end"] = _zoned(event["DTEND"].dt)
    elif "DURATION" in event and event["DURATION"].dt > timedelta(0):
        found["duration"] = event["DURATION"].dt
    if "RECURRENCE-ID" in event:
        found["occurrence"] = _zoned(event["RECURRENCE-ID"].dt)
    for name in ("location", "url"):
        if value := line(event.get(name)):
            found[name] = value
    if description := event.get("DESCRIPTION"):
        found["description"] = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", " ", str(description))
    if "RRULE" in event:
        rules = event["RRULE"]
        found["repeat"] = (rules[0] if isinstance(rules, list) else rules).to_ical().decode()
    if "ORGANIZER" in event and (owner := person_of(event["ORGANIZER"])):
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


def _zoned(moment: Any) -> Any:
    """A floating time applies in the zone of the reader, so it is read in this machine's zone."""
    is_floating = isinstance(moment, datetime) and moment.utcoffset() is None
    return moment.astimezone() if is_floating else moment


def _answer(event: Any) -> str:
    attendees = event.get("ATTENDEE", [])
    people = attendees if isinstance(attendees, list) else [attendees]
    answers = [str(each.params.get("PARTSTAT", "")).lower() for each in people]
    return next((each for each in answers if each in ("accepted", "declined", "tentative")), "tentative")
