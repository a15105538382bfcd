"""What happens to the messages of an outbox, one transaction each.

A message goes through these states:

| from | to | when |
| --- | --- | --- |
| | queued | it was put |
| queued, sending | sending | the end of its mail data is about to be said: it may arrive from here on |
| queued, sending | sent, refused, dead, suppressed | its answers have come, for every recipient |
| queued, sending | queued | some recipients have to be tried again later |
| sending | unknown | the connection was lost, or the process ended, before the answer |
| queued | dead | it has expired, or was tried for too long |
| queued | cancelled | by hand |
| unknown, refused, dead, cancelled | queued | by hand: `retry` |

A process that sends is an owner, with a lease that it renews. It claims messages that are
queued; only the owner of a message may send it. When a lease has run out, what its owner had
claimed is queued again, and what it was sending is unknown. An owner that has lost a message,
because it was stopped for longer than its lease, finds out before it says the end.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.outbox.content import Content, Stored
from rsmtp.outbox.database import Database, LeaseLost
from rsmtp.outbox.schedule import Schedule

# What one claim takes at most: messages, and octets of them.
_CLAIM = 500
_CLAIM_OCTETS = 16 * 1024 * 1024
#: Seconds for each of which it is counted what has become of messages, and how many of them are kept.
MINUTE = 60.0
_MINUTES = 7 * 24 * 60

#: The last states, by what is worst for one of the recipients.
WORST = ("unknown", "refused", "dead", "sent", "suppressed")
WAITING = ("queued", "sending")
STATES = (*WAITING, *WORST, "cancelled")


class Known(NamedTuple):
    """A message that was put before with the same key."""

    id: int
    same: bool


class Store:
    def __init__(self, database: Database, schedule: Schedule, lease: float) -> None:
        self.database = database
        self.schedule = schedule
        self.lease = lease

    # -- what comes in -------------------------------------------------------------------

    def put(
        self,
        connection: sqlite3.Connection,
        content: Content,
        *,
        now: float,
        key: str | None = None,
        due: float | None = None,
        expires: float | None = None,
        priority: int = 0,
    ) -> int:
        """Adds a message, within the transaction of this connection."""
        cursor = connection.execute(
            "INSERT INTO outbox_message (key, digest, state, priority, due, expires, created, changed,"
            " sender, options, rendered, size, message_id, subject)"
            " VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (key, content.digest(), priority, now if due is None else due, expires, now, now, content.sender,
             json.dumps(content.options), content.rendered, len(content.octets), content.message_id,
             content.subject),
        )  # fmt: skip
        message = cursor.lastrowid
        assert message is not None
        connection.executemany(
            "INSERT INTO outbox_recipient (message, position, address, state) VALUES (?, ?, ?, 'open')",
            [(message, position, address) for position, address in enumerate(content.recipients)],
        )
        connection.execute("INSERT INTO outbox_content VALUES (?, ?)", (message, content.octets))
        return message

    def known(self, connection: sqlite3.Connection, key: str, digest: bytes) -> Known | None:
        row = connection.execute("SELECT id, digest FROM outbox_message WHERE key = ?", (key,)).fetchone()
        return None if row is None else Known(row[0], row[1] == digest)

    # -- owners --------------------------------------------------------------------------

    def enlist(self, name: str, now: float) -> int:
        with self.database.writing() as connection:
            cursor = connection.execute(
                "INSERT INTO outbox_owner (name, lease) VALUES (?, ?)", (name, now + self.lease)
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def renew(self, owner: int, now: float) -> None:
        """Raises LeaseLost if the lease has run out, and another process has seen it."""
        with self.database.writing() as connection:
            renewed = connection.execute(
                "UPDATE outbox_owner SET lease = ? WHERE id = ?", (now + self.lease, owner)
            )
            if renewed.rowcount != 1:
                raise _lost(owner)
            connection.execute("DELETE FROM outbox_rate WHERE minute < ?", (_minute(now) - _MINUTES,))

    def resign(self, owner: int, now: float) -> None:
        """The owner sends no more: what it had claimed is for others, and what it has not
        heard of is unknown."""
        with self.database.writing() as connection:
            _end(connection, owner, now, "the sending ended before the server's answer was written down")

    def take_over(self, now: float) -> None:
        """Ends the owners whose lease has run out."""
        with self.database.reading() as connection:
            if not connection.execute(
                "SELECT 1 FROM outbox_owner WHERE lease < ? LIMIT 1", (now,)
            ).fetchone():
                return
        with self.database.writing() as connection:
            ended = connection.execute("SELECT id, name FROM outbox_owner WHERE lease < ?", (now,)).fetchall()
            for owner, name in ended:
                _end(connection, owner, now, f"{name} ended before the server's answer")

    def others(self, owner: int) -> dict[int, float]:
        """The leases of the other owners that have claimed something."""
        with self.database.reading() as connection:
            return dict(
                connection.execute(
                    "SELECT id, lease FROM outbox_owner WHERE id != ? AND EXISTS (SELECT 1 FROM"
                    " outbox_message WHERE owner = outbox_owner.id AND state IN ('queued', 'sending'))",
                    (owner,),
                )
            )

    # -- sending -------------------------------------------------------------------------

    def claim(self, owner: int, now: float, only: int | None = None) -> list[Stored]:
        """The next messages that are due, for this owner alone. `only`: this one, due or not.
        LeaseLost for an owner that has been ended."""
        with self.database.writing() as connection:
            if not connection.execute("SELECT 1 FROM outbox_owner WHERE id = ?", (owner,)).fetchone():
                raise _lost(owner)
            expired = connection.execute(
                "SELECT id FROM outbox_message WHERE state = 'queued' AND owner IS NULL AND expires <= ?",
                (now,),
            ).fetchall()
            for (message,) in expired:
                _give_up(connection, message, now, "it has expired before it could be sent")
            _count(connection, now, {"dead": len(expired)})
            if only is not None:
                found = connection.execute(
                    "SELECT id, size FROM outbox_message WHERE id = ? AND state = 'queued' AND owner IS NULL",
                    (only,),
                ).fetchall()
            else:
                found = connection.execute(
                    "SELECT id, size FROM outbox_message WHERE state = 'queued' AND owner IS NULL"
                    " AND due <= ? ORDER BY priority DESC, due, id LIMIT ?",
                    (now, _CLAIM),
                ).fetchall()
            claimed = json.dumps(list(_within(found, _CLAIM_OCTETS)))
            connection.execute(
                "UPDATE outbox_message SET owner = ? WHERE id IN (SELECT value FROM json_each(?))",
                (owner, claimed),
            )
            return _stored(connection, claimed)

    def say_ends(
        self,
        owner: int,
        messages: Sequence[int],
        settled: Iterable[tuple[int, list[Recipient]]],
        now: float,
    ) -> None:
        """The ends of these are about to be said; `settled` are recipients of theirs about whom
        the server has answered before: what becomes of the others can't make them unknown.
        LeaseLost, and nothing is written, if one of the messages is not this owner's any more: it
        must not be sent."""
        with self.database.writing() as connection:
            said = connection.execute(
                "UPDATE outbox_message SET state = 'sending', changed = ? WHERE owner = ? AND state IN"
                " ('queued', 'sending') AND id IN (SELECT value FROM json_each(?))",
                (now, owner, json.dumps(messages)),
            )
            if said.rowcount != len(set(messages)):
                raise _lost(owner)
            # A fate that may be another one later is told with all the others.
            connection.executemany(
                "UPDATE outbox_recipient SET state = ?, fate = ?, stage = ?, code = ?, text = ?"
                " WHERE message = ? AND position = (SELECT position FROM outbox_recipient"
                " WHERE message = ? AND address = ? AND state = 'open' ORDER BY position LIMIT 1)",
                [
                    (_ENDS[one.fate], one.fate, one.stage, one.code, one.text, message, message, one.address)
                    for message, recipients in settled
                    for one in recipients
                    if one.fate in ("sent", "refused") and not one.transient
                ],
            )

    def settle(
        self, owner: int, receipts: Sequence[tuple[int, Receipt]], now: float, *, counted: bool = True
    ) -> dict[str, int]:
        """Writes down what has become of messages. How many are now in which state, or were
        put off. What is no longer this owner's is left to the one who has it."""
        counts: dict[str, int] = {}
        with self.database.writing() as connection:
            ids = json.dumps([message for message, _ in receipts])
            tries: dict[int, tuple[int, float | None]] = {
                message: (attempts, first_tried)
                for message, attempts, first_tried in connection.execute(
                    "SELECT id, attempts, first_tried FROM outbox_message WHERE owner = ? AND id IN"
                    " (SELECT value FROM json_each(?))",
                    (owner, ids),
                )
            }
            open_ones, ended = _recipients(connection, ids)
            settled = _Settled(self.schedule, now, counted)
            for message, receipt in receipts:
                # One that was told twice is settled once.
                if (tried := tries.pop(message, None)) is not None:
                    what = settled.add(
                        message, receipt, *tried, open_ones[message], ended.get(message, set())
                    )
                    counts[what] = counts.get(what, 0) + 1
            settled.write(connection)
            _count(connection, now, counts)
        return counts

    # -- by hand -------------------------------------------------------------------------

    def retry(self, message: int, now: float) -> bool:
        """Queues again the recipients that have not got it. Not what is queued, sending, or
        sent to all."""
        with self.database.writing() as connection:
            changed = connection.execute(
                "UPDATE outbox_message SET state = 'queued', owner = NULL, due = ?, changed = ?,"
                " expires = NULL, first_tried = NULL, attempts = 0 WHERE id = ?"
                " AND state IN ('unknown', 'refused', 'dead', 'cancelled')",
                (now, now, message),
            ).rowcount
            if changed:
                connection.execute(
                    "UPDATE outbox_recipient SET state = 'open' WHERE message = ?"
                    " AND state IN ('unknown', 'refused', 'dead', 'cancelled')",
                    (message,),
                )
                _note(connection, message, now, "queued", "again, by hand", None)
            return bool(changed)

    def cancel(self, message: int, now: float) -> bool:
        """Only what no process has claimed."""
        with self.database.writing() as connection:
            changed = connection.execute(
                "UPDATE outbox_message SET state = 'cancelled', changed = ?"
                " WHERE id = ? AND state = 'queued' AND owner IS NULL",
                (now, message),
            ).rowcount
            if changed:
                connection.execute(
                    "UPDATE outbox_recipient SET state = 'cancelled' WHERE message = ? AND state = 'open'",
                    (message,),
                )
                _note(connection, message, now, "cancelled", "by hand", None)
            return bool(changed)

    def purge(self, states: Sequence[str], before: float) -> int:
        with self.database.writing() as connection:
            chosen = (
                "SELECT id FROM outbox_message WHERE changed < ? AND state IN"
                " (SELECT value FROM json_each(?))"
            )
            given = before, json.dumps(states)
            for table in ("outbox_recipient", "outbox_content", "outbox_event"):
                connection.execute(f"DELETE FROM {table} WHERE message IN ({chosen})", given)
            return connection.execute(f"DELETE FROM outbox_message WHERE id IN ({chosen})", given).rowcount


def _lost(owner: int) -> LeaseLost:
    return LeaseLost(
        f"owner {owner} has not renewed its lease in time, and another one has taken over its messages: none "
        "of them is sent from here any more. A longer lease= allows a process longer pauses"
    )


def _end(connection: sqlite3.Connection, owner: int, now: float, words: str) -> None:
    said = connection.execute(
        "SELECT id FROM outbox_message WHERE owner = ? AND state = 'sending'", (owner,)
    ).fetchall()
    _count(connection, now, {"unknown": len(said)})
    for (message,) in said:
        connection.execute(
            "UPDATE outbox_recipient SET state = 'unknown', fate = 'unknown', code = NULL, stage = NULL,"
            " text = NULL, transient = 0 WHERE message = ? AND state = 'open'",
            (message,),
        )
        # Its owner stays: should the answer come after all, it is told.
        connection.execute(
            "UPDATE outbox_message SET state = 'unknown', changed = ?, error = ? WHERE id = ?",
            (now, words, message),
        )
        _note(connection, message, now, "unknown", words, None)
    connection.execute(
        "UPDATE outbox_message SET owner = NULL WHERE owner = ? AND state = 'queued'", (owner,)
    )
    connection.execute("DELETE FROM outbox_owner WHERE id = ?", (owner,))


def _within(found: Iterable[tuple[int, int]], octets: int) -> Iterator[int]:
    """As many of them as so many octets hold; one in any case."""
    taken = 0
    for message, size in found:
        if taken and taken + size > octets:
            return
        taken += size
        yield message


def _stored(connection: sqlite3.Connection, claimed: str) -> list[Stored]:
    recipients: dict[int, list[str]] = {}
    for message, address in connection.execute(
        "SELECT message, address FROM outbox_recipient WHERE state = 'open' AND message IN"
        " (SELECT value FROM json_each(?)) ORDER BY message, position",
        (claimed,),
    ):
        recipients.setdefault(message, []).append(address)
    return [
        Stored(message, sender, recipients[message], json.loads(options), octets, bool(rendered))
        for message, sender, options, rendered, octets in connection.execute(
            "SELECT id, sender, options, rendered, octets FROM outbox_message JOIN outbox_content"
            " ON outbox_content.message = outbox_message.id WHERE id IN (SELECT value FROM json_each(?))"
            " ORDER BY priority DESC, due, id",
            (claimed,),
        )
    ]


def _recipients(
    connection: sqlite3.Connection, ids: str
) -> tuple[dict[int, list[tuple[int, str]]], dict[int, set[str]]]:
    """Of each message, the recipients that may still be told of, and the states of the others."""
    open_ones: dict[int, list[tuple[int, str]]] = {}
    ended: dict[int, set[str]] = {}
    for message, position, address, state in connection.execute(
        "SELECT message, position, address, state FROM outbox_recipient WHERE message IN"
        " (SELECT value FROM json_each(?)) ORDER BY message, position",
        (ids,),
    ):
        # An answer that comes after its owner's lease had run out makes an unknown fate known.
        if state in ("open", "unknown"):
            open_ones.setdefault(message, []).append((position, address))
        else:
            ended.setdefault(message, set()).add(state)
    return open_ones, ended


class _Settled:
    """The rows that some receipts change."""

    def __init__(self, schedule: Schedule, now: float, counted: bool) -> None:
        self.schedule = schedule
        self.now = now
        self.counted = counted
        self.messages: list[tuple[Any, ...]] = []
        self.recipients: list[tuple[Any, ...]] = []
        self.events: list[tuple[Any, ...]] = []

    def add(
        self,
        message: int,
        receipt: Receipt,
        attempts: int,
        first_tried: float | None,
        open_ones: list[tuple[int, str]],
        states: set[str],
    ) -> str:
        """What has become of one message, whose other recipients are in these states."""
        # The mailer's rules could not be asked about it: that is a matter of time.
        failed = getattr(receipt.error, "_of_rules", False)
        now, was_tried = self.now, self.counted and (receipt.attempts > 0 or failed)
        first_tried = now if first_tried is None else first_tried
        tried = attempts + was_tried
        due: float | None = None
        told: dict[str, list[Recipient]] = {}
        for one in receipt.recipients:
            told.setdefault(one.address, []).append(one)
        instead = _instead(receipt, {address for _, address in open_ones})
        # From the last on: what is told of first was settled first, and may be written down.
        for position, address in reversed(open_ones):
            found = told.get(address)
            recipient: Recipient | None = found.pop() if found else None
            if instead is not None and (
                recipient is None or (instead.transient and recipient.fate == "suppressed")
            ):
                recipient = instead
            if recipient is None and not failed:
                # It could not be sent as it is, and no recipient is told of.
                states.add("dead")
                self.recipients.append(("dead", "not sent", None, None, None, False, message, position))
                continue
            state = "dead" if recipient is None else _ENDS.get(recipient.fate, "dead")
            if recipient is None or recipient.transient:
                if was_tried:
                    words = "" if recipient is None else recipient.text or ""
                    when = self.schedule.next_try(tried, first_tried, now, words)
                else:
                    # No server was asked about this one: it is not what has to wait.
                    when = now if now <= first_tried + self.schedule.give_up_after else None
                state = "dead" if when is None else "open"
                due = when if due is None else max(due, when or due)
            states.add(state)
            known = (
                ("not sent", None, None, None, True) if recipient is None else
                (recipient.fate, recipient.stage, recipient.code, recipient.text, recipient.transient)
            )  # fmt: skip
            self.recipients.append((state, *known, message, position))
        state = _state(states)
        error = receipt.error
        told_error = None if error is None else str(error)
        self.messages.append((state, now, tried, first_tried, receipt.server, told_error, due, message))
        what = "put off" if state == "queued" else state
        if was_tried or what != "put off":
            self.events.append((message, now, what, str(receipt), receipt.server))
        return what

    def write(self, connection: sqlite3.Connection) -> None:
        connection.executemany(
            "UPDATE outbox_recipient SET state = ?, fate = ?, stage = ?, code = ?, text = ?, transient = ?"
            " WHERE message = ? AND position = ?",
            self.recipients,
        )
        connection.executemany(
            "UPDATE outbox_message SET state = ?, owner = NULL, changed = ?, attempts = ?, first_tried = ?,"
            " server = COALESCE(?, server), error = ?, due = COALESCE(?, due) WHERE id = ?",
            self.messages,
        )
        connection.executemany("INSERT INTO outbox_event VALUES (?, ?, ?, ?, ?)", self.events)


def _instead(receipt: Receipt, addresses: set[str]) -> Recipient | None:
    """Of those that the mailer's rules have put in the place of these recipients, the one whose
    fate is theirs. What one of them has, or may have, is not sent again."""
    others = [one for one in receipt.recipients if one.address not in addresses]
    had = (one for one in others if one.fate in ("sent", "unknown"))
    later = (one for one in others if one.transient)
    return next(had, None) or next(later, None) or next(iter(others), None)


_ENDS = {"sent": "sent", "unknown": "unknown", "refused": "refused", "suppressed": "suppressed"}


def _state(recipients: set[str]) -> str:
    """A message is queued as long as a recipient is open, and then what is worst."""
    return "queued" if "open" in recipients else next(state for state in WORST if state in recipients)


def _give_up(connection: sqlite3.Connection, message: int, now: float, why: str) -> None:
    connection.execute(
        "UPDATE outbox_recipient SET state = 'dead' WHERE message = ? AND state = 'open'", (message,)
    )
    query = "SELECT DISTINCT state FROM outbox_recipient WHERE message = ?"
    states = {state for (state,) in connection.execute(query, (message,))}
    connection.execute(
        "UPDATE outbox_message SET state = ?, changed = ?, error = ? WHERE id = ?",
        (_state(states), now, why, message),
    )
    _note(connection, message, now, "dead", why, None)


def _minute(now: float) -> int:
    return int(now // MINUTE)


def _count(connection: sqlite3.Connection, now: float, counts: Mapping[str, int]) -> None:
    """For the rates that the outbox shows: what has become of how many, minute by minute."""
    connection.executemany(
        "INSERT INTO outbox_rate VALUES (?, ?, ?)"
        " ON CONFLICT (minute, what) DO UPDATE SET count = count + excluded.count",
        [(_minute(now), what, count) for what, count in counts.items() if count],
    )


def _note(
    connection: sqlite3.Connection, message: int, now: float, what: str, words: str, server: str | None
) -> None:
    connection.execute("INSERT INTO outbox_event VALUES (?, ?, ?, ?, ?)", (message, now, what, words, server))
