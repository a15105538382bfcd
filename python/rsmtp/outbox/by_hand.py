"""The changes that a person makes to an outbox."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.outbox.entry import Entry
from rsmtp.outbox.messages import Messages, states_of
from rsmtp.outbox.recipients import WORST

# Why `retry` or `cancel` is refused, by the message's state.
_STANDS = {
    "queued": "is queued already",
    "sending": "is being sent",
    "sent": "has been sent",
    "refused": "was refused",
    "cancelled": "is cancelled already",
}


@public
class ByHand(Messages):
    def retry(self, which: int | str) -> Entry:
        """Queues a message again, for the recipients that did not get it: a message that was refused,
        given up or cancelled, or whose fate is unknown. An unknown one may then arrive twice. Raises
        ValueError for a message that is sent, queued or being sent."""
        return self._by_hand(which, self._store.retry, "retried")

    def cancel(self, which: int | str) -> Entry:
        """Cancels a queued message. Raises ValueError if a process is sending it, or it has a final
        state."""
        return self._by_hand(which, self._store.cancel, "cancelled")

    def _by_hand(self, which: int | str, change: Any, done: str) -> Entry:
        id = self._id(which)
        if not change(id, time.time()):
            state = self._entry(id).state
            raise ValueError(f"message {which!r} can't be {done}: it {_STANDS.get(state, f'is {state}')}")
        return self._entry(id)

    def purge(
        self,
        state: str | Iterable[str] = ("sent", "cancelled"),
        *,
        older_than: timedelta | float = 7 * 86400.0,
    ) -> int:
        """Deletes messages that reached this state or these states longer than `older_than` ago: a
        timedelta, or seconds. Default: seven days. Their keys are forgotten. Returns their number."""
        chosen = states_of(state, (*WORST, "cancelled"))
        seconds = older_than.total_seconds() if isinstance(older_than, timedelta) else older_than
        if arguments.number("older_than", seconds) < 0:
            raise ValueError(f"older_than: {older_than!r} is not a length of time")
        return self._store.purge(chosen, time.time() - seconds)
