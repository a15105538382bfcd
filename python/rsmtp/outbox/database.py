"""The file of an outbox: one SQLite database, and who may write to it when."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

# Seconds that another process may hold the file.
_BUSY = 60.0

#: `state` of a message: queued, sending, and what it can end in. `state` of a recipient: open,
#: and what it can end in.
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
CREATE TABLE IF NOT EXISTS outbox_rate (
    minute INTEGER NOT NULL, what TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, what)
) WITHOUT ROWID;
"""

# Of what stands there.
_NAMES = frozenset(re.findall(r"IF NOT EXISTS (\w+)", SCHEMA))

#: Of the tables. A file that a newer version has made is left alone.
VERSION = 1


class OutboxError(RuntimeError):
    """The outbox's file can't be used, or no longer says what this process may send."""


class LeaseLost(OutboxError):
    """Another process has taken over what this one had claimed."""


class Database:
    """One connection, for all threads, and another one in a forked child."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        if not self._is_prepared():
            with self.writing() as connection:
                self._prepare(connection)

    def _is_prepared(self) -> bool:
        """Nothing is written then: the application may have a transaction open, in this very
        thread, which would be waited for in vain."""
        with self.reading() as connection:
            there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not there.issuperset(_NAMES):
                return False
            found = connection.execute("SELECT name, value FROM outbox_setting").fetchall()
        return ("version", VERSION) in found and any(name == "secret" for name, _ in found)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
        connection.execute("INSERT OR IGNORE INTO outbox_setting VALUES ('version', ?)", (VERSION,))
        connection.execute("INSERT OR IGNORE INTO outbox_setting VALUES ('secret', ?)", (os.urandom(32),))
        (version,) = connection.execute("SELECT value FROM outbox_setting WHERE name = 'version'").fetchone()
        if version != VERSION:
            raise OutboxError(
                f"{self.path}: this outbox was made by another version of rsmtp (its tables are of version "
                f"{version}, this one knows {VERSION})"
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of its own: on the disk when this ends, or not at all."""
        with self._lock, self._told():
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For statements that change nothing."""
        with self._lock, self._told():
            yield self._connected()

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            if self._connection is not None:
                # The parent's: closed here, it would let go of the parent's locks.
                _of_parents.append(self._connection)
            self._connection = _connect(self.path)
            self._process = os.getpid()
        return self._connection

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as wrong:
            if isinstance(wrong, sqlite3.IntegrityError):
                raise
            raise OutboxError(f"{self.path}: {wrong}{_advice(wrong)}") from wrong

    def close(self) -> None:
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def __del__(self) -> None:
        # An outbox that nothing refers to any more. One that could not be made has no lock.
        if hasattr(self, "_process"):
            self.close()


_of_parents: list[sqlite3.Connection] = []


def _connect(path: Path) -> sqlite3.Connection:
    if not path.parent.is_dir():
        raise OutboxError(f"{path}: there is no folder {path.parent}")
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # What is committed is on the disk: that "sending" is written down before any mail data
        # goes out, and the fate after the answer, is what an outbox is for.
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _advice(wrong: sqlite3.DatabaseError) -> str:
    match getattr(wrong, "sqlite_errorname", ""):
        case "SQLITE_FULL":
            return ": make room on the disk, and run it again; nothing was sent that is not written down"
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return f": another process has held it for {_BUSY:.0f} s"
        case "SQLITE_NOTADB" | "SQLITE_CORRUPT":
            return ": this is not the file of an outbox, or it is damaged"
        case "SQLITE_READONLY" | "SQLITE_CANTOPEN":
            return ": it and its folder have to be writable"
    return ""
