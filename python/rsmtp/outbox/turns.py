"""Which messages are free to be sent, in which order: the greatest priority first, then what has
been due for longest."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator


def queue(connection: sqlite3.Connection, first: int, last: int) -> None:
    """The messages with these numbers take their turns."""
    connection.execute(
        "INSERT INTO outbox_turn SELECT priority, COALESCE(outbox_fate.due, outbox_message.due), id, size,"
        " expires FROM outbox_message LEFT JOIN outbox_fate ON message = id WHERE id BETWEEN ? AND ?",
        (first, last),
    )


def remove(connection: sqlite3.Connection, message: int) -> bool:
    """Takes one out of its turn. False: it is not free."""
    return bool(
        connection.execute(
            "DELETE FROM outbox_turn WHERE message = ?1 AND (priority, due) = (SELECT priority,"
            " COALESCE(outbox_fate.due, outbox_message.due) FROM outbox_message LEFT JOIN outbox_fate"
            " ON outbox_fate.message = id WHERE id = ?1)",
            (message,),
        ).rowcount
    )


def expired(connection: sqlite3.Connection, now: float) -> list[int]:
    query = "SELECT message FROM outbox_turn WHERE expires <= ?"
    return [message for (message,) in connection.execute(query, (now,))]


def take_due(connection: sqlite3.Connection, now: float, most: int, octets: int) -> list[int]:
    """Takes those that are due out of their turns, in order: so many at most, and no more than
    so many octets of them hold; one in any case."""
    taken: list[int] = []
    for priority in _priorities(connection):
        rows = connection.execute(
            "SELECT due, message, size FROM outbox_turn WHERE priority = ? AND due <= ?"
            " ORDER BY due, message LIMIT ?",
            (priority, now, most - len(taken)),
        ).fetchall()
        last: tuple[float, int] | None = None
        full = False
        for due, message, size in rows:
            octets -= size
            if full := octets < 0 and bool(taken):
                break
            last = due, message
            taken.append(message)
        if last is not None:
            # What is due of one priority stands in a row.
            connection.execute(
                "DELETE FROM outbox_turn WHERE priority = ? AND (due, message) <= (?, ?)", (priority, *last)
            )
        if full or len(taken) >= most:
            break
    return taken


def _priorities(connection: sqlite3.Connection) -> Iterator[int]:
    (priority,) = connection.execute("SELECT max(priority) FROM outbox_turn").fetchone()
    while priority is not None:
        yield priority
        query = "SELECT max(priority) FROM outbox_turn WHERE priority < ?"
        (priority,) = connection.execute(query, (priority,)).fetchone()
