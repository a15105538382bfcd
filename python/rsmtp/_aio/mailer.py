"""`AsyncMailer`: a Mailer for an event loop. The same engine decides which message is sent
when; here the loop runs its sessions, without threads."""

from __future__ import annotations

import rsmtp
from rsmtp._aio.pool import AsyncPool
from rsmtp._aio.sending import AsyncSending
from rsmtp._aio.single import Single
from rsmtp._client.outgoing import prepare
from rsmtp._common import observing
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp._mailer.base import BaseMailer, an_outbox, check_many, checked
from rsmtp._mailer.feeding import Ruled, alone, each_made
from rsmtp._mailer.report import Report
from rsmtp._rsmtp import Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Coroutine, Iterable
    from types import TracebackType
    from typing import Any, Self, overload

    from rsmtp.mailer import Row
else:
    later(globals(), "Any AsyncIterable Callable Coroutine Iterable Self TracebackType")


@public
class AsyncMailer(BaseMailer):
    __doc__ = BaseMailer.__doc__

    def _made_up(self) -> None:
        self._pool = AsyncPool(lambda: self._engine)

    async def send(
        self,
        message: rsmtp.typing.Sendable,
        *,
        envelope: rsmtp.Envelope | None = None,
        check: bool = True,
        key: str | None = None,
    ) -> Receipt:
        """Sends one message and returns what became of it, like `Mailer.send`.

        A task that is cancelled ends the session; the exception has the message's fate
        as its `receipt`, unless it was never begun.
        """
        if key is not None:
            return checked(await self._kept_in().asend(self, message, envelope=envelope, key=key), check)
        try:
            with observing.sending("send", self._hops) as watch:
                timed = watch.tell is not None
                if self._rules is not None:
                    receipt = await self._send_by_rules(message, envelope, timed)
                else:
                    item = message if envelope is None else Ruled(message, prepare((message, envelope)), [])
                    receipt = await Single(self._pool, self._hops).receipt(item, timed=timed)
                if watch.tell is not None:
                    watch.tell(receipt)
        except BaseException as raised:
            from rsmtp._common.raising import add_fates

            add_fates(raised)
            raise
        if not receipt.recipients and receipt.error is not None:
            raise receipt.error
        return checked(receipt, check)

    async def _send_by_rules(self, message: Any, envelope: rsmtp.Envelope | None, timed: bool) -> Receipt:
        messages: Any = [message]
        try:
            if envelope is not None:
                messages = alone(message, await self._rules.apply_awaited((message, envelope)))
            report = await self._sending(
                messages, False, None, None, operation=None, recorded=True, timed=timed
            )
        except BaseException as raised:
            for receipt in getattr(raised, "report", Report()).receipts:
                raised.receipt = receipt  # type: ignore[attr-defined]
            raise
        (receipt,) = report.receipts
        return receipt

    if TYPE_CHECKING:

        @overload
        def send_all(
            self,
            messages: Iterable[rsmtp.typing.Sendable] | AsyncIterable[rsmtp.typing.Sendable],
            *,
            progress: bool | Callable[[rsmtp.Progress], object] = False,
            total: int | None = None,
            make: None = None,
        ) -> AsyncSending: ...

        @overload
        def send_all(
            self,
            messages: Iterable[Row] | AsyncIterable[Row],
            *,
            progress: bool | Callable[[rsmtp.Progress], object] = False,
            total: int | None = None,
            make: Callable[[Row], rsmtp.typing.Sendable],
        ) -> AsyncSending: ...

        @overload
        def send_all(
            self,
            messages: Iterable[Any] | AsyncIterable[Any],
            *,
            make: Callable[[Any], rsmtp.typing.Sendable] | None = None,
            outbox: rsmtp.Outbox,
        ) -> Coroutine[Any, Any, Report]: ...

    def send_all(
        self,
        messages: Iterable[Any] | AsyncIterable[Any],
        *,
        progress: bool | Callable[[rsmtp.Progress], object] = False,
        total: int | None = None,
        make: Callable[[Any], rsmtp.typing.Sendable] | None = None,
        outbox: rsmtp.Outbox | None = None,
    ) -> AsyncSending | Coroutine[Any, Any, Report]:
        """Sends all messages of an iterable, asynchronous or not, like `Mailer.send_all`.

            report = await mailer.send_all(messages)
            async for receipt in mailer.send_all(messages): ...

        Nothing is sent before it is awaited or iterated over. Messages are taken as room
        comes free, and receipts are kept no longer than the caller takes to ask for them:
        a slow caller slows the sending. With an `outbox` it can only be awaited.
        """
        check_many(messages)
        if outbox is not None:
            if progress is not False:
                raise ValueError("outbox: its report comes at the end, without progress")
            return an_outbox(outbox).asend_all(self, each_made(messages, make))
        return self._sending(messages, progress, total, make)

    def _sending(self, *arguments: Any, **options: Any) -> AsyncSending:
        return AsyncSending(self._pool, self._hops, *arguments, **{"rules": self._rules, **options})

    async def verify(self) -> rsmtp.Verification:
        """Opens a session, sends NOOP and quits, like `Mailer.verify`, without sending mail."""
        from rsmtp._mailer.verifying import averify

        return await averify(self._to_verify())

    async def aclose(self) -> None:
        """Ends the idle sessions with QUIT. Nothing can be sent afterwards."""
        self._pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def idle(self) -> int:
        """The number of idle sessions."""
        return self._engine.idle
