"""Changes as server-sent events: one `change` event for each change, or for several at once."""

import json
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Final

from rsmtp._web.answer import Json

# A wait for news lasts this long before checking whether the server is stopping.
SLICE: Final = 0.2
# At least this many seconds lie between two events for one listener, so that a burst of messages is one
# event.
PAUSE: Final = 0.15
HEARTBEAT: Final = 15.0


def stream(
    news: Callable[[], Json], wait: Callable[[Json, float], object], stopping: Event
) -> Iterator[bytes]:
    """Sends the current state first, then changes until the server stops or the listener disconnects.
    `wait` returns when there may be other news, or after the given number of seconds."""
    yield b"retry: 1000\n\n"
    told, heard = None, time.monotonic()
    while not stopping.is_set():
        now = news()
        if now != told:
            told, heard = now, time.monotonic()
            yield b"event: change\ndata: " + json.dumps(now).encode() + b"\n\n"
            stopping.wait(PAUSE)
        elif time.monotonic() - heard > HEARTBEAT:
            heard = time.monotonic()
            yield b": still there\n\n"
        wait(now, SLICE)
