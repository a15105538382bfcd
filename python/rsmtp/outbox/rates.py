"""Counts of messages by result and minute, for the rates that an outbox shows."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

#: Length of a counted interval, in seconds.
MINUTE = 60.0
# How many minutes are kept.
_MINUTES = 7 * 24 * 60


def count(connection: sqlite3.Connection, now: float, counts: Mapping[str, int]) -> None:
    connection.executemany(
        "INSERT INTO outbox_rate VALUES (?, ?, ?)"
        " ON CONFLICT (minute, what) DO UPDATE SET count = count + excluded.count",
        [(_minute(now), what, count) for what, count in counts.items() if count],
    )


def forget(connection: sqlite3.Connection, now: float) -> None:
    """Deletes the counts that are older than a week."""
    connection.execute("DELETE FROM outbox_rate WHERE minute < ?", (_minute(now) - _MINUTES,))


def _minute(now: float) -> int:
    return int(now // MINUTE)
