"""Opens an outbox's file read-only: nothing is created or changed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def identity(path: Path, otherwise: object = None) -> object:
    """Identifies the file, whatever is in it. None: there is none; `otherwise`: it can't be seen, as after
    the process has given up its rights."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return otherwise
    return found.st_dev, found.st_ino


def file_of(path: Path) -> object:
    """Identifies the file and what is in it, so that another one in its place is noticed. Raises
    FileNotFoundError if there is none."""
    found = path.stat()
    return found.st_dev, found.st_ino, None if _has_log(path) else (found.st_size, found.st_mtime_ns)


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Raises sqlite3.DatabaseError."""
    address = path.absolute().as_uri() + "?mode=ro"
    try:
        return _followed(address, timeout)
    except sqlite3.OperationalError:
        # SQLite's readers coordinate through a file beside the database (-shm), which can't be created
        # in a read-only folder. Without a log no process has the file open, so it does not change under
        # the reader. `file_of` checks for a log each time.
        if not _has_log(path):
            return _connect(address + "&immutable=1", timeout)
    # Another process may have opened it just now: then both are there.
    return _followed(address, timeout)


def _followed(address: str, timeout: float) -> sqlite3.Connection:
    """Sees what others write."""
    connection = _connect(address, timeout)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(address: str, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(address, timeout=timeout, isolation_level=None, check_same_thread=False, uri=True)


def _has_log(path: Path) -> bool:
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        return False
