"""One message of an `AsyncMailer`, sent in the caller's own task."""

from __future__ import annotations

from typing import Any

from rsmtp._aio.workers import Workers
from rsmtp._mailer.feeding import put
from rsmtp._rsmtp import Receipt


class Single(Workers):
    """A sending of one message. It needs neither a task that takes messages nor one for each
    session: a message alone costs less than these tasks would."""

    async def receipt(self, item: Any, *, timed: bool) -> Receipt:
        """Sends it. Raises the failure that kept it from reaching any server. The exception has the
        message's fate as its `receipt`, if it was begun."""
        self._begin_sending(every=True, recorded=True, timed=timed)
        try:
            try:
                put(self._sending, item)
                self._sending.finish()
                while (worker := self._sending.worker(self._asked)) is not None:
                    self._pool.enlist(worker)
                    try:
                        await self._work(worker)
                    finally:
                        self._pool.dismiss(worker)
                if (failure := self._sending.failure) is not None:
                    raise failure
            finally:
                self._stop()
        except BaseException as raised:
            for receipt in self._receipts:
                raised.receipt = receipt  # type: ignore[attr-defined]
            raise
        (receipt,) = self._receipts
        return receipt
