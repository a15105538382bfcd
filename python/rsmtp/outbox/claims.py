"""The messages each owner has claimed, as ranges of numbers.

A claimed message is not in any turn. It is *sending* once the end of its mail data may have been sent;
settling it releases it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from rsmtp.outbox.ranges import Range, cut, joined, ranges_of

_CLAIM = "last >= id AND first = (SELECT max(first) FROM outbox_claim WHERE first <= id)"
#: Whether message `id` of a query is claimed.
IS_CLAIMED = f"EXISTS (SELECT 1 FROM outbox_claim WHERE {_CLAIM})"
#: Whether it is *sending*.
IS_SENDING = f"EXISTS (SELECT 1 FROM outbox_claim WHERE said AND {_CLAIM})"


def held(connection: sqlite3.Connection, owner: int) -> list[Range]:
    rows = connection.execute(
        "SELECT first, last, said FROM outbox_claim WHERE owner = ? ORDER BY first", (owner,)
    )
    return [Range(first, last, bool(said)) for first, last, said in rows]


def take(connection: sqlite3.Connection, owner: int, messages: Iterable[range]) -> None:
    """Gives the messages to this owner. None of them may be claimed already."""
    before = held(connection, owner)
    taken = (Range(some.start, some.stop - 1) for some in messages)
    _change(connection, owner, before, [*before, *taken])


def say(connection: sqlite3.Connection, owner: int, messages: Sequence[int]) -> bool:
    """Marks the messages *sending*. Returns False and changes nothing if one of them is not this
    owner's."""
    before, wanted = held(connection, owner), ranges_of(messages)
    inside, outside = cut(before, wanted)
    if sum(one.total for one in inside) != sum(one.total for one in wanted):
        return False
    _change(connection, owner, before, [*outside, *(one._replace(said=True) for one in inside)])
    return True


def give_back(connection: sqlite3.Connection, owner: int, messages: Iterable[Range]) -> list[Range]:
    """Releases the messages, given in order; returns those that were this owner's."""
    before = held(connection, owner)
    inside, outside = cut(before, messages)
    _change(connection, owner, before, outside)
    return inside


def end(connection: sqlite3.Connection, owner: int) -> list[Range]:
    """Releases everything this owner holds, and returns it."""
    before = held(connection, owner)
    _change(connection, owner, before, [])
    return before


def _change(
    connection: sqlite3.Connection, owner: int, before: Iterable[Range], after: Iterable[Range]
) -> None:
    old, new = set(before), set(joined(sorted(after)))
    connection.executemany("DELETE FROM outbox_claim WHERE first = ?", [(one.first,) for one in old - new])
    connection.executemany(
        "INSERT INTO outbox_claim VALUES (?, ?, ?, ?)",
        [(first, last, owner, said) for first, last, said in new - old],
    )
