"""Messages that a server accepted at the first attempt, for all recipients, by one reply. Nothing about
them changes any more, so consecutive messages share one row instead of a row each in `outbox_fate`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import TypeAlias

# Messages per row. Reading one message means reading the texts of the whole row.
_MOST = 250

#: Joins `outbox_sent` as s to a query that has an `id`. TEXT is that message's reply.
JOIN = (
    "LEFT JOIN outbox_sent AS s"
    " ON s.first = (SELECT max(first) FROM outbox_sent WHERE first <= id) AND s.last >= id"
)
TEXT = "json_extract(s.texts, '$[' || (id - s.first) || ']')"


#: The first of some consecutive messages, the server, and the code and the texts of the replies.
Run: TypeAlias = tuple[int, str | None, int, list[str]]


def write(connection: sqlite3.Connection, now: float, runs: Iterable[Run]) -> None:
    connection.executemany("INSERT INTO outbox_sent VALUES (?, ?, ?, ?, ?, ?)", _rows(now, runs))


def _rows(now: float, runs: Iterable[Run]) -> Iterator[tuple[int, int, float, str | None, int, str]]:
    for first, server, code, texts in runs:
        for at in range(0, len(texts), _MOST):
            some = texts[at : at + _MOST]
            yield first + at, first + at + len(some) - 1, now, server, code, json.dumps(some)


def of(connection: sqlite3.Connection, message: int) -> tuple[float, str | None, int, str] | None:
    """When this message was sent, the server, and its code and text."""
    row: tuple[float, str | None, int, str] = connection.execute(
        f"SELECT s.changed, s.server, s.code, {TEXT} FROM (SELECT ? AS id) {JOIN}", (message,)
    ).fetchone()
    return None if row[0] is None else row


def remove(connection: sqlite3.Connection, message: int) -> None:
    """Removes the message: it has a row in `outbox_fate` from now on."""
    query = "SELECT first, last, changed, server, code, texts FROM outbox_sent WHERE first <= ? AND last >= ?"
    row = connection.execute(f"{query} ORDER BY first DESC LIMIT 1", (message, message)).fetchone()
    if row is None:
        return
    first, last, *same, texts = row
    words = json.loads(texts)
    connection.execute("DELETE FROM outbox_sent WHERE first = ?", (first,))
    for start, end in ((first, message - 1), (message + 1, last)):
        if start <= end:
            left = json.dumps(words[start - first : end - first + 1])
            connection.execute("INSERT INTO outbox_sent VALUES (?, ?, ?, ?, ?, ?)", (start, end, *same, left))


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT COALESCE(sum(last - first + 1), 0) FROM outbox_sent").fetchone()
    return int(found)


def purge(connection: sqlite3.Connection, before: float) -> int:
    """Deletes the messages that were sent before this time; returns their number."""
    gone = 0
    for first, last in connection.execute(
        "SELECT first, last FROM outbox_sent WHERE changed < ?", (before,)
    ).fetchall():
        connection.execute("DELETE FROM outbox_message WHERE id BETWEEN ? AND ?", (first, last))
        connection.execute("DELETE FROM outbox_sent WHERE first = ?", (first,))
        gone += last - first + 1
    return gone
