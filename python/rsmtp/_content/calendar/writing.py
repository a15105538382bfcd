"""Writes an invitation as a calendar object."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from rsmtp._common.mailboxes import folded
from rsmtp._content.calendar.kept import add_kept
from rsmtp._content.calendar.library import add_zones, blank, icalendar
from rsmtp._content.calendar.people import calendar_address, mailboxes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import rsmtp


def written(invite: rsmtp.Invite, organizer: Any, attendees: Any) -> bytes:
    """The calendar object of an invitation."""
    calendar = blank()
    calendar.add("method", invite.method.upper())
    event = icalendar().Event()
    event.add("uid", invite.uid)
    event.add("dtstamp", datetime.now(UTC).replace(microsecond=0))
    event.add("sequence", invite.sequence)
    event.add("summary", invite.summary)
    event.add("dtstart", _moment(invite.start))
    if (end := end_of(invite)) is not None:
        event.add("dtend", _moment(end))
    if invite.occurrence is not None:
        event.add("recurrence-id", _moment(invite.occurrence))
    for name in ("location", "description", "url"):
        if (value := getattr(invite, name)) is not None:
            event.add(name, value)
    # A changed occurrence does not repeat by itself (RFC 5546 section 3.2.2).
    if invite.repeat is not None and invite.occurrence is None:
        event.add("rrule", rule(invite.repeat))
    _add_people(event, invite, organizer, attendees)
    if invite.method != "reply":
        event.add("status", "CANCELLED" if invite.method == "cancel" else "CONFIRMED")
        event.add("transp", "OPAQUE" if isinstance(invite.start, datetime) else "TRANSPARENT")
    if invite._kept is not None and invite.method != "reply":
        add_kept(event, invite, *invite._kept)
    if invite.reminder is not None:
        alarm = icalendar().Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", invite.summary)
        alarm.add("trigger", -invite.reminder)
        event.add_component(alarm)
    calendar.add_component(event)
    add_zones(calendar)
    octets: bytes = calendar.to_ical()
    return octets


def _add_people(event: Any, invite: rsmtp.Invite, organizer: Any, attendees: Any) -> None:
    owner = mailboxes("organizer", organizer if invite.organizer is None else invite.organizer)
    if len(owner) > 1:
        raise ValueError(f"organizer: one address is wanted, not {len(owner)}")
    if not owner and invite.method != "publish":
        raise ValueError("organizer: the invitation has none, and the message no From to take it from")
    for mailbox in owner:
        event.add("organizer", calendar_address(*mailbox))
    needed = mailboxes("attendees", attendees if invite.attendees is None else invite.attendees)
    optional = mailboxes("optional", invite.optional)
    if invite.method != "publish" and not needed and not optional:
        raise ValueError("attendees: the invitation has none, and the message no To to take them from")
    optional_addresses = {folded(address) for _, address in optional}
    for name, address in needed:
        if folded(address) not in optional_addresses:
            event.add("attendee", _attendee(invite, name, address, "REQ-PARTICIPANT"))
    for name, address in optional:
        event.add("attendee", _attendee(invite, name, address, "OPT-PARTICIPANT"))


def _attendee(invite: rsmtp.Invite, name: str, address: str, role: str) -> Any:
    attendee = calendar_address(name, address)
    if invite.answer is not None:
        attendee.params["PARTSTAT"] = invite.answer.upper()
        return attendee
    attendee.params["ROLE"] = role
    if invite.method == "request":
        attendee.params["PARTSTAT"] = "NEEDS-ACTION"
        attendee.params["RSVP"] = "TRUE"
    return attendee


def _moment(value: date) -> date:
    """A time in a named zone keeps the zone, so that it follows the zone's rules. Any other time is
    converted to UTC."""
    if not isinstance(value, datetime):
        return value
    zone = value.tzinfo
    has_name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    value = value.replace(microsecond=0)
    return value if has_name and has_name != "UTC" else value.astimezone(UTC)


def end_of(invite: rsmtp.Invite) -> date | None:
    if invite.end is not None:
        return invite.end
    if invite.duration is not None:
        if isinstance(invite.start, datetime):
            # If the clocks change during the event, its duration counts in elapsed hours.
            return (invite.start.astimezone(UTC) + invite.duration).astimezone(invite.start.tzinfo)
        return invite.start + invite.duration
    return None if isinstance(invite.start, datetime) else invite.start + timedelta(days=1)


def rule(text: str) -> Any:
    """The parsed recurrence rule."""
    try:
        found = icalendar().vRecur.from_ical(text.removeprefix("RRULE:"))
        if "FREQ" not in found:
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(
            f'repeat: {text!r} is no recurrence rule, such as "FREQ=WEEKLY;COUNT=4" (RFC 5545 section 3.3.10)'
        ) from None
    return found
