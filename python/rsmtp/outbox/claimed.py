"""The messages of a claim, read from the file."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from rsmtp._rsmtp import _rendered
from rsmtp.outbox import fates
from rsmtp.outbox.content import Stored
from rsmtp.outbox.database import Database, LeaseLost
from rsmtp.outbox.fates import Fate

# How many messages are read at a time.
_AT_ONCE = 500
# A longer message, in octets, is read by itself: copying it costs more than another row.
_SHORT = 4096
_ALL = (
    "SELECT id, sender, recipients, options, rendered, octets FROM outbox_message"
    " WHERE id BETWEEN ? AND ? ORDER BY id"
)
# Python's sqlite3 gives up the GIL and takes it again for each row, and the threads that send want it
# as well. So short messages that are alike are read as one row, in the order of their numbers, as a range
# of rowids is. Octets with NUL are cut off, which the sum of their sizes tells; in an application's file of
# UTF-16, octets are no text at all.
_FIRST = (
    "SELECT sender, rendered FROM outbox_message WHERE id = ? AND options = '[]'"
    " AND length(CAST('a' AS BLOB)) = 1"
)
_TOGETHER = (
    "SELECT count(*), group_concat(recipients, char(30)), group_concat(size),"
    " CAST(group_concat(octets, '') AS BLOB) FROM outbox_message WHERE id BETWEEN ? AND ?"
    f" AND sender = ? AND rendered = ? AND size <= {_SHORT} AND options = '[]'"
)


class Claim:
    """The messages an owner has claimed, in sending order."""

    def __init__(self, database: Database, ranges: list[range]) -> None:
        self._database = database
        #: Their numbers.
        self.ranges = ranges

    @property
    def ids(self) -> list[int]:
        return [message for some in self.ranges for message in some]

    def messages(self) -> list[Stored]:
        return [one for some in self._parts() for one in self._read(some)]

    def plain(self) -> list[Any]:
        """For a mailer without rules. Messages that a tuple fully describes become tuples, which the
        engine reads without calling back into Python."""
        return [one for some in self._parts() for one in self._read_plain(some)]

    def _parts(self) -> Iterator[range]:
        for some in self.ranges:
            for at in range(0, len(some), _AT_ONCE):
                yield some[at : at + _AT_ONCE]

    def _read(self, some: range) -> list[Stored]:
        with self._database.reading_beside() as connection:
            rows, tried = _rows(connection, some), _tried(connection, some)
        return [
            Stored(id, sender, _open(tried.get(id), to), json.loads(options), octets, bool(rendered))
            for id, sender, to, options, rendered, octets in rows
        ]

    def _read_plain(self, some: range) -> list[Any]:
        with self._database.reading_beside() as connection:
            tried = _tried(connection, some)
            if not tried and (together := _together(connection, some)) is not None:
                return together
            rows = _rows(connection, some)
        plain: list[Any] = []
        for id, sender, recipients, options, rendered, octets in rows:
            to = _open(tried.get(id), recipients)
            if options != "[]":
                plain.append(Stored(id, sender, to, json.loads(options), octets, bool(rendered)))
            else:
                plain.append((sender, to, _rendered(octets, [], False) if rendered else octets))
        return plain


def _together(connection: sqlite3.Connection, some: range) -> list[Any] | None:
    """None: they are not all short and alike."""
    first = connection.execute(_FIRST, (some[0],)).fetchone()
    if first is None:
        return None
    sender, rendered = first
    count, recipients, sizes, octets = connection.execute(
        _TOGETHER, (some[0], some[-1], sender, rendered)
    ).fetchone()
    if count != len(some):
        return None
    to_addrs: list[Any] = recipients.split("\x1e")
    ends = list(itertools.accumulate(map(int, sizes.split(","))))
    if len(to_addrs) != count or ends[-1] != len(octets):
        return None
    if "\n" in recipients:
        to_addrs = [to.split("\n") for to in to_addrs]
    parts: list[Any] = [octets[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    if rendered:
        parts = [_rendered(part, [], False) for part in parts]
    return list(zip(itertools.repeat(sender), to_addrs, parts, strict=False))


def _rows(connection: sqlite3.Connection, some: range) -> list[Any]:
    rows = connection.execute(_ALL, (some[0], some[-1])).fetchall()
    if len(rows) != len(some):
        raise LeaseLost("messages that were claimed are gone: another process has taken them over")
    return rows


def _tried(connection: sqlite3.Connection, some: range) -> dict[int, Fate]:
    """The fates of messages that some recipients may have got already."""
    return {fate.message: fate for fate in fates.among(connection, some[0], some[-1]) if fate.told}


def _open(fate: Fate | None, recipients: str) -> list[str]:
    """The recipients who have not received it."""
    addresses = recipients.split("\n")
    if fate is None:
        return addresses
    standings = fate.standings(len(addresses))
    return [to for to, one in zip(addresses, standings, strict=True) if one.state == "open"]
