"""What an event that was read has beside the arguments of an `Invite`: its next revision has it, too."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime

from rsmtp._common.mailboxes import folded
from rsmtp._content.calendar.library import icalendar
from rsmtp._content.calendar.people import person_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import rsmtp

# An `Invite` has these as arguments, or they are made anew for each revision.
_MADE = frozenset({
    "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "REQUEST-STATUS", "SUMMARY", "UID", "DTSTART", "DTEND",
    "DURATION", "RECURRENCE-ID", "LOCATION", "URL", "DESCRIPTION", "RRULE",
})  # fmt: skip
_PEOPLE = ("ORGANIZER", "ATTENDEE")
_DATES = ("EXDATE", "RDATE")
# An update asks the attendees again. `calendar_address` writes the name.
_ASKED = frozenset({"CN", "PARTSTAT", "RSVP"})


def kept_of(event: Any) -> bytes:
    """The event without what an `Invite` says of it."""
    kept = icalendar().Event()
    for name, value in event.items():
        if name in _DATES:
            _add_dates(kept, name, _moments(value))
        elif name not in _MADE:
            kept[name] = value
    for component in event.subcomponents:
        with contextlib.suppress(ValueError):  # one that can't be read isn't written either
            icalendar().Component.from_ical(component.to_ical())
            kept.add_component(component)
    octets: bytes = kept.to_ical()
    return octets


def add_kept(event: Any, invite: rsmtp.Invite, kept: bytes, first: date) -> None:
    """Adds it to the event that is being written; `first` is the start of the event that was read."""
    before = icalendar().Event.from_ical(kept)
    for name, value in before.items():
        if name in _PEOPLE:
            _add_parameters(event, name, value)
        elif name in _DATES:
            if invite.occurrence is None:
                _add_dates(event, name, [_moved(one, first, invite.start) for one in _moments(value)])
        elif name == "STATUS" and (invite.method == "cancel" or value == "CANCELLED"):
            continue
        else:
            event.pop(name, None)
            event[name] = value
    if invite.method != "cancel":
        for component in before.subcomponents:
            if component.name != "VALARM" or invite.reminder is None:
                event.add_component(component)


def without_alarms(kept: bytes) -> bytes:
    event = icalendar().Event.from_ical(kept)
    event.subcomponents = [one for one in event.subcomponents if one.name != "VALARM"]
    octets: bytes = event.to_ical()
    return octets


def _add_parameters(event: Any, name: str, before: Any) -> None:
    known: dict[str, Any] = {}
    for one in _several(before):
        if (person := person_of(one)) is not None:
            known[folded(person[1])] = one.params
    for one in _several(event.get(name, [])):
        person = person_of(one)
        for parameter, value in known.get(folded(person[1]), {}).items() if person else ():
            if parameter == "ROLE":
                # `optional` says which of them need not come.
                if value in ("CHAIR", "NON-PARTICIPANT") and one.params.get("ROLE") == "REQ-PARTICIPANT":
                    one.params["ROLE"] = value
            elif parameter not in _ASKED:
                one.params[parameter] = value


def _moments(dates: Any) -> list[Any]:
    """The times of EXDATE or RDATE; a period has two. What can't be read is no time."""
    found: list[Any] = []
    for one in _several(dates):
        with contextlib.suppress(ValueError, AttributeError):
            found += [moment.dt for moment in one.dts]
    return found


def _add_dates(event: Any, name: str, moments: list[Any]) -> None:
    for moment in moments:
        if isinstance(moment, tuple):
            in_utc = [one.astimezone(UTC) if isinstance(one, datetime) else one for one in moment]
            event.add(name, [tuple(in_utc)], parameters={"VALUE": "PERIOD"})
        else:
            event.add(name, [moment])


def _moved(moment: Any, first: date, start: date) -> Any:
    """The same occurrence of an event whose first one has been moved, as its calendar shows them."""
    if isinstance(moment, tuple):
        return tuple(_moved(one, first, start) if isinstance(one, date) else one for one in moment)
    try:
        return _moved_by(moment, first, start)
    except OverflowError:  # at the end of the years that there are
        return moment


def _moved_by(moment: Any, first: date, start: date) -> Any:
    if not isinstance(start, datetime) or not isinstance(first, datetime):
        if isinstance(start, datetime) or isinstance(first, datetime) or isinstance(moment, datetime):
            return moment
        return moment + (start - first)
    if not isinstance(moment, datetime):
        return moment
    moment = moment.astimezone(first.tzinfo) if moment.utcoffset() is not None else moment
    by = start.replace(tzinfo=None) - first.replace(tzinfo=None)
    moved = (moment.replace(tzinfo=None) + by).replace(tzinfo=start.tzinfo)
    has_name = getattr(start.tzinfo, "key", None) or getattr(start.tzinfo, "zone", None)
    return moved if has_name and has_name != "UTC" else moved.astimezone(UTC)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
