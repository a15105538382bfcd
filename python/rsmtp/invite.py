"""Invitations: an event that mail programs show with buttons to accept and decline.

from rsmtp import Invite, Message

invite = Invite(
    start=datetime(2026, 12, 1, 10, tzinfo=ZoneInfo("Europe/Berlin")),
    duration=timedelta(hours=1),
    summary="Planning",
)
mailer.send(Message(calendar=invite, from_="ann@example.org", to=["bob@example.com"]))
mailer.send(Message(calendar=invite.cancel(), from_="ann@example.org", to=["bob@example.com"]))
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from os import PathLike
from typing import Any, ClassVar, Literal

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public

__all__ = ["Answer", "Invite", "Method"]

#: The purpose of a calendar object (RFC 5546 section 1.4).
Method = Literal["request", "cancel", "reply", "publish"]
#: The answer to an invitation (PARTSTAT, RFC 5545 section 3.2.12).
Answer = Literal["accepted", "declined", "tentative"]

METHODS = ("request", "cancel", "reply", "publish")
ANSWERS = ("accepted", "declined", "tentative")


@public
@dataclass(frozen=True, kw_only=True)
class Invite:
    """An event, and a request or a notice about it (RFC 5545, RFC 5546, RFC 6047).

    `Message(calendar=invite)` sends it in the form for which Gmail, Outlook and Apple Mail show
    buttons: as text/calendar, the last alternative of the content, and also as the file invite.ics.
    Needs `pip install 'rsmtp[calendar]'`.

    Args:
        start: a datetime with a time zone, or a date for an event of whole days.
        end: the end, of the same type as `start`; for an event of whole days, the day after the
            last one. Default: `start` plus `duration`. Without a duration, one day for a date, and
            no time at all for a datetime.
        duration: a timedelta, instead of `end`.
        summary: the event's name. The message's subject is made from it, if no other is given.
        organizer: the event's organizer. Default: the message's From. Outlook shows buttons only
            if it is the address in From.
        attendees: the people invited, in the form of a message's `to`. Default: the message's To and Cc.
        optional: attendees who need not come.
        location, description, url: the place, the details, and a page about the event.
        repeat: a recurrence rule: "FREQ=WEEKLY;COUNT=4" (RFC 5545 section 3.3.10).
        reminder: a timedelta: how long before the start calendars show a reminder.
        occurrence: the start of a single occurrence of a repeated event (RECURRENCE-ID), if only
            that one is meant. Default: all of them.
        uid: the identifier by which calendars recognise the event. Default: a new one. A program
            that sends an update later keeps `uid` and `sequence`.
        sequence: the number of the revision, 0 for the first.
        method: "request", "cancel", "reply", or "publish" (an event for information, without
            buttons).
        answer: for a reply: "accepted", "declined" or "tentative".

    Raises TypeError and ValueError, which name the argument, also for a time without a time zone.
    """

    start: datetime | date
    end: datetime | date | None = None
    duration: timedelta | None = None
    summary: str
    organizer: rsmtp.typing.Mailbox | None = None
    attendees: rsmtp.typing.Addresses | None = None
    optional: rsmtp.typing.Addresses | None = None
    location: str | None = None
    description: str | None = None
    url: str | None = None
    repeat: str | None = None
    reminder: timedelta | None = None
    occurrence: datetime | date | None = None
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    sequence: int = 0
    method: Method = "request"
    answer: Answer | None = None

    #: Of an event that was read: what else it has, and its start.
    _kept: ClassVar[tuple[bytes, date] | None] = None

    def __post_init__(self) -> None:
        _moment("start", self.start, self.start)
        for name in ("end", "occurrence"):
            if (given := getattr(self, name)) is not None:
                _moment(name, given, self.start)
        if self.duration is not None:
            _span("duration", self.duration)
            if self.end is not None:
                raise ValueError("duration: `end` says already when it is over")
            if not isinstance(self.start, datetime) and self.duration % timedelta(days=1):
                raise ValueError(f"duration: {self.duration} is not in whole days, as `start` is")
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"end: {self.end} is not after the start, {self.start}")
        _in_time(self)
        if self.reminder is not None:
            _span("reminder", self.reminder)
        for name in ("summary", "uid"):
            if not _text(name, getattr(self, name)):
                raise ValueError(f"{name}: it is empty")
        for name in ("location", "description", "url", "repeat"):
            if getattr(self, name) is not None:
                _text(name, getattr(self, name))
        arguments.whole("sequence", self.sequence, 0, 2**31 - 1, "a whole number, 0 or more")
        arguments.one_of("method", self.method, METHODS)
        if self.answer is not None:
            arguments.one_of("answer", self.answer, ANSWERS)
        if (self.method == "reply") != (self.answer is not None):
            raise ValueError('answer: a reply has one, and nothing else has: method="reply"')
        if self.repeat is not None:
            from rsmtp._content.calendar.writing import rule

            rule(self.repeat)

    def update(self, **changes: Any) -> Invite:
        """The next revision of this event, with these arguments changed. Calendars replace the event
        and ask the attendees again. What an event that was read has beside them, such as EXDATE, stays."""
        changed = {"sequence": self.sequence + 1, **changes}
        if "end" in changes and "duration" not in changes:
            changed["duration"] = None
        if "duration" in changes and "end" not in changes:
            changed["end"] = None
        start = changes.get("start")
        if isinstance(start, date) and self.end is not None and not {"end", "duration"} & changes.keys():
            # An event that is moved keeps its duration.
            try:
                changed["end"] = start + _between(self.start, self.end)
            except OverflowError:
                raise _too_late("start", start) from None
        return _replaced(self, changed)

    def cancel(self, *, occurrence: datetime | date | None = None) -> Invite:
        """A cancellation, which removes the event, or one occurrence, from the attendees' calendars."""
        changed: dict[str, Any] = {"method": "cancel", "sequence": self.sequence + 1, "reminder": None}
        if occurrence is not None:
            changed["occurrence"] = occurrence
        return _replaced(self, changed)

    def reply(self, answer: Answer, attendee: rsmtp.typing.Mailbox) -> Invite:
        """The answer of one attendee, to be sent to the organizer.

        invite = rsmtp.Invite.read(original)
        mailer.send(original.reply("I'll be there.", calendar=invite.reply("accepted", "bob@example.com")))
        """
        if self.organizer is None:
            raise ValueError("reply: the invitation has no organizer to reply to")
        changed: dict[str, Any] = {"method": "reply", "answer": answer, "attendees": [attendee]}
        return _replaced(self, {**changed, "optional": None, "reminder": None})

    @classmethod
    def read(cls, source: rsmtp.typing.AnyMessage | bytes | str | PathLike[str]) -> Invite:
        """The invitation in a message, or in a calendar: its octets, its text, or the path of a file.

        The first event in it is read. Raises ValueError if there is no readable event.
        """
        from rsmtp._content.calendar.reading import read

        found, kept = read(source)
        try:
            invite = cls(**found)
            object.__setattr__(invite, "_kept", (kept, invite.start))
            return invite
        except (TypeError, ValueError) as refused:
            raise ValueError(f"the calendar can't be read: {refused}") from None

    def to_ical(
        self,
        *,
        organizer: rsmtp.typing.Mailbox | None = None,
        attendees: rsmtp.typing.Addresses | None = None,
    ) -> bytes:
        """The calendar object (RFC 5545). The arguments are used where the invitation has no value."""
        from rsmtp._content.calendar.writing import written

        return written(self, organizer, attendees)


def _replaced(invite: Invite, changes: dict[str, Any]) -> Invite:
    for name in changes:
        if name not in Invite.__dataclass_fields__:
            raise arguments.unexpected("update", name, Invite)
    made = replace(invite, **changes)
    if invite._kept is not None:
        kept, first = invite._kept
        if "reminder" in changes:
            from rsmtp._content.calendar.kept import without_alarms

            kept = without_alarms(kept)
        object.__setattr__(made, "_kept", (kept, first))
    return made


def _moment(name: str, value: Any, start: Any) -> None:
    if not isinstance(value, date):
        raise arguments.wanted(name, "a datetime with a time zone, or a date,", value)
    if isinstance(value, datetime) != isinstance(start, datetime):
        raise TypeError(f"{name}: a {type(start).__name__} is wanted, as `start` is one")
    if isinstance(value, datetime) and value.utcoffset() is None:
        raise ValueError(
            f"{name}: {value.isoformat()} has no time zone, so attendees elsewhere would come at another "
            'time: give it tzinfo=ZoneInfo("Europe/Berlin"), or the zone that is meant'
        )

    if isinstance(value, datetime):
        try:
            value.astimezone(UTC)
        except OverflowError:
            raise _too_late(name, value) from None


def _in_time(invite: Invite) -> None:
    from rsmtp._content.calendar.writing import end_of

    try:
        end_of(invite)
    except OverflowError:
        name = "start" if invite.duration is None else "duration"
        raise _too_late(name, getattr(invite, name)) from None


def _too_late(name: str, value: Any) -> ValueError:
    return ValueError(f"{name}: {value} leads out of the years 1 to 9999, which a calendar has")


def _between(start: Any, end: Any) -> timedelta:
    lasts: timedelta = end - start
    return lasts


def _span(name: str, value: Any) -> None:
    if not isinstance(value, timedelta):
        raise arguments.wanted(name, "a timedelta", value)
    if value <= timedelta(0):
        raise ValueError(f"{name}: {value} is not a span of time over 0")


def _text(name: str, value: Any) -> str:
    given = arguments.text(name, value)
    allowed = "\t\n\r" if name == "description" else ""
    for character in given:
        if (character < " " or character == "\x7f") and character not in allowed:
            raise ValueError(f"{name}: {given!r} contains a control character")
    return given
