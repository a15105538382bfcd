"""The tables of an outbox's file, and how a file of an older version comes to have them.

A message is written once, and no row of it is written again while all goes well: it takes its
turn (`outbox_turn`: numbers in a row that were put together), is held by an owner (`outbox_claim`:
a range of numbers in a row, `said` where the ends of their mail data may have been said), and is
sent: numbers in a row whom the server took at the first attempt share a row (`outbox_sent`). What
became of any other one that a server was asked about has a row of its own (`outbox_fate`).
"""

from __future__ import annotations

import os
import re
import sqlite3

#: Of the tables. A file that a newer version has made is left alone.
VERSION = 3

_SETTINGS = """
CREATE TABLE IF NOT EXISTS outbox_setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""

# `recipients`: one on a line. `told`: JSON with a list for each recipient (`recipients.Standing`), and
# NULL where they are all alike, as `state`, `code` and `text` have it. `owner` of a fate: the one
# who may still hear the answer about an unknown one. `texts`: JSON, the words that each one was
# taken with. `boot`: the one of the machine that the owner began in (`boots.py`);
# `seconds`: of a lease, which ends at `lease`.
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
CREATE TABLE IF NOT EXISTS outbox_rate (
    minute INTEGER NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, what)
) WITHOUT ROWID;
"""

_NAMES = frozenset(re.findall(r"IF NOT EXISTS (\w+)", _SETTINGS + _TABLES))

# Version 1 had a row for each recipient, and states that were changed where they stood.
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

# Version 2 had a row for each turn and each fate, and an index whose condition each fate was held
# against. Its owners have waited for the disk each time: they need no `boot`.
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
    """Whether the file has all of it. Reads alone."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return there.issuperset(_NAMES) and version_of(connection) == VERSION


def version_of(connection: sqlite3.Connection) -> int | None:
    found: tuple[int] | None = connection.execute(
        "SELECT value FROM outbox_setting WHERE name = 'version'"
    ).fetchone()
    return found and found[0]


def make(connection: sqlite3.Connection) -> int:
    """Makes what is not there, within the transaction of this connection. The version of the
    file, which is another one where it can't be used."""
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
