"""Finds messages by what a report calls them: their Message-ID or their ENVID.

The names are entered when a report is looked up, those of the messages put since the last report. An index
that each put updates, at a random place, made `put_all` write 2.5 times as many octets and use a third more
CPU, also where no report is ever read.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator

from rsmtp.outbox.database import Database

# So many messages are entered in one transaction.
_AT_ONCE = 5_000


def envid(encoded: str) -> str:
    """The name of a message with this ENVID, which is encoded as xtext (RFC 3461 section 4.4)."""
    return f"ENVID={encoded}"


def enter_all(database: Database) -> None:
    """Enters the messages that were put since this was called last."""
    while True:
        with database.reading_beside() as connection:
            last = _last(connection)
            rows = connection.execute(
                "SELECT id, message_id, options FROM outbox_message WHERE id > ? ORDER BY id LIMIT ?",
                (last, _AT_ONCE),
            ).fetchall()
        if not rows:
            return
        found = sorted((_folded(name), id) for id, *row in rows for name in _names(*row))
        with database.writing(durable=False) as connection:
            # Another process may have entered some of them meanwhile.
            connection.executemany("INSERT OR IGNORE INTO outbox_name VALUES (?, ?)", found)
            last = max(_last(connection), rows[-1][0])
            connection.execute("INSERT OR REPLACE INTO outbox_setting VALUES ('last named', ?)", (last,))


def newest(connection: sqlite3.Connection, name: str) -> int | None:
    """The newest message with this name, of those that were entered."""
    query = (
        "SELECT id, message_id, options FROM outbox_name JOIN outbox_message ON id = message WHERE name = ?"
        " ORDER BY message DESC"
    )
    rows = connection.execute(query, (_folded(name),))
    return next((id for id, *row in rows if name in _names(*row)), None)


def forget(connection: sqlite3.Connection) -> None:
    """Deletes the names of messages that are gone."""
    connection.execute("DELETE FROM outbox_name WHERE message NOT IN (SELECT id FROM outbox_message)")


def _last(connection: sqlite3.Connection) -> int:
    query = "SELECT value FROM outbox_setting WHERE name = 'last named'"
    row: tuple[int] | None = connection.execute(query).fetchone()
    return 0 if row is None else row[0]


def _names(message_id: str | None, options: str) -> Iterator[str]:
    if message_id is not None:
        yield message_id
    if envid("") in options:
        told = json.loads(options)
        mail = told["mail"] + told["delivery"]["mail"] if isinstance(told, dict) else told
        yield from (one for one in mail if one.startswith(envid("")))


def _folded(name: str) -> int:
    """Eight octets, so that the table stays small. `newest` compares the whole name."""
    octets = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(octets, "big", signed=True)
