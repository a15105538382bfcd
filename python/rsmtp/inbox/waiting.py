"""Waits until a number of messages have arrived."""

import time
from threading import Event

from rsmtp import Catcher
from rsmtp._web.events import SLICE


def wait_for_count(catcher: Catcher, count: int, timeout: float, stopping: Event) -> None:
    """Until so many messages have come, or the time is over."""
    deadline = time.monotonic() + timeout
    while not stopping.is_set():
        changes = catcher.changes
        left = deadline - time.monotonic()
        if catcher.count >= count or left <= 0:
            return
        catcher.wait_for_change(changes, timeout=min(left, SLICE))
