"""One message of an outbox, as it stood when it was looked at."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rsmtp._rsmtp import Receipt


class Event(NamedTuple):
    """Something that happened to a message."""

    at: datetime
    #: "put off", "sent", "refused", "unknown", "dead", "suppressed", "cancelled", "queued"
    what: str
    #: In the server's words, a line for each recipient.
    words: str
    server: str | None


class Entry(NamedTuple):
    """A message of an outbox."""

    id: int
    key: str | None
    #: "queued", "sending", "sent", "refused", "unknown", "dead", "suppressed" or "cancelled"
    state: str
    from_addr: str
    to_addrs: list[str]
    subject: str
    message_id: str | None
    #: Octets.
    size: int
    priority: int
    attempts: int
    created: datetime
    changed: datetime
    #: Not sent before.
    due: datetime
    #: Not sent afterwards; None: no such limit.
    expires: datetime | None
    server: str | None
    error: str | None
    #: What became of each recipient until now.
    receipt: Receipt
    #: The state of each recipient: "open", or one of those a message ends in.
    states: list[str]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = self._asdict()
        for name in ("created", "changed", "due", "expires"):
            told[name] = told[name] and told[name].isoformat()
        recipients = self.receipt.to_dict()["recipients"]
        for recipient, state in zip(recipients, told.pop("states"), strict=True):
            recipient["state"] = state
        del told["receipt"], told["to_addrs"]
        return {**told, "recipients": recipients}


_COLUMNS = (
    "id, key, state, sender, subject, message_id, size, priority, attempts, created, changed, due, expires,"
    " server, error"
)


def entries(
    connection: sqlite3.Connection, where: str = "TRUE", given: Iterable[Any] = ()
) -> Iterator[Entry]:
    """Those that fulfil a condition, a few hundred at a time: others may write meanwhile."""
    last = -1
    while True:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM outbox_message WHERE id > ? AND ({where}) ORDER BY id LIMIT 200",
            (last, *given),
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        recipients: dict[int, list[tuple[Any, ...]]] = {}
        for message, *recipient in connection.execute(
            "SELECT message, address, state, fate, stage, code, text, transient FROM outbox_recipient"
            " WHERE message IN (SELECT value FROM json_each(?)) ORDER BY message, position",
            (json.dumps([row[0] for row in rows]),),
        ):
            recipients.setdefault(message, []).append(tuple(recipient))
        for row in rows:
            yield _entry(row, recipients[row[0]])


def _entry(row: tuple[Any, ...], recipients: list[tuple[Any, ...]]) -> Entry:
    (id, key, state, sender, subject, message_id, size, priority, attempts, created, changed, due, expires,
     server, error) = row  # fmt: skip
    names = ("address", "state", "fate", "stage", "code", "text", "transient")
    told = [dict(zip(names, recipient, strict=True)) for recipient in recipients]
    for recipient in told:
        recipient["transient"] = bool(recipient["transient"])
    receipt = Receipt.from_dict({
        "index": id, "from_addr": sender, "message_id": message_id, "attempts": attempts, "server": server,
        "seconds": None, "error": error, "recipients": told,
    })  # fmt: skip
    return Entry(
        id, key, state, sender, [one["address"] for one in told], subject, message_id, size, priority,
        attempts, _time(created), _time(changed), _time(due), None if expires is None else _time(expires),
        server, error, receipt, [one["state"] for one in told],
    )  # fmt: skip


def events(connection: sqlite3.Connection, message: int) -> list[Event]:
    """The history of a message, from its beginning on."""
    (created,) = connection.execute("SELECT created FROM outbox_message WHERE id = ?", (message,)).fetchone()
    rows = connection.execute(
        "SELECT at, what, words, server FROM outbox_event WHERE message = ? ORDER BY rowid", (message,)
    )
    put = Event(_time(created), "queued", "put into the outbox", None)
    return [put, *(Event(_time(at), what, words, server) for at, what, words, server in rows)]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
