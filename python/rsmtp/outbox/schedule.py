"""When a message that was put off is tried again, and when it is given up. Pure functions."""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from rsmtp._common import arguments

_MINUTE = 60.0
_HOUR = 60 * _MINUTE

# "try again in 5 minutes", "Retry after 300 seconds".
_WAIT = re.compile(
    r"\b(?:in|after)\s+(\d{1,5})\s*(s|sec|secs|seconds?|m|min|mins|minutes?|h|hours?)\b", re.IGNORECASE
)
_UNITS = {"s": 1.0, "m": _MINUTE, "h": _HOUR}


class Schedule(NamedTuple):
    """The times of retries (RFC 5321 section 4.5.4.1). The first ones come soon, because a greylisting
    server accepts mail after a few minutes; later ones are further and further apart."""

    first: float = _MINUTE
    longest: float = 4 * _HOUR
    give_up_after: float = 4 * 24 * _HOUR

    @classmethod
    def given(cls, first_retry: float, longest_retry: float, give_up_after: float) -> Schedule:
        """Made from arguments of these names. Raises ValueError or TypeError for an impossible value."""
        times = {"first_retry": first_retry, "longest_retry": longest_retry, "give_up_after": give_up_after}
        for name, seconds in times.items():
            arguments.amount(name, seconds)
        return cls(first_retry, max(first_retry, longest_retry), give_up_after)

    def next_try(self, attempts: int, first_tried: float, now: float, words: str) -> float | None:
        """The time of the next attempt. None: the message is given up. If the server's `words` name a
        waiting time, it is respected."""
        base = min(self.longest, self.first * 2.0 ** min(attempts - 1, 30))
        # Full jitter with a minimum: messages that were put off together are not all retried together.
        pause = max(self.first / 2, random.uniform(0, base))
        if (asked := _WAIT.search(words)) is not None:
            pause = max(pause, min(int(asked[1]) * _UNITS[asked[2][0].lower()], self.longest))
        when = now + pause
        return None if when > first_tried + self.give_up_after else when
