"""The machine's clock is set back: what was to be done at once would wait until it gets there again.

Times that a caller has named (`at=`, `expires=`) mean the clock, wherever it stands. Those that were
counted from a moment on are counted anew, if that moment is still to come.
"""

from __future__ import annotations

import sqlite3

from rsmtp.outbox.rates import MINUTE

# Seconds by which two looks at the clock may differ without anything being wrong.
_SLACK = 1.0


def renew_leases(connection: sqlite3.Connection, now: float) -> None:
    """No lease lasts for longer than it was given."""
    connection.execute(
        "UPDATE outbox_owner SET lease = ?1 + seconds WHERE lease > ?1 + seconds + ?2", (now, _SLACK)
    )


def is_set_back(connection: sqlite3.Connection, now: float) -> bool:
    """Something was put, or tried, at a time that is still to come."""
    query = (
        "SELECT max(COALESCE((SELECT max(lease - seconds) FROM outbox_owner), 0),"
        " COALESCE((SELECT created FROM outbox_message WHERE id = (SELECT max(id) FROM outbox_message)), 0),"
        " COALESCE((SELECT max(minute) * ? FROM outbox_rate), 0))"
    )
    (last,) = connection.execute(query, (MINUTE,)).fetchone()
    return float(last) > now + _SLACK


def count_anew(connection: sqlite3.Connection, now: float) -> None:
    """What waits is due as long from now as it was from the moment when it was put, or put off."""
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
