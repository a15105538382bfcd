"""When a message that was put off is tried again, and when no more. Pure."""

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
    """RFC 5321 4.5.4.1: the first attempts soon, because a server that puts strangers off
    (greylisting) takes them after a few minutes; later ones ever further apart."""

    first: float = _MINUTE
    longest: float = 4 * _HOUR
    give_up_after: float = 4 * 24 * _HOUR

    @classmethod
    def given(cls, first_retry: float, longest_retry: float, give_up_after: float) -> Schedule:
        """By arguments of these names. ValueError or TypeError for one that can't be meant."""
        times = {"first_retry": first_retry, "longest_retry": longest_retry, "give_up_after": give_up_after}
        for name, seconds in times.items():
            arguments.amount(name, seconds)
        return cls(first_retry, max(first_retry, longest_retry), give_up_after)

    def next_try(self, attempts: int, first_tried: float, now: float, words: str) -> float | None:
        """The time of the next attempt after so many, or None: the message is given up.
        `words` are the server's; a time that stands in them is kept to."""
        base = min(self.longest, self.first * 2.0 ** min(attempts - 1, 30))
        # Full jitter, but never at once: many that were put off together don't come back together.
        pause = max(self.first / 2, random.uniform(0, base))
        if (asked := _WAIT.search(words)) is not None:
            pause = max(pause, min(int(asked[1]) * _UNITS[asked[2][0].lower()], self.longest))
        when = now + pause
        return None if when > first_tried + self.give_up_after else when
