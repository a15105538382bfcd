"""The changes that a person makes to an outbox."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import NamedTuple, TypeAlias

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.outbox.entry import Entry
from rsmtp.outbox.messages import Messages, states_of
from rsmtp.outbox.recipients import WORST

Change: TypeAlias = Callable[[Sequence[int], float], dict[int, str]]

# How many messages are changed in one transaction.
_AT_ONCE = 500
# Why a message is left as it is, by its state.
_WHY = {
    "queued": "is queued already",
    "claimed": "is about to be sent",
    "sending": "is being sent",
    "sent": "has been sent",
    "refused": "was refused",
    "unknown": "may have arrived: its fate is unknown",
    "cancelled": "is cancelled already",
    "": "is not there any more",
}


class Changed(NamedTuple):
    """What a change of many messages has done."""

    #: How many messages were changed.
    done: int
    #: Why the others were not: by number, or by key for those that were given by key.
    left: dict[int | str, str]


@public
class ByHand(Messages):
    def retry(self, which: int | str) -> Entry:
        """Queues a message again, for the recipients that did not get it: a message that was refused,
        given up or cancelled, or whose fate is unknown. An unknown one may then arrive twice. Raises
        ValueError for a message that is sent, queued or being sent."""
        return self._by_hand(which, partial(self._store.retry, unknown=True), "retried")

    def cancel(self, which: int | str) -> Entry:
        """Cancels a queued message. Raises ValueError if a process is sending it, or it has a final
        state."""
        return self._by_hand(which, self._store.cancel, "cancelled")

    def retry_all(self, which: Iterable[int | str], *, unknown: bool = False) -> Changed:
        """Queues many messages again, as `retry` does, some hundred in one transaction.

        Args:
            which: the numbers or keys of the messages. It may be a generator.
            unknown: also those whose fate is unknown; they may then arrive twice. Default: they are left
                as they are.

        Returns how many were queued, and why the others were not. Raises TypeError for what is neither a
        number nor a key; the messages before it may have been queued.
        """
        arguments.flag("unknown", unknown)
        return self._change_all(which, partial(self._store.retry, unknown=unknown))

    def cancel_all(self, which: Iterable[int | str]) -> Changed:
        """Cancels many queued messages, as `cancel` does. Arguments, result and errors as for
        `retry_all`."""
        return self._change_all(which, self._store.cancel)

    def _by_hand(self, which: int | str, change: Change, done: str) -> Entry:
        id = self._id(which)
        if left := change([id], time.time()):
            raise ValueError(f"message {which!r} can't be {done}: it {_why(left[id])}")
        return self._entry(id)

    def _change_all(self, which: Iterable[int | str], change: Change) -> Changed:
        if isinstance(which, (str, bytes)) or not hasattr(which, "__iter__"):
            raise arguments.wanted("which", "a list of messages' numbers or keys", which)
        done, left = 0, dict[int | str, str]()
        rest = iter(which)
        while some := list(itertools.islice(rest, _AT_ONCE)):
            ids = self._find_all(some)
            # The same message may be given by its number and by its key.
            wanted = list(dict.fromkeys(id for id in ids.values() if id is not None))
            states = change(wanted, time.time())
            done += len(wanted) - len(states)
            for one, id in ids.items():
                state = "" if id is None else states.get(id)
                if state is not None:
                    left[one] = f"it {_why(state)}"
        return Changed(done, left)

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


def _why(state: str) -> str:
    return _WHY.get(state, f"is {state}")
