"""The messages of an outbox, read."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator

from rsmtp._common import arguments
from rsmtp._common.tracebacks import meant, public
from rsmtp.outbox.content import Content
from rsmtp.outbox.database import Database
from rsmtp.outbox.entry import Entry, History, counts, entries, events, in_states
from rsmtp.outbox.recipients import STATES
from rsmtp.outbox.store import Store

# How many messages are read at a time.
_PAGE = 100


@public
class Messages:
    _database: Database
    _store: Store

    def status(self) -> dict[str, int]:
        """The numbers of messages in each state: "queued", "sending", "sent", "refused",
        "unknown", "dead", "suppressed", "cancelled"."""
        with self._database.reading() as connection:
            return counts(connection)

    def entries(self, state: str | Iterable[str] | None = None) -> Iterator[Entry]:
        """The messages in this state or these states, or all messages, in the order in which they were
        put."""
        where, given = ("TRUE", ()) if state is None else in_states(states_of(state, STATES))
        last = 0
        while True:
            # No lock is held between messages: the caller may take its time, and change messages it has
            # read.
            with self._database.reading() as connection:
                found = entries(connection, f"id > ? AND {where}", (last, *given))
                page = list(itertools.islice(found, _PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def get(self, which: int | str) -> Entry:
        """The message with this number or key. Raises KeyError if there is none."""
        return self._entry(self._id(which))

    def history(self, which: int | str) -> History:
        """The events of a message, oldest first."""
        id = self._id(which)
        with self._database.reading() as connection:
            return events(connection, id)

    def content(self, which: int | str) -> bytes:
        """The message as it is sent, with CRLF."""
        return self._stored(self._id(which)).octets

    def _stored(self, id: int) -> Content:
        with self._database.reading() as connection:
            query = "SELECT sender, recipients, options, octets, rendered FROM outbox_message WHERE id = ?"
            sender, recipients, options, octets, rendered = connection.execute(query, (id,)).fetchone()
        return Content(sender, recipients.split("\n"), json.loads(options), octets, bool(rendered))

    def _id(self, which: int | str) -> int:
        if (id := self._find(which)) is None:
            kind = "key" if isinstance(which, str) else "number"
            raise meant(KeyError(f"there is no message with the {kind} {which!r}"))
        return id

    def _find(self, which: int | str) -> int | None:
        return self._find_all([which])[which]

    def _find_all(self, given: Iterable[int | str]) -> dict[int | str, int | None]:
        """The numbers of these messages; None for one that is not there."""
        with self._database.reading() as connection:
            return {which: _number(connection, which) for which in given}

    def _entry(self, id: int) -> Entry:
        with self._database.reading() as connection:
            return entry_of(connection, id)


def _number(connection: sqlite3.Connection, which: int | str) -> int | None:
    if isinstance(which, bool) or not isinstance(which, (int, str)):
        raise arguments.wanted("which", "the number or the key of a message", which)
    column = "key" if isinstance(which, str) else "id"
    query = f"SELECT id FROM outbox_message WHERE {column} = ?"
    try:
        found = connection.execute(query, (which,)).fetchone()
    except (OverflowError, UnicodeEncodeError):
        # A number beyond SQLite's, or a key of what is no text.
        return None
    return None if found is None else int(found[0])


def states_of(state: str | Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    several = isinstance(state, Iterable) and not isinstance(state, (str, bytes, type))
    return tuple(arguments.one_of("state", one, known) for one in (state if several else [state]))


def entry_of(connection: sqlite3.Connection, id: int) -> Entry:
    return next(entries(connection, "id = ?", (id,)))
