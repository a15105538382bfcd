"""One `send_all` of an `AsyncMailer`: it takes messages, workers send them, and receipts come
back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable
from typing import Any

import rsmtp
from rsmtp._aio.pool import AsyncPool
from rsmtp._aio.workers import Workers, outlast
from rsmtp._common import observing
from rsmtp._common.observing import NO_WATCH
from rsmtp._common.tracebacks import hidden, named, shortened
from rsmtp._mailer.feeding import each_made, feed_in_turns
from rsmtp._mailer.report import Report
from rsmtp._mailer.rounds import each_once, teller
from rsmtp._mailer.servers import Local
from rsmtp._rsmtp import Receipt, Recipient, Worker


class AsyncSending(Workers):
    """The result of `AsyncMailer.send_all`: await it for a Report, or iterate over it for the
    receipts as they come. It can be used once."""

    def __init__(
        self,
        pool: AsyncPool,
        hops: list[Any],
        messages: Iterable[rsmtp.typing.Sendable] | AsyncIterable[rsmtp.typing.Sendable],
        progress: bool | Callable[[rsmtp.Progress], object],
        total: int | None,
        make: Callable[[Any], rsmtp.typing.Sendable] | None = None,
        *,
        operation: str | None = "send_all",
        recorded: bool = False,
        timed: bool = False,
        note: Callable[[list[int], dict[int, list[Recipient]]], bool] | None = None,
        rules: Any = None,
        hooked: bool = True,
    ) -> None:
        super().__init__(pool, hops)
        self._messages = messages
        self._progress = progress
        self._total = total
        self._make = make
        # As what it is watched; None: its caller sees to that.
        self._watch = NO_WATCH if operation is None else observing.sending(operation, hops)
        self._options: Any = {
            # Every line of the conversation, for the errors, and whether receipts have their times.
            "recorded": recorded,
            "timed": timed or self._watch.tell is not None,
            # Called before the ends of these messages are sent: returns whether they are recorded.
            "note": note,
        }
        # The mailer's own, of `rsmtp._mailer.rules`.
        self._rules = rules
        # What is awaited with each receipt unless the caller does that (`hooked`), whether any are
        # told, and how many of `_receipts` were.
        self._after_send: Any = None
        if hooked and rules is not None and rules.after_send is not None:
            self._after_send = rules.tell_awaited
        self._is_every_told = self._after_send is not None or self._watch.tell is not None
        self._told = 0
        self._workers: dict[asyncio.Task[None], Worker] = {}
        self._begun = self._ending = False
        # What the messages, `after_send` or `progress` raised. What was taken before is sent.
        self._trouble: BaseException | None = None

    def __repr__(self) -> str:
        state = "begun" if self._begun else "nothing sent yet: await it, or iterate over it"
        return f"<AsyncSending, {state}>"

    def __await__(self) -> Generator[Any, None, Report]:
        return self._report().__await__()

    def __aiter__(self) -> AsyncGenerator[Receipt, None]:
        return self._each()

    async def _report(self) -> Report:
        self._begin(every=False)
        report = Report()
        run = self._run()
        try:
            async for _ in run:
                report.receipts += self._receipts
                self._receipts.clear()
                if self._is_every_told:
                    report._thin_out()
        except GeneratorExit:
            # Its loop was closed, and nothing can be awaited any more.
            raise
        except BaseException as raised:
            await run.aclose()
            self._hang_on(raised, report)
            __tracebackhide__ = hidden(raised)
            raise shortened(raised)  # noqa: B904
        report._conclude(self._sending.tally)
        return report

    named(_report, "send_all")

    async def _tell_each(self) -> None:
        """Tells the receipts that have come. An `after_send` that raises is told no more."""
        while self._is_every_told and self._told < len(self._receipts):
            receipt = self._receipts[self._told]
            self._told += 1
            if self._watch.tell is not None:
                self._watch.tell(receipt)
            if (tell := self._after_send) is not None:
                self._after_send = None
                await tell(receipt)
                self._after_send = tell

    def _hang_on(self, raised: BaseException, report: Report) -> None:
        report.receipts += self._receipts
        report._conclude(self._sending.tally)
        raised.report = report  # type: ignore[attr-defined]

    async def _each(self) -> AsyncGenerator[Receipt, None]:
        self._begin(every=True)
        try:
            async with contextlib.aclosing(self._run()) as run:
                async for _ in run:
                    for receipt in each_once(self._receipts):
                        yield receipt
        except GeneratorExit:
            raise
        except BaseException as raised:
            self._hang_on(raised, Report())
            __tracebackhide__ = hidden(raised)
            raise shortened(raised)  # noqa: B904

    named(_each, "send_all")

    def _groups(self) -> AsyncGenerator[None, None]:
        """Yields whenever there are `_receipts`, from which the caller removes those it has seen.
        After the end, or after it was closed, the receipts of messages in flight are there too."""
        self._begin(every=True)
        return self._run()

    def _end(self) -> None:
        """Takes no more messages; those that were taken are still sent."""
        self._feeder.cancel()
        self._sending.finish()
        self._stir()

    def _begin(self, every: bool) -> None:
        if self._begun:
            raise RuntimeError("this sending has begun already: call send_all() anew")
        self._begin_sending(every=every or self._is_every_told, **self._options)
        self._begun = True

    async def _run(self) -> AsyncGenerator[None, None]:
        """Yields whenever receipts may have come."""
        tell = teller(self._sending, self._messages, self._progress, self._total)  # type: ignore[arg-type]
        self._feeder = feeder = asyncio.create_task(self._feed())
        try:
            with self._watch:
                while not self._sending.tell(self._receipts):
                    if self._sending.wants_more:
                        self._beat()
                    try:
                        await self._tell_each()
                        tell(False)
                    except Exception as raised:
                        self._trouble = self._trouble or raised
                        self._end()
                        continue
                    if self._receipts:
                        yield
                        self._told = len(self._receipts)
                    else:
                        await self._change()
                await self._tell_each()
                if self._receipts:
                    yield
                self._nudge()
                self._break_off()
                await asyncio.gather(feeder, *self._workers, return_exceptions=True)
                if self._trouble is not None:
                    raise self._trouble
                if (failure := self._sending.failure) is not None:
                    raise failure
        finally:
            self._ending = True
            try:
                if not self._loop.is_closed():
                    tasks = feeder, *self._workers
                    for task in tasks:
                        task.cancel()
                    await outlast(*tasks)
            finally:
                self._stop()
                tell(True)

    async def _feed(self) -> None:
        """Takes messages when there is room for them, as long as sending is possible."""
        try:
            messages = each_made(self._messages, self._make)
            if self._rules is not None:
                messages = self._rules.each_awaited(messages)
            async for _ in feed_in_turns(self._sending, messages):
                self._stir()
                while not (self._sending.wants_more or self._sending.is_fed or self._sending.failure):
                    await self._change()
                if self._sending.failure is not None:
                    break
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as raised:
            task = asyncio.current_task()
            # The iterable may have waited for something that was cancelled, unlike this task.
            if task and task.cancelling():
                raise
            self._trouble = self._trouble or raised
            self._end()
        self._stir()

    def _heard(self) -> None:
        """Something has come of what was said, perhaps work for more sessions."""
        while not self._ending and (worker := self._sending.worker(self._asked)) is not None:
            self._pool.enlist(worker)
            task = asyncio.create_task(self._work(worker))
            self._workers[task] = worker
            task.add_done_callback(self._left)
        self._beat()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._pool.dismiss(self._workers.pop(task))
        self._beat()

    def _break_off(self) -> None:
        """Nothing hangs on a session that is still being opened."""
        if not isinstance(self._hops[0], Local):
            for task, worker in self._workers.items():
                if not worker.is_working and task is not asyncio.current_task():
                    task.cancel()
