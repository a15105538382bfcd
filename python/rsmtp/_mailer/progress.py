"""The progress of a `send_all`, for a bar or for a callable."""

from __future__ import annotations

import time
from typing import NamedTuple

from rsmtp._common.annotations import later
from rsmtp._rsmtp import Sending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self
else:
    later(globals(), "Any Callable Self")

# Seconds between two updates.
_PERIOD = 0.1


class Progress(NamedTuple):
    """total is None where it is not known; rate is messages per second since the start;
    seconds_left is None where total is; finished is True once, at the end."""

    total: int | None
    sent: int
    refused: int
    unknown: int
    not_sent: int
    suppressed: int
    seconds: float
    finished: bool

    @property
    def settled(self) -> int:
        return self.sent + self.refused + self.unknown + self.not_sent + self.suppressed

    @property
    def rate(self) -> float:
        return self.settled / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        if self.total is None or not self.rate:
            return None
        return max(0, self.total - self.settled) / self.rate

    @classmethod
    def teller(
        cls, sending: Sending, total: int | None, told: Callable[[Self], object]
    ) -> Callable[[bool], None]:
        """A function that calls `told` when an update is due."""
        began = time.monotonic()
        last = began - _PERIOD
        failed = False

        def tell(finished: bool) -> None:
            nonlocal last, failed
            now = time.monotonic()
            # A callback that has raised is not called again: a second error would hide the report.
            if not failed and (finished or now - last >= _PERIOD):
                last = now
                failed = True
                told(cls(total, *sending.tally, now - began, finished))
                failed = False

        return tell


def bar(total: int | None) -> Callable[[Progress], None]:
    """A tqdm bar: in a terminal, or as a widget in a notebook."""
    from rsmtp._common.extras import library

    tqdm = library("tqdm.auto", "progress", "progress=True").tqdm
    shown: Any = tqdm(total=total, unit="msg", smoothing=0.1)

    def tell(progress: Progress) -> None:
        shown.update(progress.settled - shown.n)
        troubles = {"refused": progress.refused, "unknown": progress.unknown, "not sent": progress.not_sent}
        shown.set_postfix({name: count for name, count in troubles.items() if count}, refresh=False)
        if progress.finished:
            shown.close()

    return tell
