"""Waits until a number of messages have arrived."""

import time
from threading import Event

from rsmtp import Catcher
from rsmtp._web.events import SLICE


def wait_for_count(catcher: Catcher, count: int, timeout: float, stopping: Event) -> None:
    """Waits until this many messages have arrived, or the time is up."""
    deadline = time.monotonic() + timeout
    while not stopping.is_set():
        changes = catcher.changes
        left = deadline - time.monotonic()
        if catcher.count >= count or left <= 0:
            return
        catcher.wait_for_change(changes, timeout=min(left, SLICE))
