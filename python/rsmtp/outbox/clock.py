"""Handles a clock that was set back: without this, messages that are due would wait until the clock
catches up.

Times that a caller has given (`at=`, `expires=`) follow the clock, wherever it stands. Times that were
counted from a moment (a lease, a retry) are counted again if that moment is now in the future.
"""

from __future__ import annotations

import sqlite3

from rsmtp.outbox.rates import MINUTE

# Two readings of the clock may differ by this many seconds without anything being wrong.
_SLACK = 1.0


def renew_leases(connection: sqlite3.Connection, now: float) -> None:
    """Shortens leases that would last longer than they were granted for."""
    connection.execute(
        "UPDATE outbox_owner SET lease = ?1 + seconds WHERE lease > ?1 + seconds + ?2", (now, _SLACK)
    )


def is_set_back(connection: sqlite3.Connection, now: float) -> bool:
    """Whether the file has a lease, a message or a count from a time that is now in the future."""
    query = (
        "SELECT max(COALESCE((SELECT max(lease - seconds) FROM outbox_owner), 0),"
        " COALESCE((SELECT created FROM outbox_message WHERE id = (SELECT max(id) FROM outbox_message)), 0),"
        " COALESCE((SELECT max(minute) * ? FROM outbox_rate), 0))"
    )
    (last,) = connection.execute(query, (MINUTE,)).fetchone()
    return float(last) > now + _SLACK


def count_anew(connection: sqlite3.Connection, now: float) -> None:
    """Makes each waiting message due as long from now as it was from when it was put, or put off."""
    connection.execute("DELETE FROM outbox_rate WHERE minute * ? > ?", (MINUTE, now))
    rows = connection.execute(
        "SELECT t.priority, t.due, t.first, t.last, COALESCE(f.changed, m.created), f.message IS NOT NULL"
        " FROM outbox_turn AS t JOIN outbox_message AS m ON m.id = t.first"
        " LEFT JOIN outbox_fate AS f ON f.message = t.first"
        " WHERE t.due > ?1 AND COALESCE(f.changed, m.created) > ?1"
        " AND (f.message IS NOT NULL OR m.due <= m.created)",
        (now,),
    ).fetchall()
    for priority, due, first, last, since, was_tried in rows:
        anew = now + max(due - since, 0.0)
        connection.execute(
            "UPDATE outbox_turn SET due = ? WHERE priority = ? AND due = ? AND first = ?",
            (anew, priority, due, first),
        )
        table, number = ("outbox_fate", "message") if was_tried else ("outbox_message", "id")
        connection.execute(f"UPDATE {table} SET due = ? WHERE {number} BETWEEN ? AND ?", (anew, first, last))
        if was_tried:
            connection.execute("UPDATE outbox_fate SET changed = ? WHERE message = ?", (now, first))
