"""The delivery options that servers were told of a message, and what it went without: one row for each
message that was sent with options."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, TypeAlias

from rsmtp._rsmtp import Receipt

#: `options`, `options_left_out` and `recipients`, with the options of each address.
Said: TypeAlias = dict[str, Any]

NOTHING: Said = {"options": [], "options_left_out": [], "recipients": {}}


def of(receipt: Receipt) -> Said | None:
    """None: it tells of no options."""
    recipients = {one.address: one.options for one in receipt.recipients}
    if not (receipt.options or receipt.options_left_out or any(recipients.values())):
        return None
    return {
        "options": receipt.options,
        "options_left_out": receipt.options_left_out,
        "recipients": recipients,
    }


def read(stored: str | None) -> Said:
    return NOTHING if stored is None else json.loads(stored)


def write(connection: sqlite3.Connection, messages: Iterable[tuple[int, Said]]) -> None:
    """What earlier attempts told of other recipients is kept."""
    for message, said in messages:
        row = connection.execute("SELECT said FROM outbox_options WHERE message = ?", (message,)).fetchone()
        before = read(row and row[0])["recipients"]
        said = {**said, "recipients": before | said["recipients"]}
        connection.execute("INSERT OR REPLACE INTO outbox_options VALUES (?, ?)", (message, json.dumps(said)))


def forget(connection: sqlite3.Connection) -> None:
    """Deletes the rows of messages that are gone."""
    connection.execute("DELETE FROM outbox_options WHERE message NOT IN (SELECT id FROM outbox_message)")
