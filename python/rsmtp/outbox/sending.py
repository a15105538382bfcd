"""Sends the messages of an outbox, all or one."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterable
from typing import Any, overload

import rsmtp
from rsmtp._aio.mailer import AsyncMailer
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._mailer.base import check_many
from rsmtp._mailer.report import Report
from rsmtp._rsmtp import Receipt
from rsmtp.mailer import Mailer
from rsmtp.outbox import awaited, lists, running
from rsmtp.outbox.database import OutboxError
from rsmtp.outbox.entry import Entry
from rsmtp.outbox.owner import Ran
from rsmtp.outbox.putting import Putting
from rsmtp.outbox.recipients import WAITING

# A message that another process is sending is checked again after this many seconds.
_LOOK = 0.1


@public
class Sending(Putting):
    @overload
    def run(self, mailer: Mailer, *, forever: bool = False, stop: threading.Event | None = None) -> Ran: ...

    @overload
    def run(
        self, mailer: AsyncMailer, *, forever: bool = False, stop: asyncio.Event | None = None
    ) -> Coroutine[Any, Any, Ran]: ...

    def run(
        self, mailer: Any, *, forever: bool = False, stop: threading.Event | asyncio.Event | None = None
    ) -> Any:
        """Sends all messages that are due, with a Mailer; `await` it with an AsyncMailer.

        A message that is put off waits in the file; this call does not wait for it. If another process
        has claimed messages and seems to have died, this call waits for its lease to end.

        Args:
            mailer: sends the messages, with its sessions, limits and rates.
            forever: keep waiting for more messages until `stop` is set or the task is cancelled. A
                server that can't be reached is tried again, at most five minutes later.
            stop: an event (of `threading`, or of `asyncio`). Messages in flight are finished first.

        Returns the numbers of messages by result. Raises what `send_all` raises when no server can be
        reached or accepts the login, and OutboxError if the file can't be written: no message is sent
        without a record.
        """
        arguments.flag("forever", forever)
        if isinstance(mailer, AsyncMailer):
            return awaited.arun(self._store, mailer, forever=forever, stop=stop or asyncio.Event())  # type: ignore[arg-type]
        if isinstance(mailer, Mailer):
            return running.run(self._store, mailer, forever=forever, stop=stop or threading.Event())  # type: ignore[arg-type]
        raise arguments.wanted("mailer", "a Mailer or an AsyncMailer", mailer)

    def send(
        self,
        mailer: Mailer,
        message: rsmtp.typing.Sendable,
        *,
        key: str,
        envelope: rsmtp.Envelope | None = None,
        wait: bool = True,
    ) -> Receipt:
        """`Mailer.send(message, key=key)`, with this outbox."""
        _check_one(mailer, Mailer, wait)
        entry = self.put(message, envelope=envelope, key=key)
        while True:
            if (receipt := self._settled(entry)) is not None:
                return receipt
            if (receipt := running.send_one(self._store, mailer, entry.id)) is not None:
                return receipt
            entry = self._elsewhere(entry.id, wait)
            if self._settled(entry) is None:
                time.sleep(_LOOK)

    async def asend(
        self,
        mailer: AsyncMailer,
        message: rsmtp.typing.Sendable,
        *,
        key: str,
        envelope: rsmtp.Envelope | None = None,
        wait: bool = True,
    ) -> Receipt:
        """`AsyncMailer.send(message, key=key)`, with this outbox."""
        _check_one(mailer, AsyncMailer, wait)
        entry = await asyncio.to_thread(self.put, message, envelope=envelope, key=key)
        while True:
            if (receipt := self._settled(entry)) is not None:
                return receipt
            if (receipt := await awaited.asend_one(self._store, mailer, entry.id)) is not None:
                return receipt
            entry = await asyncio.to_thread(self._elsewhere, entry.id, wait)
            if self._settled(entry) is None:
                await asyncio.sleep(_LOOK)

    def send_all(self, mailer: Mailer, messages: Iterable[Any]) -> Report:
        """`Mailer.send_all(messages, outbox=outbox)`: with `make`, the rows have become messages
        already."""
        _check_mailer(mailer, Mailer)
        check_many(messages)
        kept = lists.List(self)
        try:
            kept.add_all(messages)
            self.run(mailer)
        except BaseException as raised:
            kept.end_with(raised)
        report = kept.report()
        if kept.failed is not None:
            raise kept.failed
        return report

    async def asend_all(self, mailer: AsyncMailer, messages: Any) -> Report:
        """`AsyncMailer.send_all(messages, outbox=outbox)`."""
        _check_mailer(mailer, AsyncMailer)
        check_many(messages)
        kept = lists.List(self)
        try:
            if hasattr(messages, "__aiter__"):
                await kept.aadd_all(messages)
            else:
                await asyncio.to_thread(kept.add_all, messages)
            await self.run(mailer)
        except GeneratorExit:
            # The loop was closed in the middle.
            raise
        except BaseException as raised:
            kept.end_with(raised)
        # A cancelled call has a report, too.
        report = await asyncio.shield(asyncio.to_thread(kept.report))
        if kept.failed is not None:
            raise kept.failed
        return report

    def _settled(self, entry: Entry) -> Receipt | None:
        return None if entry.state in WAITING else entry.receipt

    def _elsewhere(self, id: int, wait: bool) -> Entry:
        self._store.take_over(time.time())
        entry = self._entry(id)
        if entry.state in WAITING and not wait:
            raise OutboxError(f"message {id} (key {entry.key!r}) is being sent by another process or thread")
        return entry


def _check_one(mailer: Any, kind: type[Mailer | AsyncMailer], wait: Any) -> None:
    _check_mailer(mailer, kind)
    arguments.flag("wait", wait)


def _check_mailer(mailer: Any, kind: type[Mailer | AsyncMailer]) -> None:
    if not isinstance(mailer, kind):
        raise arguments.wanted("mailer", f"an rsmtp.{kind.__name__}", mailer)
