"""`Deliverer`: sends the message of a job once."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.errors import SMTPException
from rsmtp.mailer import Mailer
from rsmtp.outbox import Outbox, OutboxError
from rsmtp.outbox.content import Content
from rsmtp.outbox.database import LeaseLost
from rsmtp.outbox.running import send_one
from rsmtp.tasks.job import content_in
from rsmtp.tasks.outcome import MailRefused, PutOff, checked, words_of

# A server that can't be reached, or accepts no session now, is tried again after this many seconds.
_SOON = 30.0
# A task waits this many seconds for its turn in a rate; it is put off if the wait is longer.
_TURN = 5.0


class Claims(Protocol):
    """Records which messages are being sent, and which were sent."""

    def send(self, mailer: Mailer, content: Content, key: str) -> dict[str, Any]:
        """Sends the message unless it was sent before; returns the outcome. Raises PutOff, MailRefused,
        and what sending raises."""


@public
class Deliverer:
    """A callable that sends a job's message; called again with the same job, it sends nothing.

    It takes a job from `rsmtp.tasks.job`, or the number of a message in the outbox, and returns the same
    dict as `Receipt.to_dict`. If a worker dies while sending, the next one sends the message, unless the
    end of its mail data was sent and no answer came: then its recipients stay *unknown*, which is
    returned and not tried again.

    Args:
        mailer: a Mailer, its URL, or a dict of its arguments. Each process has one, created when it
            sends its first message.
        once: records what was sent: an `rsmtp.Outbox` or the path of its file, shared by the workers of
            one machine, or `RedisClaims`, for workers on many machines.
        rate: `RedisRate`, for a rate over all workers. The Mailer's own `rate` counts per process.
    """

    def __init__(
        self,
        mailer: Mailer | str | dict[str, Any],
        *,
        once: Outbox | str | os.PathLike[str] | Claims,
        rate: Callable[[], float] | None = None,
    ) -> None:
        if not isinstance(mailer, (Mailer, str, dict)):
            raise arguments.wanted("mailer", "a Mailer, a URL, or a dict of its arguments", mailer)
        if not isinstance(once, (str, os.PathLike)) and not hasattr(once, "send"):
            raise arguments.wanted("once", "an Outbox, the path of one, or RedisClaims", once)
        if rate is not None:
            arguments.function("rate", rate)
        self._rate = rate
        self._mailer_given, self._once = mailer, once

    @functools.cached_property
    def mailer(self) -> Mailer:
        given = self._mailer_given
        if isinstance(given, Mailer):
            return given
        return Mailer(given) if isinstance(given, str) else Mailer(**given)

    @functools.cached_property
    def claims(self) -> Any:
        once = self._once
        return _InOutbox(once) if isinstance(once, (str, os.PathLike, Outbox)) else once

    def __call__(self, job: dict[str, Any] | int, key: str | None = None) -> dict[str, Any]:
        """Sends the message unless it was sent before, and returns the outcome.

        Args:
            job: a dict from `rsmtp.tasks.job`, or the number of a message in the outbox.
            key: identifies a job that has no key: use the task's identifier, which stays the same when
                the broker delivers the task again.

        Raises PutOff if the job should run again after some seconds, MailRefused if no recipient will
        get the message, and any other error that keeps the mailer from sending (such as a refused
        login), which leaves the message as it was.
        """
        if isinstance(job, bool) or not isinstance(job, (dict, int)):
            raise arguments.wanted("job", "what rsmtp.tasks.job() gives, or the number of a message", job)
        send = self._of_number(job) if isinstance(job, int) else self._of_job(job, key)
        self._take_turn()
        try:
            return checked(send())
        except LeaseLost as lost:
            raise PutOff(f"the message is in the hands of another worker: {lost}", _SOON) from lost
        except (PutOff, MailRefused, OutboxError):
            raise
        except (SMTPException, OSError) as error:
            if getattr(error, "transient", True) is False:
                raise
            raise PutOff(f"{type(error).__name__}: {error}", _SOON) from error

    def _of_job(self, job: dict[str, Any], key: str | None) -> Callable[[], dict[str, Any]]:
        key = arguments.maybe_text("key", job.get("key")) or key
        if not key:
            raise ValueError("key: the job has none: give it the task's identifier, to be known again by")
        return functools.partial(self.claims.send, self.mailer, content_in(job), key)

    def _of_number(self, number: int) -> Callable[[], dict[str, Any]]:
        if not isinstance(self.claims, _InOutbox):
            raise ValueError("job: it is the number of a message in an outbox, and this deliverer has none")
        return functools.partial(self.claims.send_number, self.mailer, number)

    def _take_turn(self) -> None:
        if self._rate is None:
            return
        while (wait := self._rate()) > 0:
            if wait > _TURN:
                raise PutOff("it is not its turn yet, by the rate", wait)
            time.sleep(wait)


class _InOutbox:
    """Claims in an outbox."""

    def __init__(self, outbox: Outbox | str | os.PathLike[str]) -> None:
        self.outbox = outbox if isinstance(outbox, Outbox) else Outbox(outbox)

    def send(self, mailer: Mailer, content: Content, key: str) -> dict[str, Any]:
        entry = self.outbox.put(content, key=key)  # type: ignore[arg-type]  # it is built already
        return self.send_number(mailer, entry.id)

    def send_number(self, mailer: Mailer, number: int) -> dict[str, Any]:
        outbox = self.outbox
        outbox._store.take_over(time.time())
        if outbox.get(number).state == "queued":
            send_one(outbox._store, mailer, number)
        entry = outbox.get(number)
        if entry.state == "sending" or (entry.state == "queued" and not entry.receipt.attempts):
            raise PutOff(f"message {number} is in the hands of another worker", outbox._store.lease)
        outcome = entry.receipt.to_dict()
        if entry.state == "queued":
            raise PutOff(words_of(outcome), max(1.0, entry.due.timestamp() - time.time()))
        return outcome
