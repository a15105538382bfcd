"""An invitation as text, for mail programs that can't read calendars."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from rsmtp._content.calendar.writing import end_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import rsmtp

_ANSWERED = {"accepted": "Accepted", "declined": "Declined", "tentative": "Tentatively accepted"}


def subject_of(invite: rsmtp.Invite) -> str:
    if invite.answer is not None:
        kind = _ANSWERED[invite.answer]
    elif invite.method == "cancel":
        kind = "Canceled"
    elif invite.method == "publish":
        return invite.summary
    else:
        kind = "Updated invitation" if invite.sequence else "Invitation"
    return f"{kind}: {invite.summary}"


def told(invite: rsmtp.Invite) -> str:
    """The invitation as text."""
    lines = [subject_of(invite), "", f"When: {_when(invite)}"]
    lines += [f"Where: {invite.location}"] if invite.location else []
    lines += [f"More: {invite.url}"] if invite.url else []
    lines += ["", invite.description] if invite.description else []
    return "\n".join(lines) + "\n"


def _when(invite: rsmtp.Invite) -> str:
    start, end = invite.start, end_of(invite)
    if not isinstance(start, datetime):
        last = (end or start) - timedelta(days=1)
        return _day(start) if last <= start else f"{_day(start)} to {_day(last)}"
    told = f"{_day(start)}, {start:%H:%M}"
    if isinstance(end, datetime):
        told += f" to {end:%H:%M}" if end.date() == start.date() else f" to {_day(end)}, {end:%H:%M}"
    zone = getattr(start.tzinfo, "key", None) or start.tzname() or "UTC"
    return f"{told} ({zone})"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def _day(moment: date) -> str:
    # The month names don't depend on the process's locale, because the rest is English.
    return f"{_DAYS[moment.weekday()]}, {moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
