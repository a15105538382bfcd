"""The news as server-sent events: one `change` for every change, several at once as one."""

import json
import time
from collections.abc import Iterator
from threading import Event
from typing import Final

from rsmtp import Catcher
from rsmtp.inbox import caught

# A wait in the catcher is this long before the word that it is over is looked for.
SLICE: Final = 0.2
# Between two events to one listener: a bulk of mail is not a bulk of news.
PAUSE: Final = 0.15
HEARTBEAT: Final = 15.0


def stream(catcher: Catcher, stopping: Event) -> Iterator[bytes]:
    """Begins with how things stand, and goes on until the inbox stops or the listener
    leaves."""
    yield b"retry: 1000\n\n"
    told, heard = None, time.monotonic()
    while not stopping.is_set():
        news = caught.news(catcher)
        if news != told:
            told, heard = news, time.monotonic()
            yield b"event: change\ndata: " + json.dumps(news).encode() + b"\n\n"
            stopping.wait(PAUSE)
        elif time.monotonic() - heard > HEARTBEAT:
            heard = time.monotonic()
            yield b": still there\n\n"
        catcher.wait_for_change(news["changes"], timeout=SLICE)


def wait_for_count(catcher: Catcher, count: int, timeout: float, stopping: Event) -> None:
    """Until so many messages have come, or the time is over."""
    deadline = time.monotonic() + timeout
    while not stopping.is_set():
        changes = catcher.changes
        left = deadline - time.monotonic()
        if catcher.count >= count or left <= 0:
            return
        catcher.wait_for_change(changes, timeout=min(left, SLICE))
