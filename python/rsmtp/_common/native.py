"""Locks for code that the engine's own threads run as well.

eventlet replaces Python's by locks that only know the greenlets of one thread: a thread that waits for
another one is never woken up. (gevent's know threads, too.)"""

from __future__ import annotations

import threading
from typing import Any

from rsmtp._common.late_bases import if_loaded


def lock() -> Any:
    return _threading().Lock()


def rlock() -> Any:
    return _threading().RLock()


def _threading() -> Any:
    patcher = if_loaded("eventlet.patcher")
    if patcher is None or not patcher.is_monkey_patched("thread"):
        return threading
    return patcher.original("threading")
