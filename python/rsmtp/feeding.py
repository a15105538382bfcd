"""Messages out of the caller's iterable, into a sending. What the caller wrote runs here,
never within the engine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rsmtp._rsmtp import Sending
from rsmtp.sending import prepare


def feed(sending: Sending, iterator: Iterator[Any]) -> None:
    """Takes as many messages as there is room for, until it is time to look after the
    receipts. Raises what the iterator raises; nothing more is taken then."""
    if not sending.wants_more:
        return
    # Between a message's coming and `put` no interrupt can come: none is lost.
    try:
        for item in iterator:
            more = sending.put(item)
            if more is None:
                more = _prepared(sending, item)
            if not more:
                return
    except BaseException:
        sending.finish()
        raise
    sending.finish()


def put(sending: Sending, item: Any) -> None:
    """Takes one message."""
    if sending.put(item) is None:
        _prepared(sending, item)


def _prepared(sending: Sending, item: Any) -> bool:
    try:
        return sending.put_prepared(prepare(item))
    except Exception as unfit:
        return sending.put_aside(unfit)
