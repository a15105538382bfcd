"""The file of an outbox: one SQLite database, and who may write to it when."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from rsmtp.outbox import boots, reading, schema

# Seconds that another process may hold the file.
_BUSY = 60.0
# KiB of the file that are kept in memory, and pages of its log, after which they are written where
# they belong: with SQLite's own 1,000 that is done thrice as often.
_CACHE = 16 * 1024
_LOG = 4000


class OutboxError(RuntimeError):
    """The outbox's file can't be used, or no longer says what this process may send."""


class LeaseLost(OutboxError):
    """Another process has taken over what this one had claimed."""


_links: weakref.WeakSet[_Link] = weakref.WeakSet()


class _Link:
    """One connection, for all threads, and another one in a forked child."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self.lock = threading.RLock()
        _links.add(self)
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    def connection(self) -> sqlite3.Connection:
        if self._connection is not None and self._process != os.getpid():
            # The parent's: closed here, it would let go of the parent's locks.
            _of_parents.append(self._connection)
            self._connection = None
        if self._connection is None:
            self._connection = self._connect()
            self._process = os.getpid()
        return self._connection

    def close(self) -> None:
        with self.lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None


class Database:
    """The file, and two connections to it: by one of them much is read while others write."""

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        self.path = Path(path)
        #: Of the machine; None: its boots can't be told apart.
        self.boot = boots.present()
        self.read_only = read_only
        # Of the file that is open, for reading alone: by what another one in its place is known.
        self._file: object = None
        self._main, self._beside = _Link(self._connect), _Link(self._connect)
        # Nothing is written where all is there: the application may have a transaction open, in
        # this very thread, which would be waited for in vain.
        with self.reading() as connection:
            prepared = schema.is_there(connection)
        if prepared:
            return
        if read_only:
            raise OutboxError(
                f"{self.path}: this is no outbox, or one of another version of rsmtp, and read_only=True "
                "makes none of it: open it without that first"
            )
        self._prepare()

    def _prepare(self) -> None:
        with self.writing() as connection:
            version = schema.make(connection)
            if version != schema.VERSION:
                raise OutboxError(
                    f"{self.path}: this outbox was made by another version of rsmtp (its tables are of "
                    f"version {version}, this one knows {schema.VERSION})"
                )

    @contextlib.contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction of its own: on the disk when this ends, or not at all. Without `durable`
        it is not waited for: all processes see it, and the end of this one loses nothing, but a
        machine that stops may lose it, unless `sync` or a durable one has followed."""
        if self.read_only:
            raise OutboxError(f"{self.path}: it was opened with read_only=True, and can't be changed")
        with self._main.lock, self._told():
            connection = self._main.connection()
            if not durable:
                connection.execute("PRAGMA synchronous = NORMAL")
            try:
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    connection.rollback()
                    raise
            finally:
                if not durable:
                    connection.execute("PRAGMA synchronous = FULL")

    def sync(self) -> None:
        """Returns when all that was written is on the disk. Others may write meanwhile, which they
        may not while SQLite waits."""
        # What is not in the log any more was on the disk before it was taken out of there.
        try:
            log = os.open(f"{self.path}-wal", os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            getattr(os, "fdatasync", os.fsync)(log)
        except OSError as wrong:
            full = wrong.errno in (errno.ENOSPC, errno.EDQUOT)
            why = _FULL if full else f"the disk did not take what was written: {wrong.strerror}"
            raise OutboxError(f"{self.path}: {why}") from wrong
        finally:
            os.close(log)

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For statements that change nothing."""
        with self._main.lock, self._told():
            if self.read_only and self._file != (file := reading.file_of(self.path)):
                self.close()
                self._file = file
            yield self._main.connection()

    @contextlib.contextmanager
    def reading_beside(self) -> Iterator[sqlite3.Connection]:
        """The same, for much of it: no writer waits for its end."""
        with self._beside.lock, self._told():
            yield self._beside.connection()

    def _connect(self) -> sqlite3.Connection:
        return reading.connect(self.path, _BUSY) if self.read_only else _connect(self.path)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as wrong:
            if isinstance(wrong, sqlite3.IntegrityError):
                raise
            raise OutboxError(f"{self.path}: {_words(self.path, wrong)}{self._advice(wrong)}") from wrong
        except FileNotFoundError:
            raise OutboxError(f"{self.path}: there is no such file (any more)") from None

    def _advice(self, wrong: sqlite3.DatabaseError) -> str:
        if self.read_only and getattr(wrong, "sqlite_errorname", "") in (
            "SQLITE_READONLY",
            "SQLITE_CANTOPEN",
        ):
            return ": while another process has it open, it is read where its folder can be written"
        return _advice(wrong)

    def mark(self) -> object:
        """Another one than before where another process may have changed something."""
        with self.reading() as connection:
            return self._file, id(connection), connection.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        self._main.close()
        self._beside.close()

    def __del__(self) -> None:
        # An outbox that nothing refers to any more. One that could not be made has no links.
        if hasattr(self, "_beside"):
            self.close()


_of_parents: list[sqlite3.Connection] = []


def _unlock() -> None:
    # In a forked child no other thread is left that would let go of it.
    for link in _links:
        link.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def _connect(path: Path) -> sqlite3.Connection:
    if not path.parent.is_dir():
        raise OutboxError(f"{path}: there is no folder {path.parent}")
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        # What is committed is on the disk: that "sending" is written down before any mail data
        # goes out, and the fate after the answer, is what an outbox is for.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG}")
    except BaseException:
        connection.close()
        raise
    return connection


_FULL = (
    "the disk is full: make room, and run it again. Nothing that was put is lost, and nothing was sent "
    "that is not written down"
)


# Octets that SQLite needs beside the file before it can read it.
_LITTLE = 64 * 1024


def _words(path: Path, wrong: sqlite3.DatabaseError) -> str:
    name = getattr(wrong, "sqlite_errorname", "")
    full = name == "SQLITE_FULL"
    if name.startswith("SQLITE_IOERR"):
        # Its index of the log could not be made.
        with contextlib.suppress(OSError):
            full = shutil.disk_usage(path.parent).free < _LITTLE
    return _FULL if full else str(wrong)


def _advice(wrong: sqlite3.DatabaseError) -> str:
    match getattr(wrong, "sqlite_errorname", ""):
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return f": another process has held it for {_BUSY:.0f} s"
        case "SQLITE_NOTADB" | "SQLITE_CORRUPT":
            return ": this is not the file of an outbox, or it is damaged"
        case "SQLITE_READONLY" | "SQLITE_CANTOPEN":
            return ": it and its folder have to be writable"
    return ""
