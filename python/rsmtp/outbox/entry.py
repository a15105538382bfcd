"""One message of an outbox, as it was when it was read."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rsmtp._rsmtp import Receipt
from rsmtp.outbox import claims, fates, options, sent, turns
from rsmtp.outbox.recipients import STATES, read, shown


class Event(NamedTuple):
    """Something that happened to a message."""

    at: datetime
    #: "put off", "sent", "refused", "unknown", "dead", "suppressed", "cancelled", "queued"; for reports
    #: that came back: "bounced", "delayed", "delivered", "complained", "replied", ......
    what: str
    #: In the server's words, a line for each recipient.
    words: str
    server: str | None


class History(list[Event]):
    """The events of a message, oldest first. A notebook shows them as a table."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from rsmtp.display import outbox

        return outbox.history(self)


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
    #: Size in octets.
    size: int
    priority: int
    attempts: int
    created: datetime
    changed: datetime
    #: The message is not sent before this time.
    due: datetime
    #: The message is not sent after this time. None: no limit.
    expires: datetime | None
    server: str | None
    error: str | None
    #: The latest result for each recipient.
    receipt: Receipt
    #: The state of each recipient: "open", or one of those a message ends in.
    states: list[str]

    @property
    def why(self) -> str | None:
        """Why it was not sent, or not to all: the server's words about the first recipient who did not
        get it, or the error that came before. None: nothing went wrong."""
        if self.state in ("sent", "sending", "cancelled"):
            return None
        for recipient, state in zip(self.receipt.recipients, self.states, strict=True):
            if recipient.text and state in (self.state, "open"):
                return f"{recipient.code or ''} {recipient.text}".strip()
        return self.error

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        told = self._asdict()
        for name in ("created", "changed", "due", "expires"):
            told[name] = told[name] and told[name].isoformat()
        receipt = self.receipt.to_dict()
        recipients = receipt["recipients"]
        for recipient, state in zip(recipients, told.pop("states"), strict=True):
            recipient["state"] = state
        del told["receipt"], told["to_addrs"]
        said = {name: receipt[name] for name in ("options", "options_left_out")}
        return {**told, **said, "recipients": recipients}


#: `id`, `state`, `recipients`, `key`, `subject`, `sender` and `changed` may be asked for.
ENTRIES = f"""
SELECT id, key, CASE WHEN s.first IS NOT NULL THEN 'sent' WHEN COALESCE(f.state, 'queued') != 'queued'
    THEN f.state WHEN {claims.IS_SENDING} THEN 'sending' ELSE 'queued' END AS state,
    sender, subject, message_id, size, priority,
    CASE WHEN s.first IS NOT NULL THEN 1 ELSE COALESCE(f.attempts, 0) END AS attempts, created,
    COALESCE(s.changed, f.changed, created) AS changed, COALESCE(f.due, m.due) AS due, expires,
    COALESCE(s.server, f.server) AS server, error, recipients, COALESCE(s.code, f.code) AS code,
    COALESCE({sent.TEXT}, f.text) AS text, told, said
FROM outbox_message AS m LEFT JOIN outbox_fate AS f ON f.message = m.id
    LEFT JOIN outbox_options AS o ON o.message = m.id {sent.JOIN}
"""
#: Only messages with a row in `outbox_fate` are in these states, so an index finds them. The condition
#: must match the index word for word, or SQLite does not use the index.
LOOKED_UP = frozenset({"refused", "unknown", "dead", "suppressed", "cancelled"})
IS_LOOKED_UP = "state <> 'sent'"


def in_states(states: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """A condition for `entries`, with its parameters."""
    marks = ", ".join("?" * len(states))
    if LOOKED_UP.issuperset(states):
        chosen = f"SELECT message FROM outbox_fate WHERE {IS_LOOKED_UP} AND state IN ({marks})"
        return f"id IN ({chosen})", tuple(states)
    return f"state IN ({marks})", tuple(states)


def entries(
    connection: sqlite3.Connection, where: str = "TRUE", given: Iterable[Any] = ()
) -> Iterator[Entry]:
    """The messages that match a condition, read a few hundred at a time so that others can write
    meanwhile."""
    last = -1
    while True:
        rows = connection.execute(
            f"SELECT * FROM ({ENTRIES}) WHERE id > ? AND ({where}) ORDER BY id LIMIT 200", (last, *given)
        ).fetchall()
        if not rows:
            return
        last = rows[-1][0]
        yield from map(_entry, rows)


def _entry(row: tuple[Any, ...]) -> Entry:
    (id, key, state, sender, subject, message_id, size, priority, attempts, created, changed, due, expires,
     server, error, recipients, code, text, told, stored) = row  # fmt: skip
    addresses = recipients.split("\n")
    standings = read(told, len(addresses), state, code, text)
    said = options.read(stored)
    of_recipients = [said["recipients"].get(address, []) for address in addresses]
    receipt = Receipt.from_dict({
        "index": id, "from_addr": sender, "message_id": message_id, "attempts": attempts, "server": server,
        "seconds": None, "error": error,
        "options": said["options"], "options_left_out": said["options_left_out"],
        "recipients": [shown(*one) for one in zip(addresses, standings, of_recipients, strict=True)],
    })  # fmt: skip
    return Entry(
        id, key, state, sender, addresses, subject, message_id, size, priority,
        attempts, _time(created), _time(changed), _time(due), None if expires is None else _time(expires),
        server, error, receipt, [one.state for one in standings],
    )  # fmt: skip


def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """The number of messages in each state."""
    found = dict(connection.execute("SELECT state, count(*) FROM outbox_fate GROUP BY state"))
    found["sent"] = found.get("sent", 0) + sent.count(connection)
    held = "SELECT COALESCE(sum(last - first + 1), 0) FROM outbox_claim WHERE said = ?"
    (found["sending"],) = connection.execute(held, (True,)).fetchone()
    found["queued"] = turns.waiting(connection) + connection.execute(held, (False,)).fetchone()[0]
    return dict.fromkeys(STATES, 0) | found


def events(connection: sqlite3.Connection, message: int) -> History:
    """The events of a message, oldest first."""
    entry = next(entries(connection, "id = ?", (message,)))
    put = Event(entry.created, "queued", "put into the outbox", None)
    rows = connection.execute(
        "SELECT at, what, words, server FROM outbox_event WHERE message = ? ORDER BY rowid", (message,)
    )
    told = History([put, *(Event(_time(at), what, words, server) for at, what, words, server in rows)])
    if fates.of(connection, message).is_plainly_sent:
        told.append(Event(entry.changed, "sent", str(entry.receipt), entry.server))
    return told


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
