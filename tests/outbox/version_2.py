"""An outbox file as the second version wrote it, with a message in each state."""

import json
import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox_setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_owner (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, lease REAL NOT NULL
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
    priority INTEGER NOT NULL, due REAL NOT NULL, message INTEGER NOT NULL, size INTEGER NOT NULL,
    expires REAL,
    PRIMARY KEY (priority DESC, due, message)
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
CREATE INDEX IF NOT EXISTS outbox_by_trouble ON outbox_fate (state)
    WHERE state IN ('refused', 'unknown', 'dead', 'suppressed', 'cancelled');
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

DUE = 1_700_000_000.0
OCTETS = b"Subject: Number %d\r\nMessage-ID: <%d@example.org>\r\n\r\nHello\r\n"
BOTH = "bob@example.net\ncarol@example.net"

NO = ["refused", "refused", "rcpt", 550, "5.1.1 no", False]
OK = ["sent", "sent", None, 250, "2.0.0 ok", False]


def make(path, lease=DUE * 2):
    file = sqlite3.connect(path)
    file.execute("PRAGMA journal_mode = WAL")
    file.executescript(SCHEMA)
    file.execute("INSERT INTO outbox_setting VALUES ('version', 2)")
    file.execute("INSERT INTO outbox_setting VALUES ('secret', ?)", (b"s" * 32,))
    file.execute("INSERT INTO outbox_owner VALUES (2, 'alive', ?)", (lease,))
    for id in range(1, 10):
        octets = OCTETS % (id, id)
        file.execute(f"INSERT INTO outbox_message VALUES (?{', ?' * 14})", (
            id, "one" if id == 1 else None, b"d" * 32, 0, DUE, None, DUE, "ann@example.org", BOTH, "[]", 0,
            len(octets), f"<{id}@example.org>", f"Number {id}", octets,
        ))  # fmt: skip
    # Message 1 was never tried, 2 waits for a retry, 3 is claimed, 4 is being sent.
    file.executemany("INSERT INTO outbox_turn VALUES (0, ?, ?, 60, NULL)", [(DUE, 1), (DUE + 5, 2)])
    file.executemany("INSERT INTO outbox_claim VALUES (?, ?, 2, ?)", [(3, 3, 0), (4, 4, 1)])
    later = ["open", "refused", "rcpt", 450, "4.2.0 later", True]
    fate(file, 2, "queued", due=DUE + 5, told=json.dumps([OK, later]))
    fate(file, 5, "sent", code=250, text="2.0.0 ok")
    fate(file, 6, "unknown", owner=1)
    fate(file, 7, "refused", told=json.dumps([OK, NO]))
    fate(file, 8, "cancelled", attempts=0)
    fate(file, 9, "dead")
    file.execute("INSERT INTO outbox_event VALUES (7, ?, 'refused', 'the words', 'there:25')", (DUE,))
    file.commit()
    file.close()


def fate(file, id, state, **more):
    row = {"message": id, "state": state, "changed": DUE + 1, "attempts": 1, "first_tried": DUE,
           "server": "there:25", **more}  # fmt: skip
    file.execute(
        f"INSERT INTO outbox_fate ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
    )
