"""Messages of an outbox and their histories, as JSON."""

from datetime import UTC, datetime
from typing import Final

from rsmtp._rsmtp import Recipient
from rsmtp._web.answer import Json
from rsmtp.outbox import Entry, Event

# The page lists at most this many recipients of a message; the message's source has them all.
MOST_RECIPIENTS: Final = 1_000


def summary(entry: Entry) -> Json:
    """A row of the list."""
    return {
        "id": entry.id,
        "key": entry.key,
        "state": entry.state,
        "from_addr": entry.from_addr,
        "to_addrs": entry.to_addrs[:3],
        "recipient_count": len(entry.to_addrs),
        "subject": entry.subject,
        "size": entry.size,
        "attempts": entry.attempts,
        "created": _time(entry.created),
        "changed": _time(entry.changed),
        "due": _time(entry.due),
        "words": entry.why,
    }


def detail(entry: Entry, history: list[Event]) -> Json:
    told = zip(entry.receipt.recipients, entry.states, strict=True)
    return {
        **summary(entry),
        "message_id": entry.message_id,
        "priority": entry.priority,
        "expires": None if entry.expires is None else _time(entry.expires),
        "server": entry.server,
        "error": entry.error,
        "options": entry.receipt.options,
        "options_left_out": entry.receipt.options_left_out,
        "recipients": [_recipient(recipient, state) for recipient, state in list(told)[:MOST_RECIPIENTS]],
        "history": [*map(_event, history), *_ahead(entry)],
    }


def _recipient(recipient: Recipient, state: str) -> Json:
    return {
        "address": recipient.address,
        "state": state,
        "fate": recipient.fate,
        "stage": recipient.stage,
        "code": recipient.code,
        "text": recipient.text,
        "options": recipient.options,
        "advice": None if (advice := recipient.advice) is None else advice.to_dict(),
    }


def _event(event: Event) -> Json:
    return {"at": _time(event.at), "what": event.what, "words": event.words, "server": event.server}


def _ahead(entry: Entry) -> list[Json]:
    """What is happening to the message, and what comes next."""
    if entry.state == "sending":
        words = "the end of its mail data is said, and the server's answer is waited for"
        return [{"at": _time(entry.changed), "what": "sending", "words": words, "server": entry.server}]
    if entry.state != "queued":
        return []
    words = "for its next attempt" if entry.attempts else "for its first attempt"
    if entry.due <= datetime.now(UTC):
        words += ": it is due, as soon as a process sends"
    return [{"at": _time(entry.due), "what": "waiting", "words": words, "server": None}]


def _time(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
