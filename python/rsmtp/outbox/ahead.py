"""The file is written while the sessions send: by one thread, a claim ahead and the answers behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rsmtp._rsmtp import Receipt

if TYPE_CHECKING:
    from rsmtp.mailer import Mailer
    from rsmtp.outbox.running import Owner


# Seconds in which answers are gathered, unless a claim is wanted before.
_TOGETHER = 0.02


class Ahead:
    """An owner (`running.Owner`) as a sending wants it. What has been answered, and the next claim, go
    to the disk together, and are not waited for but by who takes that claim."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._changed = threading.Condition()
        # What the thread is to do, and what has come of it.
        self._answered: list[Receipt] = []
        self._claim_wanted = False
        self._claim: list[Any] | None = None
        self._ended = False
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._join()
        if kind is None and self._failure is not None:
            raise self._failure

    # -- what the sending asks for ---------------------------------------------------------

    def begin(self, mailer: Mailer) -> None:
        self._owner.begin(mailer)
        self.say_ends = self._owner.say_ends
        self._claim_wanted = True
        self._thread = threading.Thread(target=self._write, name="rsmtp-outbox", daemon=True)
        self._thread.start()

    def claims(self, only: int | None = None) -> Iterator[list[Any]]:
        while True:
            with self._changed:
                while self._claim is None and self._failure is None:
                    self._changed.wait()
                if self._failure is not None:
                    raise self._failure
                claim, self._claim = self._claim, None
                if not claim:
                    return
                self._claim_wanted = True
                self._changed.notify_all()
            yield claim

    def settle_and_keep(self, receipts: list[Receipt]) -> None:
        with self._changed:
            if self._failure is not None:
                raise self._failure
            waits = not self._answered
            self._answered += receipts
            if waits:
                self._changed.notify_all()

    def settle(self, receipts: list[Receipt]) -> None:
        """The last ones, where the sending has failed: they are on the disk when this returns."""
        self._join()
        answered, self._answered = [*self._answered, *receipts], []
        self._owner.settle(answered)

    def _join(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    # -- the thread --------------------------------------------------------------------------

    def _write(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as raised:
            with self._changed:
                self._failure = raised
                self._changed.notify_all()

    def _step(self) -> bool:
        with self._changed:
            if not (self._claim_wanted or self._ended):
                # More answers come meanwhile, and one write does for all of them.
                self._changed.wait(_TOGETHER if self._answered else self._owner.store.lease / 8)
            answered, wanted = list(self._answered), self._claim_wanted and not self._ended
            if self._ended and not answered:
                return False
        self._owner.settle(answered, sync=not wanted)
        claim = self._owner.claim() if wanted else None
        self._owner.keep()
        with self._changed:
            # What could not be written is tried once more at the end.
            del self._answered[: len(answered)]
            if wanted:
                self._claim, self._claim_wanted = claim, False
                self._changed.notify_all()
        return True
