"""Messages that a server took at the first attempt, for all their recipients, by one reply: nothing
of them changes any more. Numbers in a row share a row, which says what rows of `outbox_fate` would."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# Messages of one row: who reads one of them reads all their texts.
_MOST = 250

#: Joins `outbox_sent` as s to a query that has an `id`, and the words of that one.
JOIN = (
    "LEFT JOIN outbox_sent AS s"
    " ON s.first = (SELECT max(first) FROM outbox_sent WHERE first <= id) AND s.last >= id"
)
TEXT = "json_extract(s.texts, '$[' || (id - s.first) || ']')"


class Sent(NamedTuple):
    message: int
    server: str | None
    code: int
    text: str


def write(connection: sqlite3.Connection, now: float, sent: Iterable[Sent]) -> None:
    """In the order of their numbers."""
    connection.executemany(
        "INSERT INTO outbox_sent VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                run[0].message,
                run[-1].message,
                now,
                run[0].server,
                run[0].code,
                json.dumps([one.text for one in run]),
            )
            for run in _runs(sent)
        ],
    )


def _runs(sent: Iterable[Sent]) -> Iterator[list[Sent]]:
    run: list[Sent] = []
    for one in sent:
        if run and (one[:3] != (run[-1].message + 1, *run[0][1:3]) or len(run) == _MOST):
            yield run
            run = []
        run.append(one)
    if run:
        yield run


def of(connection: sqlite3.Connection, message: int) -> tuple[float, Sent] | None:
    """When and how this one was."""
    row = connection.execute(
        f"SELECT s.changed, id, s.server, s.code, {TEXT} FROM (SELECT ? AS id) {JOIN}", (message,)
    ).fetchone()
    return None if row[0] is None else (row[0], Sent._make(row[1:]))


def count(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("SELECT COALESCE(sum(last - first + 1), 0) FROM outbox_sent").fetchone()
    return int(found)


def purge(connection: sqlite3.Connection, before: float) -> int:
    """Deletes those that were sent before this time. Their number."""
    gone = 0
    for first, last in connection.execute(
        "SELECT first, last FROM outbox_sent WHERE changed < ?", (before,)
    ).fetchall():
        connection.execute("DELETE FROM outbox_message WHERE id BETWEEN ? AND ?", (first, last))
        connection.execute("DELETE FROM outbox_sent WHERE first = ?", (first,))
        gone += last - first + 1
    return gone
