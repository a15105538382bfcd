"""The changes to an outbox's messages, one transaction each.

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

A sending process is an owner with a lease that it renews. It claims queued messages; only the owner of a
message may send it. When a lease runs out, the messages its owner had claimed are queued again, and
those it was sending become unknown. An owner that lost a message, because it was stopped for longer than
its lease, finds out before it sends the end of the mail data.

A claim is on disk before any of its messages is sent, and a fate before it is reported. The record that
an end is about to be sent survives the process but does not wait for the disk: after a machine has
stopped, everything its owners had claimed counts as sending (`boots.py`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.outbox import claims, clock, fates, names, options, rates, sent, turns
from rsmtp.outbox.claimed import Claim
from rsmtp.outbox.content import Content
from rsmtp.outbox.database import Database, LeaseLost
from rsmtp.outbox.fates import Fate
from rsmtp.outbox.ranges import ranges_of
from rsmtp.outbox.recipients import UNKNOWN, Standing, state_of, with_state
from rsmtp.outbox.schedule import Schedule
from rsmtp.outbox.settling import Settling
from rsmtp.outbox.turns import Turn

#: Limits of one claim: messages, and their octets.
CLAIM = 500
_CLAIM_OCTETS = 8 * 1024 * 1024
# States from which `retry` queues a message again.
_AGAIN = ("unknown", "refused", "dead", "cancelled")


class Known(NamedTuple):
    """A message that was put before with a key."""

    id: int
    digest: bytes


class Put(NamedTuple):
    """The arguments with which messages are put."""

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
        """Adds messages, each with its key, within a write transaction. Returns their numbers."""
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

    def known_among(self, connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Known]:
        """The messages that have one of these keys."""
        marks = ", ".join("?" * len(keys))
        query = f"SELECT key, id, digest FROM outbox_message WHERE key IN ({marks})"
        return {key: Known(*known) for key, *known in connection.execute(query, keys)}

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
        """Raises LeaseLost if the lease has run out and another process has noticed."""
        with self.database.writing() as connection:
            renewed = connection.execute(
                "UPDATE outbox_owner SET lease = ? WHERE id = ?", (now + self.lease, owner)
            )
            if renewed.rowcount != 1:
                raise _lost(owner)
            rates.forget(connection, now)

    def resign(self, owner: int, now: float) -> None:
        """Ends an owner: its claimed messages are free again, and those without an answer become
        unknown."""
        with self.database.writing() as connection:
            _end(
                connection, owner, now, "the sending ended before the server's answer was written down", False
            )

    def take_over(self, now: float) -> None:
        """Ends the owners whose lease has run out. If the clock was set back, leases and waiting times
        count from now."""
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
        """Claims the next due messages for this owner, at most `most`. `only`: this one, due or not.
        Raises LeaseLost for an owner that has been ended."""
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
                claimed = [range(only, only + 1)] if turns.remove(connection, only) else []
            if claimed:
                claims.take(connection, owner, claimed)
        self._sync()
        return Claim(self.database, claimed)

    def say_ends(
        self,
        owner: int,
        messages: Sequence[int],
        settled: Iterable[tuple[int, list[Recipient]]],
        now: float,
    ) -> None:
        """Records that the ends of these messages are about to be sent. `settled` are recipients that
        the server has already answered for: they can no longer become unknown. Raises LeaseLost and
        writes nothing if one of the messages is no longer this owner's, because it must not be sent."""
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
        """Stores the results of messages. Returns how many are now in which state, or were put off.
        Messages that are no longer this owner's are left to their new owner. `counted` and `as_stored`
        are those of `Settling`. Without `sync`, the next claim syncs them to disk."""
        settling = Settling(self.schedule, now, receipts, counted=counted, as_stored=as_stored)
        with self.database.writing(durable=self._each_waits) as connection:
            held = claims.give_back(connection, owner, settling.messages)
            settling.add_all(connection, owner, held)
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

    def retry(self, messages: Sequence[int], now: float, *, unknown: bool) -> dict[int, str]:
        """Queues the messages again, for the recipients that did not get them; those whose fate is
        unknown only with `unknown`. Returns the states of the others, which are left as they are."""
        states = _AGAIN if unknown else _AGAIN[1:]
        left: dict[int, str] = {}
        again: list[Fate] = []
        with self.database.writing() as connection:
            for message in messages:
                fate = fates.of(connection, message)
                if fate.state not in states:
                    left[message] = _state_of(connection, message)
                    continue
                standings = fate.standings(len(fates.addresses(connection, message)))
                fate = fate._replace(
                    state="queued", owner=None, due=now, changed=now, first_tried=None, attempts=0
                )
                again.append(fate.with_standings(with_state(standings, _AGAIN, "open")))
            fates.write(connection, again)
            for first, last, _ in ranges_of(fate.message for fate in again):
                connection.execute(
                    "UPDATE outbox_message SET expires = NULL WHERE id BETWEEN ? AND ?", (first, last)
                )
                turns.queue(connection, first, last)
            for fate in again:
                fates.note(connection, fate.message, now, "queued", "again, by hand")
        return left

    def cancel(self, messages: Sequence[int], now: float) -> dict[int, str]:
        """Cancels the queued messages. Returns the states of the others: processes have claimed them, or
        they have ended."""
        with self.database.writing() as connection:
            free = turns.remove_all(connection, messages)
            for message in free:
                _end_open(connection, message, now, "cancelled")
                fates.note(connection, message, now, "cancelled", "by hand")
            return {message: _state_of(connection, message) for message in set(messages).difference(free)}

    def purge(self, states: Sequence[str], before: float) -> int:
        with self.database.writing() as connection:
            chosen = (
                "SELECT message FROM outbox_fate WHERE changed < ? AND state IN"
                " (SELECT value FROM json_each(?))"
            )
            given = before, json.dumps(states)
            connection.execute(f"DELETE FROM outbox_event WHERE message IN ({chosen})", given)
            connection.execute(f"DELETE FROM outbox_message WHERE id IN ({chosen})", given)
            gone = connection.execute(f"DELETE FROM outbox_fate WHERE message IN ({chosen})", given).rowcount
            gone += sent.purge(connection, before) if "sent" in states else 0
            if gone:
                names.forget(connection)
                options.forget(connection)
            return gone


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


def _lost(owner: int) -> LeaseLost:
    return LeaseLost(
        f"owner {owner} has not renewed its lease in time, and another one has taken over its messages: none "
        "of them is sent from here any more. A longer lease= allows a process longer pauses"
    )


def _end(connection: sqlite3.Connection, owner: int, now: float, words: str, stopped: bool) -> None:
    """`stopped`: the machine has stopped, so more ends may have been sent than were recorded."""
    for first, last, said in claims.end(connection, owner):
        if not said and not stopped:
            turns.queue(connection, first, last)
            continue
        rates.count(connection, now, {"unknown": last - first + 1})
        for message in range(first, last + 1):
            # The owner stays in the row, in case the answer still arrives.
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
    """Gives this state to the recipients without a result, and updates the message's state."""
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


def _state_of(connection: sqlite3.Connection, message: int) -> str:
    """The state of a message that can't be retried or cancelled; "claimed" is one that is queued, and in
    the hands of a process. "" if it is not there."""
    row = connection.execute(
        f"SELECT {claims.IS_CLAIMED}, {claims.IS_SENDING} FROM outbox_message WHERE id = ?", (message,)
    ).fetchone()
    if row is None:
        return ""
    is_claimed, is_sending = row
    return "sending" if is_sending else "claimed" if is_claimed else fates.of(connection, message).state


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
        # A result that may still change is stored later, with all the others.
        if one.fate in ("sent", "refused") and not one.transient:
            open_ones = (
                at
                for at, address in enumerate(addresses)
                if address == one.address and standings[at].state == "open"
            )
            if (at := next(open_ones, None)) is not None:
                standings[at] = Standing.told(one)
    fates.write(connection, [before._replace(changed=now).with_standings(standings)])
