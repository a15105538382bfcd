"""An outbox file as the first version wrote it, with a message in each state."""

import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox_setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_owner (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, lease REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS outbox_message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT, digest BLOB NOT NULL, state TEXT NOT NULL, owner INTEGER,
    priority INTEGER NOT NULL, due REAL NOT NULL, expires REAL, created REAL NOT NULL, changed REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, first_tried REAL,
    sender TEXT NOT NULL, options TEXT NOT NULL, rendered INTEGER NOT NULL, size INTEGER NOT NULL,
    message_id TEXT, subject TEXT NOT NULL, server TEXT, error TEXT
);
CREATE UNIQUE INDEX IF NOT EXISTS outbox_by_key ON outbox_message (key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS outbox_by_turn ON outbox_message (priority DESC, due, id)
    WHERE state = 'queued' AND owner IS NULL;
CREATE INDEX IF NOT EXISTS outbox_by_owner ON outbox_message (owner, state)
    WHERE state IN ('queued', 'sending');
CREATE INDEX IF NOT EXISTS outbox_by_expiry ON outbox_message (expires)
    WHERE state = 'queued' AND expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS outbox_recipient (
    message INTEGER NOT NULL, position INTEGER NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL,
    fate TEXT NOT NULL DEFAULT 'not sent', stage TEXT, code INTEGER, text TEXT,
    transient INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (message, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_suppression (
    address TEXT PRIMARY KEY, why TEXT NOT NULL, at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox_content (message INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox_event (
    message INTEGER NOT NULL, at REAL NOT NULL, what TEXT NOT NULL, words TEXT NOT NULL, server TEXT
);
CREATE INDEX IF NOT EXISTS outbox_event_by_message ON outbox_event (message);
"""

DUE = 1_700_000_000.0
OCTETS = b"Subject: Number %d\r\nMessage-ID: <%d@example.org>\r\n\r\nHello\r\n"


def make(path, lease=DUE * 2):
    file = sqlite3.connect(path)
    file.executescript(SCHEMA)
    file.execute("INSERT INTO outbox_setting VALUES ('version', 1)")
    file.execute("INSERT INTO outbox_setting VALUES ('secret', ?)", (b"s" * 32,))
    # Owner 1 has died, owner 2 holds two messages.
    file.execute("INSERT INTO outbox_owner VALUES (2, 'alive', ?)", (lease,))
    put(file, 1, "queued", key="one")
    put(file, 2, "queued", attempts=1, first_tried=DUE, server="there:25", due=DUE + 5, recipients=[
        ("sent", "sent", None, 250, "2.0.0 ok", 0), ("open", "refused", "rcpt", 450, "4.2.0 later", 1),
    ])  # fmt: skip
    put(file, 3, "queued", owner=2)
    put(file, 4, "sending", owner=2)
    put(file, 5, "sent", attempts=1, recipients=[("sent", "sent", None, 250, "2.0.0 ok", 0)] * 2)
    put(file, 6, "unknown", attempts=1, owner=1, recipients=[("unknown", "unknown", None, None, None, 0)] * 2)
    put(file, 7, "refused", attempts=1, recipients=[
        ("sent", "sent", None, 250, "2.0.0 ok", 0), ("refused", "refused", "rcpt", 550, "5.1.1 no", 0),
    ])  # fmt: skip
    put(file, 8, "cancelled", recipients=[("cancelled", "not sent", None, None, None, 0)] * 2)
    put(file, 9, "queued", priority=3, expires=DUE)
    # Deleted messages had the numbers up to 20.
    file.execute("UPDATE sqlite_sequence SET seq = 20 WHERE name = 'outbox_message'")
    file.execute("INSERT INTO outbox_event VALUES (5, ?, 'sent', 'the words', 'there:25')", (DUE,))
    file.execute("INSERT INTO outbox_suppression VALUES ('no@example.net', 'bounced', ?)", (DUE,))
    file.commit()
    file.close()


def put(file, id, state, *, recipients=(("open", "not sent", None, None, None, 0),) * 2, **more):
    octets = OCTETS % (id, id)
    row = {
        "id": id, "digest": b"d" * 32, "state": state, "priority": 0, "due": DUE, "created": DUE,
        "changed": DUE + 1, "sender": "ann@example.org", "options": "[]", "rendered": 0, "size": len(octets),
        "message_id": f"<{id}@example.org>", "subject": f"Number {id}", **more,
    }  # fmt: skip
    file.execute(
        f"INSERT INTO outbox_message ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()]
    )
    file.execute("INSERT INTO outbox_content VALUES (?, ?)", (id, octets))
    for position, (address, told) in enumerate(
        zip(("bob@example.net", "carol@example.net"), recipients, strict=True)
    ):
        file.execute("INSERT INTO outbox_recipient VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (
            id, position, address, *told
        ))  # fmt: skip
