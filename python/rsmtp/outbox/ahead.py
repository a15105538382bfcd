"""One thread writes the file while the sessions send: it claims the next messages and stores the
answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rsmtp._aio.mailer import AsyncMailer
from rsmtp._rsmtp import Receipt, Recipient

if TYPE_CHECKING:
    from rsmtp.mailer import Mailer
    from rsmtp.outbox.owner import Owner


# Answers are gathered for this many seconds, unless a claim is wanted earlier.
_TOGETHER = 0.02


class Ahead:
    """Wraps an owner (`owner.Owner`) for a sending, of `only` one message or of all that are due. The
    answers so far and the next claim are written to disk together; only the code that takes the claim
    waits for that."""

    def __init__(self, owner: Owner, only: int | None = None) -> None:
        self._owner = owner
        self._only = only
        self._changed = threading.Condition()
        # Work for the thread, and its results.
        self._answered: list[Receipt] = []
        self._stored: list[Receipt] = []
        self._claim_wanted = False
        self._claim: list[Any] | None = None
        self._ended = self._is_left = False
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._join()

    # -- what the sending asks for ---------------------------------------------------------

    def begin(self, mailer: Mailer | AsyncMailer) -> None:
        self._owner.begin(mailer)
        self._claim_wanted = True
        self._thread = threading.Thread(target=self._write, name="rsmtp-outbox", daemon=True)
        self._thread.start()

    def claims(self) -> Iterator[list[Any]]:
        while claim := self.next_claim():
            yield claim

    def next_claim(self) -> list[Any]:
        """Waits for the next claim. Empty: there is nothing more to send."""
        with self._changed:
            while self._claim is None and self._failure is None and not self._ended:
                self._changed.wait()
            if self._failure is not None:
                raise self._failure
            claim, self._claim = self._claim or [], None
            if claim and self._only is not None:
                self._claim = []
            elif claim:
                self._claim_wanted = True
                self._changed.notify_all()
            return claim

    def say_ends(self, indexes: list[int], settled: dict[int, list[Recipient]]) -> bool:
        return self._owner.say_ends(indexes, settled)

    def settle_and_keep(self, receipts: list[Receipt]) -> list[Receipt]:
        with self._changed:
            if self._failure is not None:
                raise self._failure
            waits = not self._answered
            self._answered += receipts
            if waits:
                self._changed.notify_all()
            stored, self._stored = self._stored, []
            return stored

    def settle_rest(self) -> list[Receipt]:
        self._join()
        if self._failure is not None:
            raise self._failure
        stored, self._stored = self._stored, []
        return stored

    def settle(self, receipts: list[Receipt]) -> list[Receipt]:
        """Stores the last answers of a sending that failed. They are on disk when this returns them, with
        those that no call has returned."""
        self._join()
        answered, self._answered = [*self._answered, *receipts], []
        self._owner.settle(answered)
        stored, self._stored = [*self._stored, *answered], []
        return stored

    def leave(self, receipts: list[Receipt]) -> None:
        """The event loop was closed in the middle. The thread stores these, and ends the owner: what was
        not sent is free for others."""
        with self._changed:
            self._answered += receipts
            self._ended = self._is_left = True
            self._changed.notify_all()

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
            if self._is_left:
                self._owner.end()
        except BaseException as raised:
            with self._changed:
                self._failure = raised
                self._changed.notify_all()

    def _step(self) -> bool:
        with self._changed:
            if not (self._claim_wanted or self._ended):
                # More answers arrive meanwhile, and one write stores them all.
                self._changed.wait(_TOGETHER if self._answered else self._owner.store.lease / 8)
            answered, wanted = list(self._answered), self._claim_wanted and not self._ended
            if self._ended and not answered:
                return False
        self._owner.settle(answered, sync=not wanted)
        claim = self._owner.claim(self._only) if wanted else None
        self._owner.keep()
        with self._changed:
            # If a write failed, it is tried once more at the end.
            del self._answered[: len(answered)]
            self._stored += answered
            if wanted:
                self._claim, self._claim_wanted = claim, False
                self._changed.notify_all()
        return True
