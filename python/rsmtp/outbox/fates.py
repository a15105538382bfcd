"""The fates of messages: one row each, once a server was asked or a person has decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

from rsmtp.outbox import recipients, sent
from rsmtp.outbox.recipients import Standing

COLUMNS = "message, state, changed, attempts, first_tried, due, server, owner, error, code, text, told"


class Fate(NamedTuple):
    """A row of `outbox_fate`, in the order of its columns."""

    message: int
    state: str = "queued"
    changed: float = 0.0
    attempts: int = 0
    first_tried: float | None = None
    #: None: the time the message was first due.
    due: float | None = None
    server: str | None = None
    owner: int | None = None
    error: str | None = None
    code: int | None = None
    text: str | None = None
    told: str | None = None

    @property
    def is_plainly_sent(self) -> bool:
        """Whether one reply accepted it for all recipients. Then it needs no row in the history."""
        return self.state == "sent" and self.told is None

    def standings(self, count: int) -> list[Standing]:
        """The standings of the message's recipients; `count` is their number."""
        return recipients.read(self.told, count, self.state, self.code, self.text)

    def with_standings(self, standings: Sequence[Standing]) -> Self:
        """A fate with these standings, in their shortest form."""
        first = standings[0]
        if all(one == first for one in standings):
            alike = self._replace(code=first.code, text=first.text, told=None)
            if alike.standings(1) == [first]:
                return alike
        return self._replace(code=None, text=None, told=recipients.written(standings))


def among(connection: sqlite3.Connection, first: int, last: int) -> Iterable[Fate]:
    """The fates of the messages with these numbers that have a row here."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM outbox_fate WHERE message BETWEEN ? AND ?", (first, last)
    )
    return map(Fate._make, rows)


def of(connection: sqlite3.Connection, message: int) -> Fate:
    found = next(iter(among(connection, message, message)), None)
    if found is None and (plain := sent.of(connection, message)) is not None:
        at, server, code, text = plain
        return Fate(message, "sent", at, 1, at, server=server, code=code, text=text)
    return Fate(message) if found is None else found


def addresses(connection: sqlite3.Connection, message: int) -> list[str]:
    query = "SELECT recipients FROM outbox_message WHERE id = ?"
    found: str = connection.execute(query, (message,)).fetchone()[0]
    return found.split("\n")


def write(connection: sqlite3.Connection, rows: Iterable[Sequence[Any]]) -> None:
    connection.executemany(f"INSERT OR REPLACE INTO outbox_fate ({COLUMNS}) VALUES (?{', ?' * 11})", rows)


def note(
    connection: sqlite3.Connection, message: int, now: float, what: str, words: str, server: str | None = None
) -> None:
    """Adds the event to the message's history."""
    connection.execute("INSERT INTO outbox_event VALUES (?, ?, ?, ?, ?)", (message, now, what, words, server))
