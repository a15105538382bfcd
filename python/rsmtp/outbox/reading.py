"""An outbox's file, opened for looking alone: nothing of it is made or changed."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


def file_of(path: Path) -> object:
    """By what another file in its place is known. Raises FileNotFoundError where there is none."""
    found = path.stat()
    return found.st_dev, found.st_ino, None if _has_log(path) else (found.st_size, found.st_mtime_ns)


def connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Raises sqlite3.DatabaseError."""
    address = path.absolute().as_uri() + "?mode=ro"
    connection = _connect(address, timeout)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        return connection
    except sqlite3.OperationalError:
        # A reader marks what it reads in a file beside it (-shm), which can't be made in a folder
        # that can't be written. Without a log, no process has the file open, and nothing changes
        # under the reader until there is one, for which `file_of` looks each time.
        connection.close()
        if _has_log(path):
            raise
        return _connect(address + "&immutable=1", timeout)


def _connect(address: str, timeout: float) -> sqlite3.Connection:
    return sqlite3.connect(address, timeout=timeout, isolation_level=None, check_same_thread=False, uri=True)


def _has_log(path: Path) -> bool:
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        return False
