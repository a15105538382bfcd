"""The tables of an outbox's file, and the migration of older files.

A message's row is written once and does not change while all goes well. The message takes its turn
(`outbox_turn`: a range of messages that were put together), is held by an owner (`outbox_claim`: a range
of numbers, `said` once the end of their mail data may have been sent), and is sent (`outbox_sent`: one
row for consecutive messages that the server accepted at the first attempt). Any other message that a
server was asked about has its own row in `outbox_fate`. `outbox_name` has the names that reports use
(`names.py`), `outbox_options` the delivery options that servers were told (`options.py`); a file of version 3
without one of them gets it when it is opened.
"""

from __future__ import annotations

import os
import re
import sqlite3

#: Version of the tables. A file from a newer version is not touched.
VERSION = 3

_SETTINGS = """
CREATE TABLE IF NOT EXISTS outbox_setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""

# `recipients`: one per line. `told`: JSON with a list for each recipient (`recipients.Standing`); NULL
# if `state`, `code` and `text` describe them all. `owner` of a fate: the owner that may still receive
# the answer about an unknown message. `texts`: JSON, the server's reply for each message. `boot`: the
# boot in which the owner began (`boots.py`). `seconds`: the length of the lease, which ends at `lease`.
_TABLES = """
CREATE TABLE IF NOT EXISTS outbox_owner (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, lease REAL NOT NULL, boot TEXT,
    seconds REAL
);
CREATE TABLE IF NOT EXISTS outbox_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT, digest BLOB NOT NULL,
    priority INTEGER NOT NULL, due REAL NOT NULL, expires REAL, created REAL NOT NULL,
    sender TEXT NOT NULL, recipients TEXT NOT NULL, options TEXT NOT NULL, rendered INTEGER NOT NULL,
    size INTEGER NOT NULL, message_id TEXT, subject TEXT NOT NULL, octets BLOB NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS outbox_by_key ON outbox_message (key) WHERE key IS NOT NULL;
CREATE TABLE IF NOT EXISTS outbox_turn (
    priority INTEGER NOT NULL, due REAL NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    octets INTEGER NOT NULL, expires REAL,
    PRIMARY KEY (priority DESC, due, first)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_by_expiry ON outbox_turn (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS outbox_claim (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, owner INTEGER NOT NULL, said INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS outbox_by_owner ON outbox_claim (owner);
CREATE TABLE IF NOT EXISTS outbox_fate (
    message INTEGER PRIMARY KEY, state TEXT NOT NULL, changed REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, first_tried REAL, due REAL, server TEXT, owner INTEGER,
    error TEXT, code INTEGER, text TEXT, told TEXT
);
CREATE INDEX IF NOT EXISTS outbox_by_trouble ON outbox_fate (state) WHERE state <> 'sent';
CREATE TABLE IF NOT EXISTS outbox_sent (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, changed REAL NOT NULL, server TEXT,
    code INTEGER NOT NULL, texts TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS outbox_suppression (
    address TEXT PRIMARY KEY, why TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_event (
    message INTEGER NOT NULL, at REAL NOT NULL, what TEXT NOT NULL, words TEXT NOT NULL, server TEXT
);
CREATE INDEX IF NOT EXISTS outbox_event_by_message ON outbox_event (message);
CREATE TABLE IF NOT EXISTS outbox_name (
    name INTEGER NOT NULL, message INTEGER NOT NULL, PRIMARY KEY (name, message)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_options (message INTEGER PRIMARY KEY, said TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox_rate (
    minute INTEGER NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, what)
) WITHOUT ROWID;
"""

_NAMES = frozenset(re.findall(r"IF NOT EXISTS (\w+)", _SETTINGS + _TABLES))

# Version 1 had a row for each recipient, and updated the states in place.
_FROM_1 = """
DROP INDEX IF EXISTS outbox_by_key;
DROP INDEX IF EXISTS outbox_by_turn;
DROP INDEX IF EXISTS outbox_by_owner;
DROP INDEX IF EXISTS outbox_by_expiry;
ALTER TABLE outbox_message RENAME TO outbox_message_1;
{tables}
INSERT INTO outbox_message SELECT id, key, digest, priority, due, expires, created, sender,
    (SELECT group_concat(address, char(10)) FROM (SELECT address FROM outbox_recipient WHERE message = id
     ORDER BY position)),
    options, rendered, size, message_id, subject, octets
    FROM outbox_message_1 JOIN outbox_content ON outbox_content.message = id ORDER BY id;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'outbox_message_1')
    WHERE name = 'outbox_message';
INSERT INTO outbox_turn SELECT priority, due, id, id, size, expires FROM outbox_message_1
    WHERE state = 'queued' AND owner IS NULL;
INSERT INTO outbox_claim SELECT id, id, owner, state = 'sending' FROM outbox_message_1
    WHERE state IN ('queued', 'sending') AND owner IS NOT NULL;
INSERT INTO outbox_fate SELECT id, CASE state WHEN 'sending' THEN 'queued' ELSE state END, changed, attempts,
    first_tried, due, server, CASE state WHEN 'unknown' THEN owner END, error, NULL, NULL,
    (SELECT json_group_array(json_array(state, fate, stage, code, text, transient)) FROM (SELECT * FROM
     outbox_recipient WHERE message = id ORDER BY position))
    FROM outbox_message_1 WHERE attempts > 0 OR state NOT IN ('queued', 'sending') OR EXISTS
    (SELECT 1 FROM outbox_recipient WHERE message = id AND state != 'open');
DROP TABLE outbox_recipient;
DROP TABLE outbox_content;
DROP TABLE outbox_message_1;
ALTER TABLE outbox_owner ADD COLUMN boot TEXT;
ALTER TABLE outbox_owner ADD COLUMN seconds REAL;
UPDATE outbox_setting SET value = 3 WHERE name = 'version';
"""

# Version 2 had a row for each turn and each fate, and an index whose condition was checked for each
# fate. Its owners waited for the disk each time, so they need no `boot`.
_FROM_2 = """
DROP INDEX IF EXISTS outbox_by_trouble;
DROP INDEX IF EXISTS outbox_by_expiry;
ALTER TABLE outbox_owner ADD COLUMN boot TEXT;
ALTER TABLE outbox_owner ADD COLUMN seconds REAL;
ALTER TABLE outbox_turn RENAME TO outbox_turn_2;
{tables}
INSERT INTO outbox_turn SELECT priority, due, message, message, size, expires FROM outbox_turn_2;
DROP TABLE outbox_turn_2;
UPDATE outbox_setting SET value = 3 WHERE name = 'version';
"""


def is_there(connection: sqlite3.Connection) -> bool:
    """Whether the file has all tables. Only reads."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return there.issuperset(_NAMES) and version_of(connection) == VERSION


def version_in(connection: sqlite3.Connection) -> int | None:
    """The version of a file that may be no outbox. Only reads."""
    there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox_setting'").fetchone()
    return version_of(connection) if there else None


def version_of(connection: sqlite3.Connection) -> int | None:
    found: tuple[int] | None = connection.execute(
        "SELECT value FROM outbox_setting WHERE name = 'version'"
    ).fetchone()
    return found and found[0]


def make(connection: sqlite3.Connection) -> int:
    """Creates what is missing, within the connection's transaction. Returns the file's version; a
    version other than ours can't be used."""
    _run(connection, _SETTINGS)
    version = version_of(connection)
    if version in (1, 2):
        _run(connection, (_FROM_1 if version == 1 else _FROM_2).format(tables=_TABLES))
        return VERSION
    if version not in (None, VERSION):
        return version
    _run(connection, _TABLES)
    connection.execute("INSERT OR IGNORE INTO outbox_setting VALUES ('version', ?)", (VERSION,))
    connection.execute("INSERT OR IGNORE INTO outbox_setting VALUES ('secret', ?)", (os.urandom(32),))
    return VERSION


def _run(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";\n"):
        connection.execute(statement)
