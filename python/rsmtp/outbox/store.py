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

What is on the disk when: a claim before any of it is sent, a fate before it is told to anyone. That
an end is about to be said is written, and survives the process; the disk is not waited for, since
after a machine has stopped, all that its owners had claimed is taken for said (`boots.py`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.outbox import claims, clock, fates, rates, sent, turns
from rsmtp.outbox.content import Claim, Content
from rsmtp.outbox.database import Database, LeaseLost
from rsmtp.outbox.fates import Fate
from rsmtp.outbox.ranges import ranges_of
from rsmtp.outbox.recipients import UNKNOWN, Standing, state_of, with_state
from rsmtp.outbox.schedule import Schedule
from rsmtp.outbox.settling import Settling
from rsmtp.outbox.turns import Turn

#: What one claim takes at most: messages, and octets of them.
CLAIM = 500
_CLAIM_OCTETS = 8 * 1024 * 1024
# By hand, a message in one of these is queued again.
_AGAIN = ("unknown", "refused", "dead", "cancelled")


class Known(NamedTuple):
    """A message that was put before with the same key."""

    id: int
    same: bool


class Put(NamedTuple):
    """How a message is put."""

    now: float
    due: float
    expires: float | None = None
    priority: int = 0


class Store:
    def __init__(self, database: Database, schedule: Schedule, lease: float) -> None:
        self.database = database
        self.schedule = schedule
        self.lease = lease

    # -- what comes in -------------------------------------------------------------------

    def put(self, connection: sqlite3.Connection, content: Content, put: Put, key: str | None = None) -> int:
        """Adds a message, within the transaction of this connection."""
        message = connection.execute(_INSERT, (None, *_row(content, put, key))).lastrowid
        assert message is not None
        turn = Turn(put.priority, put.due, message, message, len(content.octets), put.expires)
        turns.add(connection, turn)
        return message

    def put_all(
        self, connection: sqlite3.Connection, contents: Sequence[tuple[Content, str | None]], put: Put
    ) -> range:
        """Adds messages, each with its key, within a transaction that alone may write. Their
        numbers."""
        found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox_message'").fetchone()
        first = found[0] + 1 if found else 1
        connection.executemany(
            _INSERT, [(first + at, *_row(content, put, key)) for at, (content, key) in enumerate(contents)]
        )
        numbers = range(first, first + len(contents))
        if contents:
            octets = sum(len(content.octets) for content, _ in contents)
            turns.add(connection, Turn(put.priority, put.due, first, numbers[-1], octets, put.expires))
        return numbers

    def known(self, connection: sqlite3.Connection, key: str, digest: bytes) -> Known | None:
        row = connection.execute("SELECT id, digest FROM outbox_message WHERE key = ?", (key,)).fetchone()
        return None if row is None else Known(row[0], row[1] == digest)

    def known_among(self, connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, int]:
        """The numbers of the messages that have one of these keys."""
        query = "SELECT key, id FROM outbox_message WHERE key IN (SELECT value FROM json_each(?))"
        return dict(connection.execute(query, (json.dumps(keys),)))

    # -- owners --------------------------------------------------------------------------

    def enlist(self, name: str, now: float) -> int:
        with self.database.writing() as connection:
            cursor = connection.execute(
                "INSERT INTO outbox_owner (name, lease, boot, seconds) VALUES (?, ?, ?, ?)",
                (name, now + self.lease, self.database.boot, self.lease),
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
            rates.forget(connection, now)

    def resign(self, owner: int, now: float) -> None:
        """The owner sends no more: what it had claimed is for others, and what it has not
        heard of is unknown."""
        with self.database.writing() as connection:
            _end(
                connection, owner, now, "the sending ended before the server's answer was written down", False
            )

    def take_over(self, now: float) -> None:
        """Ends the owners whose lease has run out. Where the clock was set back, it is from here on
        that they run, and that messages wait."""
        with self.database.reading() as connection:
            over = connection.execute("SELECT 1 FROM outbox_owner WHERE lease < ? LIMIT 1", (now,)).fetchone()
            set_back = clock.is_set_back(connection, now)
        if not (over or set_back):
            return
        with self.database.writing(durable=bool(over)) as connection:
            if set_back:
                clock.renew_leases(connection, now)
            query = "SELECT id, name, boot FROM outbox_owner WHERE lease < ?"
            for owner, name, boot in connection.execute(query, (now,)).fetchall():
                stopped = boot not in (None, self.database.boot)
                who = f"the machine of {name}" if stopped else name
                _end(connection, owner, now, f"{who} ended before the server's answer", stopped)
            if set_back:
                clock.count_anew(connection, now)

    def others(self, owner: int) -> dict[int, float]:
        """The leases of the other owners that have claimed something."""
        with self.database.reading() as connection:
            return dict(
                connection.execute(
                    "SELECT id, lease FROM outbox_owner WHERE id != ? AND EXISTS"
                    " (SELECT 1 FROM outbox_claim WHERE owner = outbox_owner.id)",
                    (owner,),
                )
            )

    # -- sending -------------------------------------------------------------------------

    def claim(self, owner: int, now: float, only: int | None = None, most: int = CLAIM) -> Claim:
        """The next messages that are due, for this owner alone: `most` at most. `only`: this one,
        due or not. LeaseLost for an owner that has been ended."""
        with self.database.writing(durable=False) as connection:
            if not connection.execute("SELECT 1 FROM outbox_owner WHERE id = ?", (owner,)).fetchone():
                raise _lost(owner)
            expired = turns.expired(connection, now)
            for message in expired:
                _give_up(connection, message, now, "it has expired before it could be sent")
            rates.count(connection, now, {"dead": len(expired)})
            if only is None:
                claimed = turns.take_due(connection, now, most, _CLAIM_OCTETS)
            else:
                claimed = [only] if turns.remove(connection, only) else []
            if claimed:
                claims.take(connection, owner, claimed)
        self._sync()
        with self.database.reading_beside() as connection:
            return _read(connection, claimed)

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
        with self.database.writing(durable=self._each_waits) as connection:
            if not claims.say(connection, owner, messages):
                raise _lost(owner)
            for message, recipients in settled:
                _note_settled(connection, message, recipients, now)

    def settle(
        self,
        owner: int,
        receipts: Sequence[tuple[int, Receipt]],
        now: float,
        *,
        counted: bool = True,
        as_stored: bool = False,
        sync: bool = True,
    ) -> dict[str, int]:
        """Writes down what has become of messages. How many are now in which state, or were
        put off. What is no longer this owner's is left to the one who has it. `counted` and
        `as_stored` are `Settling`'s. Without `sync` the next claim takes it to the disk."""
        # One that was told twice is settled once, by what was told first.
        told = dict(reversed(receipts))
        settling = Settling(self.schedule, now, told, counted=counted, as_stored=as_stored)
        with self.database.writing(durable=self._each_waits) as connection:
            for first, last, _ in claims.give_back(connection, owner, told):
                settling.add_all(connection, range(first, last + 1))
            # An answer that comes after the lease had run out is told all the same.
            for message in settling.left:
                fate = fates.of(connection, message)
                if fate.state == "unknown" and fate.owner == owner:
                    settling.add(connection, message, fate)
            settling.write(connection)
            rates.count(connection, now, settling.counts)
        if sync:
            self._sync()
        return settling.counts

    @property
    def _each_waits(self) -> bool:
        return self.database.boot is None

    def _sync(self) -> None:
        if self.database.boot is not None:
            self.database.sync()

    # -- by hand -------------------------------------------------------------------------

    def retry(self, message: int, now: float) -> bool:
        """Queues again the recipients that have not got it. Not what is queued, sending, or
        sent to all."""
        with self.database.writing() as connection:
            fate = fates.of(connection, message)
            if fate.state not in _AGAIN:
                return False
            standings = fate.standings(len(fates.addresses(connection, message)))
            again = fate._replace(
                state="queued", owner=None, due=now, changed=now, first_tried=None, attempts=0
            )
            fates.write(connection, [again.with_standings(with_state(standings, _AGAIN, "open"))])
            connection.execute("UPDATE outbox_message SET expires = NULL WHERE id = ?", (message,))
            turns.queue(connection, message, message)
            fates.note(connection, message, now, "queued", "again, by hand")
            return True

    def cancel(self, message: int, now: float) -> bool:
        """Only what no process has claimed."""
        with self.database.writing() as connection:
            if not turns.remove(connection, message):
                return False
            _end_open(connection, message, now, "cancelled")
            fates.note(connection, message, now, "cancelled", "by hand")
            return True

    def purge(self, states: Sequence[str], before: float) -> int:
        with self.database.writing() as connection:
            chosen = (
                "SELECT message FROM outbox_fate WHERE changed < ? AND state IN"
                " (SELECT value FROM json_each(?))"
            )
            given = before, json.dumps([state for state in states if state not in ("queued", "sending")])
            connection.execute(f"DELETE FROM outbox_event WHERE message IN ({chosen})", given)
            connection.execute(f"DELETE FROM outbox_message WHERE id IN ({chosen})", given)
            gone = connection.execute(f"DELETE FROM outbox_fate WHERE message IN ({chosen})", given).rowcount
            return gone + (sent.purge(connection, before) if "sent" in states else 0)


_INSERT = (
    "INSERT INTO outbox_message (id, key, digest, priority, due, expires, created, sender, recipients,"
    f" options, rendered, size, message_id, subject, octets) VALUES (?{', ?' * 14})"
)


def _row(content: Content, put: Put, key: str | None) -> tuple[Any, ...]:
    recipients, options = "\n".join(content.recipients), json.dumps(content.options)
    return (
        key, content.digest(), put.priority, put.due, put.expires, put.now, content.sender, recipients,
        options, content.rendered, len(content.octets), content.message_id, content.subject, content.octets,
    )  # fmt: skip


def _read(connection: sqlite3.Connection, claimed: Sequence[int]) -> Claim:
    """What is to be sent of these, in this order."""
    query = (
        "SELECT id, sender, recipients, options, rendered, octets FROM outbox_message"
        " WHERE id BETWEEN ? AND ? ORDER BY id"
    )
    rows: list[Any] = []
    # Some of them may have got it, each of these with its recipients' standings.
    tried: dict[int, Fate] = {}
    for first, last, _ in ranges_of(claimed):
        rows += connection.execute(query, (first, last))
        tried.update((fate.message, fate) for fate in fates.among(connection, first, last) if fate.told)
    if [row[0] for row in rows] != claimed:
        by_number = {row[0]: row for row in rows}
        rows = [by_number[message] for message in claimed]
    return Claim(rows, tried)


def _lost(owner: int) -> LeaseLost:
    return LeaseLost(
        f"owner {owner} has not renewed its lease in time, and another one has taken over its messages: none "
        "of them is sent from here any more. A longer lease= allows a process longer pauses"
    )


def _end(connection: sqlite3.Connection, owner: int, now: float, words: str, stopped: bool) -> None:
    """`stopped`: the machine, so that more may have been said than is written."""
    for first, last, said in claims.end(connection, owner):
        if not said and not stopped:
            turns.queue(connection, first, last)
            continue
        rates.count(connection, now, {"unknown": last - first + 1})
        for message in range(first, last + 1):
            # Its owner stays: should the answer come after all, it is told.
            _end_open(connection, message, now, "unknown", error=words, owner=owner)
            fates.note(connection, message, now, "unknown", words)
    connection.execute("DELETE FROM outbox_owner WHERE id = ?", (owner,))


def _end_open(
    connection: sqlite3.Connection,
    message: int,
    now: float,
    state: str,
    *,
    error: str | None = None,
    owner: int | None = None,
) -> None:
    """The recipients that nothing is known of end in this state, and the message by all of them."""
    before = fates.of(connection, message)
    standings = before.standings(len(fates.addresses(connection, message)))
    if state == "unknown":
        standings = [UNKNOWN if one.state == "open" else one for one in standings]
    else:
        standings = with_state(standings, ("open",), state)
    ended = before._replace(
        state=state if state == "cancelled" else state_of(standings),
        changed=now, owner=owner, error=before.error if error is None else error,
    )  # fmt: skip
    fates.write(connection, [ended.with_standings(standings)])


def _give_up(connection: sqlite3.Connection, message: int, now: float, why: str) -> None:
    turns.remove(connection, message)
    _end_open(connection, message, now, "dead", error=why)
    fates.note(connection, message, now, "dead", why)


def _note_settled(
    connection: sqlite3.Connection, message: int, recipients: Iterable[Recipient], now: float
) -> None:
    before = fates.of(connection, message)
    addresses = fates.addresses(connection, message)
    standings = before.standings(len(addresses))
    for one in recipients:
        # A fate that may be another one later is told with all the others.
        if one.fate in ("sent", "refused") and not one.transient:
            open_ones = (
                at
                for at, address in enumerate(addresses)
                if address == one.address and standings[at].state == "open"
            )
            if (at := next(open_ones, None)) is not None:
                standings[at] = Standing.told(one)
    fates.write(connection, [before._replace(changed=now).with_standings(standings)])
