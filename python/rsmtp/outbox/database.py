"""The file of an outbox: one SQLite database, with rules for who may write when."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
import stat
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

from rsmtp._common import native
from rsmtp.outbox import boots, reading, schema

# How many seconds to wait for another process that holds the file.
_BUSY = 60.0
# And for those that are making it, which takes some hundredths. Not longer: it may be a transaction of the
# application in this same thread, which would not end.
_MADE = 2.0
# Cache size in KiB, and the number of log pages after which SQLite checkpoints. Its default of 1,000
# pages would checkpoint three times as often.
_CACHE = 16 * 1024
_LOG = 4000


class OutboxError(RuntimeError):
    """The outbox's file can't be used, or no longer says which messages this process may send."""


class LeaseLost(OutboxError):
    """Another process has taken over the messages that this one had claimed."""


_links: weakref.WeakSet[_Link] = weakref.WeakSet()


class _Link:
    """One connection for all threads; a forked child opens another."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self.lock = native.rlock()
        _links.add(self)
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        # The identity of the log that it writes, which is there for as long as it is open.
        self._log: object = None

    def connection(self) -> sqlite3.Connection:
        if self._connection is not None and self._process != os.getpid():
            # This is the parent's connection. Closing it here would release the parent's locks.
            _of_parents.append(self._connection)
            self._connection = None
        if self._connection is None:
            self._connection = self._connect()
            self._process = os.getpid()
            self._log = None
        return self._connection

    def has_its_log(self, path: Path) -> bool:
        log = reading.identity(path.with_name(f"{path.name}-wal"), self._log)
        if self._log is None:
            self._log = log
        return log == self._log

    def close(self) -> None:
        with self.lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None


class Database:
    """The file and two connections to it. One is for long reads while others write."""

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        # A process that changes its folder later means the same file.
        self.path = Path(path).absolute()
        #: The machine's boot id. None: the system has none.
        self.boot = boots.present()
        self.read_only = read_only
        # The identity of the open file, to notice when another file takes its place.
        self._file: object = None
        self._main, self._beside = _Link(self._connect), _Link(self._connect)
        # Don't write if the tables exist: the application may have a transaction open in this same
        # thread, and waiting for it would deadlock.
        with self.reading() as connection:
            prepared, version = schema.is_there(connection), schema.version_in(connection)
        if prepared:
            return
        if not read_only:
            with self.writing() as connection:
                version = schema.make(connection)
        if version is not None and version not in range(1, schema.VERSION + 1):
            raise OutboxError(
                f"{self.path}: this outbox was made by another version of rsmtp (its tables are of "
                f"version {version}, this one knows {schema.VERSION})"
            )
        if read_only:
            why = "this is no outbox, and read_only=True makes none of it"
            if version is not None:
                why = "this outbox is of an earlier version of rsmtp, and read_only=True converts nothing"
            raise OutboxError(f"{self.path}: {why}: open it once without that")

    @contextlib.contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A separate transaction: on disk when this ends, or rolled back. Without `durable` it does not
        wait for the disk: all processes see it and it survives this process, but a machine that stops
        may lose it, unless `sync` or a durable transaction has followed."""
        if self.read_only:
            raise OutboxError(f"{self.path}: it was opened with read_only=True, and can't be changed")
        with self._main.lock, self._told():
            connection = self._open(self._main)
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
        """Returns when everything written so far is on disk. Other processes may write meanwhile, which
        they can't while SQLite itself waits."""
        # SQLite syncs pages to disk before it removes them from the log, so syncing the log is enough.
        try:
            log = os.open(f"{self.path}-wal", os.O_RDWR)
        except FileNotFoundError:
            return
        except OSError as wrong:
            raise OutboxError(f"{self.path}: its log can't be opened: {wrong.strerror}") from wrong
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
            if self.read_only:
                # It is looked at again once it is open: another process may have opened it, or
                # left it, meanwhile.
                while self._file != (file := reading.file_of(self.path)):
                    self.close()
                    self._file = None
                    self._main.connection()
                    self._file = file
            yield self._open(self._main)

    @contextlib.contextmanager
    def reading_beside(self) -> Iterator[sqlite3.Connection]:
        """The same for long reads: no writer waits for them."""
        with self._beside.lock, self._told():
            yield self._open(self._beside)

    def _open(self, link: _Link) -> sqlite3.Connection:
        """SQLite goes on reading and writing a file that has been removed, and what is put there is lost
        with this process. So the path is looked at each time."""
        if self.read_only:
            return link.connection()
        if self._file is not None and reading.identity(self.path, self._file) != self._file:
            raise OutboxError(
                f"{self.path}: the file was removed, moved or replaced since it was opened, and nothing more "
                "is written to it: open the outbox anew"
            )
        connection = link.connection()
        if self._file is None:
            self._file = reading.identity(self.path)
        if not link.has_its_log(self.path):
            raise OutboxError(
                f"{self.path}: its log ({self.path.name}-wal) was removed, moved or replaced since it was "
                "opened, and nothing more is written to it: close the outbox and open it anew"
            )
        return connection

    def _connect(self) -> sqlite3.Connection:
        # Not `Path.exists`, which since CPython 3.14 takes what may not be looked at for missing.
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if not stat.S_ISREG(self.path.stat().st_mode):
                # SQLite would wait at a named pipe for ever.
                raise OutboxError(f"{self.path}: it is no regular file")
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
        except OSError as wrong:
            raise OutboxError(f"{self.path}: {wrong.strerror}") from wrong

    def _advice(self, wrong: sqlite3.DatabaseError) -> str:
        if self.read_only and _kind(wrong) in ("SQLITE_READONLY", "SQLITE_CANTOPEN"):
            if not os.access(self.path, os.R_OK):
                return ": this user may not read it"
            return ": while another process has it open, it is read where its folder can be written"
        return _advice(wrong)

    def mark(self) -> object:
        """A value that changes when another process may have changed the file."""
        with self.reading() as connection:
            return self._file, id(connection), connection.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        self._main.close()
        self._beside.close()
        self._file = None

    def __del__(self) -> None:
        # Runs when the outbox is garbage. If it could not be created, there is nothing to close.
        if hasattr(self, "_beside"):
            self.close()


_of_parents: list[sqlite3.Connection] = []


def _unlock() -> None:
    # In a forked child, the thread that held this lock does not exist, so nothing would release it.
    for link in _links:
        link.lock = native.rlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def _connect(path: Path) -> sqlite3.Connection:
    if not path.parent.is_dir():
        raise OutboxError(f"{path}: there is no folder {path.parent}")
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        _keep_log(connection)
        # A commit must be on disk: an outbox relies on "sending" being stored before any mail data goes
        # out, and on the fate being stored after the answer.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG}")
    except BaseException:
        connection.close()
        raise
    return connection


def _keep_log(connection: sqlite3.Connection) -> None:
    """From now on, readers and the writer of the file don't wait for each other. SQLite itself does not
    wait here: of several that open a new file at once, all but one would fail."""
    until = time.monotonic() + _MADE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as wrong:
            if not wrong.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > until:
                raise
        time.sleep(0.01)


_FULL = (
    "the disk is full: make room, and run it again. Nothing that was put is lost, and nothing was sent "
    "that is not written down"
)


# SQLite needs to create a file beside the database before it can read it.
_LITTLE = 64 * 1024


def _words(path: Path, wrong: sqlite3.DatabaseError) -> str:
    name = getattr(wrong, "sqlite_errorname", "")
    full = name == "SQLITE_FULL"
    if name.startswith("SQLITE_IOERR"):
        # SQLite could not create its index of the log (-shm).
        with contextlib.suppress(OSError):
            full = shutil.disk_usage(path.parent).free < _LITTLE
    return _FULL if full else str(wrong)


def _kind(wrong: sqlite3.DatabaseError) -> str:
    """SQLITE_READONLY, of SQLITE_READONLY_DIRECTORY as well."""
    return "_".join(getattr(wrong, "sqlite_errorname", "").split("_")[:2])


def _advice(wrong: sqlite3.DatabaseError) -> str:
    match _kind(wrong):
        case "SQLITE_BUSY" | "SQLITE_LOCKED":
            return ": another process, or a transaction of this one, holds it"
        case "SQLITE_NOTADB" | "SQLITE_CORRUPT":
            return ": this is not the file of an outbox, or it is damaged"
        case "SQLITE_READONLY" | "SQLITE_CANTOPEN":
            return ": it and its folder have to be writable"
    return ""
