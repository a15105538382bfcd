"""The messages that are free to be sent, in order: the highest priority first, then the longest due.
Consecutive messages that are alike share a row until some of them are taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Turn(NamedTuple):
    """A row of `outbox_turn`, in the order of its columns."""

    priority: int
    due: float
    first: int
    last: int
    #: Total size of the messages.
    octets: int
    expires: float | None

    @property
    def total(self) -> int:
        return self.last - self.first + 1


def add(connection: sqlite3.Connection, turn: Turn) -> None:
    connection.execute("INSERT INTO outbox_turn VALUES (?, ?, ?, ?, ?, ?)", turn)


def queue(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Gives the messages with these numbers their turns."""
    connection.execute(
        "INSERT INTO outbox_turn SELECT priority, COALESCE(outbox_fate.due, outbox_message.due), id, id,"
        " size, expires FROM outbox_message LEFT JOIN outbox_fate ON message = id WHERE id BETWEEN ? AND ?",
        (first, last),
    )


def remove(connection: sqlite3.Connection, message: int) -> bool:
    """Takes one message out of its turn. False: it is not free."""
    return bool(remove_all(connection, [message]))


def remove_all(connection: sqlite3.Connection, messages: Iterable[int]) -> list[int]:
    """Takes the messages that are free out of their turns; returns them, in order."""
    taken: list[int] = []
    wanted = sorted(set(messages), reverse=True)
    while wanted:
        row = connection.execute(
            "SELECT * FROM outbox_turn WHERE first <= ?1 AND last >= ?1 AND (priority, due) = (SELECT"
            " priority, COALESCE(outbox_fate.due, outbox_message.due) FROM outbox_message"
            " LEFT JOIN outbox_fate ON outbox_fate.message = id WHERE id = ?1)",
            (message := wanted.pop(),),
        ).fetchone()
        if row is None:
            continue
        turn = Turn._make(row)
        _end(connection, turn)
        # The rest of the turn goes on in pieces.
        start = turn.first
        while True:
            _add_piece(connection, turn, start, message - 1)
            taken.append(message)
            start = message + 1
            if not wanted or wanted[-1] > turn.last:
                break
            message = wanted.pop()
        _add_piece(connection, turn, start, turn.last)
    return taken


def _add_piece(connection: sqlite3.Connection, turn: Turn, first: int, last: int) -> None:
    if first <= last:
        query = "SELECT sum(size) FROM outbox_message WHERE id BETWEEN ? AND ?"
        (octets,) = connection.execute(query, (first, last)).fetchone()
        add(connection, turn._replace(first=first, last=last, octets=octets))


def expired(connection: sqlite3.Connection, now: float) -> list[int]:
    rows = connection.execute("SELECT first, last FROM outbox_turn WHERE expires <= ?", (now,))
    return [message for first, last in rows for message in range(first, last + 1)]


def waiting(connection: sqlite3.Connection) -> int:
    """The number of free messages."""
    (count,) = connection.execute("SELECT COALESCE(sum(last - first + 1), 0) FROM outbox_turn").fetchone()
    return int(count)


def newest(connection: sqlite3.Connection, below: int, limit: int) -> Iterator[int]:
    """The numbers of free messages below `below`, newest first: at least `limit`, if there are that
    many."""
    query = "SELECT first, last FROM outbox_turn WHERE first < ? ORDER BY first DESC LIMIT ?"
    for first, last in connection.execute(query, (below, limit)).fetchall():
        yield from range(min(last, below - 1), first - 1, -1)


def take_due(connection: sqlite3.Connection, now: float, most: int, octets: int) -> list[range]:
    """Takes due messages out of their turns, in order: at most `most`, and at most `octets` in total,
    but always at least one."""
    taken: list[range] = []
    for priority in _priorities(connection):
        query = "SELECT * FROM outbox_turn WHERE priority = ? AND due <= ? ORDER BY due, first LIMIT ?"
        for row in connection.execute(query, (priority, now, most)).fetchall():
            turn = Turn._make(row)
            if turn.total > most or turn.octets > octets:
                begun = _begin(connection, turn, most, octets, not taken)
                return [*taken, begun] if begun else taken
            _end(connection, turn)
            taken.append(range(turn.first, turn.last + 1))
            most -= turn.total
            octets -= turn.octets
        if not most:
            break
    return taken


def _begin(connection: sqlite3.Connection, turn: Turn, most: int, octets: int, one: bool) -> range:
    """Takes the first messages out of a turn. `one`: at least one, whatever its size."""
    query = "SELECT id, size FROM outbox_message WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?"
    following, gone = turn.first, 0
    for message, size in connection.execute(query, (turn.first, turn.last, most)):
        if gone + size > octets and not one:
            break
        following, gone, one = message + 1, gone + size, False
    if following > turn.first:
        _end(connection, turn)
        if following <= turn.last:
            add(connection, turn._replace(first=following, octets=turn.octets - gone))
    return range(turn.first, following)


def _end(connection: sqlite3.Connection, turn: Turn) -> None:
    connection.execute("DELETE FROM outbox_turn WHERE priority = ? AND due = ? AND first = ?", turn[:3])


def _priorities(connection: sqlite3.Connection) -> Iterator[int]:
    (priority,) = connection.execute("SELECT max(priority) FROM outbox_turn").fetchone()
    while priority is not None:
        yield priority
        query = "SELECT max(priority) FROM outbox_turn WHERE priority < ?"
        (priority,) = connection.execute(query, (priority,)).fetchone()
