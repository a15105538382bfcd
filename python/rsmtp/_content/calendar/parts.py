"""The parts that a calendar adds to a message."""

from __future__ import annotations

from copy import deepcopy

import rsmtp
from rsmtp._content.calendar.library import add_zones, blank
from rsmtp._content.calendar.octets import checked, octets_of
from rsmtp._content.calendar.people import pairs
from rsmtp._content.calendar.told import subject_of, told
from rsmtp._content.calendar.writing import written

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parts(value: Any, message: Any) -> tuple[Any, Any, str, str | None]:
    """What `Message(calendar=value)` adds: the part that mail programs read, the file for other
    programs (or None), and the text and subject for a message without them."""
    from rsmtp.invite import Invite

    text = "The attached calendar file has the details."
    subject = None
    if isinstance(value, Invite):
        octets = written(value, message["From"], _recipients(message))
        text, subject = told(value), subject_of(value)
    elif hasattr(value, "to_ical"):
        octets = _object(value)
    else:
        octets = octets_of(value)
    content, method = checked(octets)
    form = rsmtp.Message(content, "calendar", "utf-8")
    form.set_param("method", method)
    del form["MIME-Version"]
    file = None if method == "REPLY" else ("invite.ics", content.encode(), "application/ics")
    return form, file, text, subject


def _recipients(message: Any) -> list[tuple[str, str]] | None:
    found = [pair for name in ("To", "Cc") for field in message.get_all(name, []) for pair in pairs(field)]
    return found or None


def _object(value: Any) -> bytes:
    """The octets of a calendar, or of a component, of the package icalendar."""
    calendar = deepcopy(value)
    if getattr(calendar, "name", None) != "VCALENDAR":
        component, calendar = calendar, blank()
        calendar.add_component(component)
    add_zones(calendar)
    octets: bytes = calendar.to_ical()
    return octets
