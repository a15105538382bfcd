"""Which receipts `after_send` has still to be told of."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rsmtp._rsmtp import Receipt


class Telling:
    """The receipts of one sending, each told once: also where that is interrupted, and taken up again at
    the end of the sending."""

    def __init__(self) -> None:
        # Stored, and not told yet.
        self._untold: deque[Receipt] = deque()
        self._is_under_way = False

    def each(self, stored: Iterable[Receipt]) -> Iterator[Receipt]:
        """The next ones to tell, with these."""
        self._is_under_way = True
        self._untold.extend(stored)
        while self._untold:
            yield self._untold.popleft()
        self._is_under_way = False

    def goes_on_after(self, raised: BaseException) -> bool:
        """Whether the rest is told after what has ended the sending. A hook that has failed is told no more.
        One that was interrupted is told the rest."""
        if isinstance(raised, GeneratorExit):
            return False  # nothing can be awaited any more
        return not (self._is_under_way and isinstance(raised, Exception))

    @contextmanager
    def after(self, raised: BaseException) -> Iterator[None]:
        """The rest is told here. A hook that fails then does not take the place of an interruption."""
        try:
            yield
        except Exception as failed:
            if isinstance(raised, Exception):
                raise
            raised.add_note(f"after_send: {failed!r}")
