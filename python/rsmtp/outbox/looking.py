"""Reads an outbox for display while it is being sent. Large outboxes stay fast: queries use an index, or
read a piece at a time."""

from __future__ import annotations

import heapq
import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from rsmtp.outbox import turns
from rsmtp.outbox.database import Database
from rsmtp.outbox.entry import ENTRIES, IS_LOOKED_UP, LOOKED_UP, Entry, counts, entries
from rsmtp.outbox.rates import MINUTE
from rsmtp.outbox.recipients import STATES, WAITING

#: States in which a person has to decide.
TROUBLE = ("unknown", "refused", "dead")
# Without an index, this many messages are read at a time, and a search returns after this many seconds
# with the position it reached.
_AT_ONCE = 5_000
_PATIENCE = 0.2


class Row(NamedTuple):
    """The fields of a message that a search reads."""

    id: int
    key: str | None
    state: str
    from_addr: str
    to_addrs: list[str]
    subject: str
    message_id: str | None
    size: int
    created: float
    server: str | None
    error: str | None


class Found(NamedTuple):
    """A page of messages, newest first."""

    ids: list[int]
    #: The number to continue below. None: there are no more.
    next: int | None


class Overview(NamedTuple):
    """A summary of an outbox."""

    counts: dict[str, int]
    owners: list[str]
    sent_in_ten: int
    sent_in_an_hour: int
    #: The newest messages in trouble.
    trouble: list[Entry]


def overview(connection: sqlite3.Connection, now: float, most: int) -> Overview:
    hour = [minute.get("sent", 0) for minute in rates(connection, now, 60)]
    marks = newest(connection, TROUBLE, None, most).ids
    where = f"id IN ({', '.join(map(str, marks))})"
    trouble = sorted(entries(connection, where), key=lambda entry: -entry.id)
    return Overview(counts(connection), owners(connection, now), sum(hour[-10:]), sum(hour), trouble)


def rates(connection: sqlite3.Connection, now: float, minutes: int) -> list[dict[str, int]]:
    """How many messages reached each state in each of the last minutes, the current minute last."""
    last = int(now // MINUTE)
    found: list[dict[str, int]] = [{} for _ in range(minutes)]
    query = "SELECT minute, what, count FROM outbox_rate WHERE minute > ? AND minute <= ?"
    for minute, what, count in connection.execute(query, (last - minutes, last)):
        found[minute - last - 1][what] = count
    return found


def owners(connection: sqlite3.Connection, now: float) -> list[str]:
    """The processes that are sending."""
    query = "SELECT name FROM outbox_owner WHERE lease >= ? ORDER BY id"
    return [name for (name,) in connection.execute(query, (now,))]


def newest(
    connection: sqlite3.Connection,
    states: Sequence[str],
    below: int | None,
    limit: int,
    fits: Callable[[Row], bool] | None = None,
) -> Found:
    """The newest messages in these states with numbers below `below`. With `fits`, or with many other
    messages in between, the page may have fewer than `limit` messages, or none; `next` continues."""
    below = 2**62 if below is None else below
    if fits is None and (ids := _looked_up(connection, frozenset(states), below, limit + 1)) is not None:
        return Found(ids[:limit], ids[limit - 1] if len(ids) > limit else None)
    return _read_through(connection, states, below, limit, fits)


def numbers(
    database: Database, states: Sequence[str], fits: Callable[[Row], bool] | None = None
) -> Iterator[int]:
    """All messages in these states, newest first. No lock is held between them."""
    below: int | None = None
    while True:
        with database.reading() as connection:
            found = newest(connection, states, below, _AT_ONCE, fits)
        yield from found.ids
        if (below := found.next) is None:
            return


def _looked_up(
    connection: sqlite3.Connection, states: frozenset[str], below: int, limit: int
) -> list[int] | None:
    """None: no index finds just these."""
    if states.issuperset(STATES):
        query = "SELECT id FROM outbox_message WHERE id < ? ORDER BY id DESC LIMIT ?"
        return [id for (id,) in connection.execute(query, (below, limit))]
    if states <= LOOKED_UP:
        query = (
            f"SELECT message FROM outbox_fate WHERE {IS_LOOKED_UP}"
            " AND state IN (SELECT value FROM json_each(?)) AND message < ? ORDER BY message DESC LIMIT ?"
        )
        given = json.dumps(sorted(states)), below, limit
        return [id for (id,) in connection.execute(query, given)]
    if states.issubset(WAITING):
        held = _held(connection, [state == "sending" for state in states], below)
        free = turns.newest(connection, below, limit) if "queued" in states else iter(())
        return list(itertools.islice(heapq.merge(free, held, reverse=True), limit))
    return None


def _held(connection: sqlite3.Connection, said: list[bool], below: int) -> Iterator[int]:
    query = (
        "SELECT first, last FROM outbox_claim WHERE said IN (SELECT value FROM json_each(?)) AND first < ?"
        " ORDER BY first DESC"
    )
    for first, last in connection.execute(query, (json.dumps([int(one) for one in said]), below)).fetchall():
        yield from range(min(last, below - 1), first - 1, -1)


def _read_through(
    connection: sqlite3.Connection,
    states: Sequence[str],
    below: int,
    limit: int,
    fits: Callable[[Row], bool] | None,
) -> Found:
    ids: list[int] = []
    left: int | None = None
    for piece, rest in _pieces(connection, states, below, fits):
        ids += (id for id, _ in piece)
        if len(ids) > limit:
            return Found(ids[:limit], ids[limit - 1])
        left = rest
    return Found(ids, left)


def count(
    connection: sqlite3.Connection,
    states: Sequence[str],
    below: int | None,
    fits: Callable[[Row], bool] | None = None,
) -> tuple[dict[str, int], int | None]:
    """How many messages with numbers below `below` match, by state, and the number to continue below, as
    `Found.next`."""
    if fits is None and (below is None or (_highest(connection, 2**62) or 0) < below):
        known = counts(connection)
        return {state: known[state] for state in states if known[state]}, None
    found: Counter[str] = Counter()
    left: int | None = None
    for piece, rest in _pieces(connection, states, 2**62 if below is None else below, fits):
        found.update(state for _, state in piece)
        left = rest
    return dict(found), left


def _pieces(
    connection: sqlite3.Connection,
    states: Sequence[str],
    below: int,
    fits: Callable[[Row], bool] | None,
) -> Iterator[tuple[list[tuple[int, str]], int | None]]:
    """The messages that match, newest first, with their states, for as long as patience lasts. Each piece
    comes with the number to continue below; None: nothing is left."""
    until = time.monotonic() + _PATIENCE
    top = _highest(connection, below)
    while top is not None:
        piece = list(_fitting(connection, states, top, fits))
        below = top - _AT_ONCE + 1
        top = _highest(connection, below)
        yield piece, None if top is None else below
        if time.monotonic() > until:
            return


def _highest(connection: sqlite3.Connection, below: int) -> int | None:
    found: int | None = connection.execute(
        "SELECT max(id) FROM outbox_message WHERE id < ?", (below,)
    ).fetchone()[0]
    return found


def _fitting(
    connection: sqlite3.Connection, states: Sequence[str], top: int, fits: Callable[[Row], bool] | None
) -> Iterator[tuple[int, str]]:
    """A piece of the messages, from this number downwards, with their states."""
    query = (
        "SELECT id, key, state, sender, recipients, subject, message_id, size, created, server, error"
        f" FROM ({ENTRIES}) WHERE id BETWEEN ? AND ? AND state IN (SELECT value FROM json_each(?))"
        " ORDER BY id DESC"
    )
    given = top - _AT_ONCE + 1, top, json.dumps(states)
    for id, key, state, sender, recipients, *rest in connection.execute(query, given).fetchall():
        if fits is None or fits(Row(id, key, state, sender, recipients.split("\n"), *rest)):
            yield id, state
