"""One sending of an `AsyncMailer`: messages are taken, sessions serve them, receipts come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Generator, Iterable, Iterator
from typing import Any

from rsmtp._rsmtp import Receipt
from rsmtp.async_connection import Connection
from rsmtp.async_pool import AsyncPool, Resting, leave
from rsmtp.errors import SMTPException
from rsmtp.feeding import ENDED, each_made, feed, put
from rsmtp.local_hostname import address_literal
from rsmtp.mailer import Sendable, each_once, teller
from rsmtp.progress import Progress
from rsmtp.report import KEPT, Report
from rsmtp.servers import Local


class _Pulse:
    """Wakes all who wait. Whoever waits has looked before, and nothing was there."""

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    async def wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def beat(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)


class AsyncSending:
    """What `AsyncMailer.send_all` gives: await it for a Report, or iterate over it for the
    receipts as they come. Once."""

    def __init__(
        self,
        pool: AsyncPool,
        hops: list[Any],
        messages: Iterable[Sendable] | AsyncIterable[Sendable],
        progress: bool | Callable[[Progress], object],
        total: int | None,
        make: Callable[[Any], Sendable] | None = None,
    ) -> None:
        self._pool = pool
        self._hops = hops
        self._messages = messages
        self._progress = progress
        self._total = total
        self._make = make
        self._receipts: list[Receipt] = []
        self._serving: dict[Connection, asyncio.Task[None]] = {}
        self._lanes: set[asyncio.Task[None]] = set()
        # Those that have no session.
        self._idle: set[asyncio.Task[None]] = set()
        self._changed = _Pulse()
        self._failure: BaseException | None = None
        self._begun = False

    def __await__(self) -> Generator[Any, None, Report]:
        return self._report().__await__()

    def __aiter__(self) -> AsyncGenerator[Receipt, None]:
        return self._each()

    async def _report(self) -> Report:
        self._begin(every=False)
        report = Report()
        try:
            async with contextlib.aclosing(self._run()) as run:
                async for _ in run:
                    report.receipts += self._receipts
                    self._receipts.clear()
        except BaseException as raised:
            self._hang_on(raised, report)
            raise
        report.close(self._sending.tally)
        return report

    def _hang_on(self, raised: BaseException, report: Report) -> None:
        report.receipts += self._receipts
        report.close(self._sending.tally)
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
            raise

    def _begin(self, every: bool) -> None:
        if self._begun:
            raise RuntimeError("this sending has begun already: call send_all() anew")
        self._pool.join_loop()
        self._sending = self._pool.engine.send_all(every, KEPT, by_threads=False)
        self._begun = True

    async def _run(self) -> AsyncGenerator[None, None]:
        """Yields whenever receipts may have come."""
        tell = teller(self._sending, self._messages, self._progress, self._total)  # type: ignore[arg-type]
        feeder = asyncio.create_task(self._feed())
        feeder.add_done_callback(lambda _: self._changed.beat())
        trouble: Exception | None = None

        def told() -> None:
            nonlocal trouble
            try:
                tell(False)
            except Exception as raised:
                trouble = raised
                feeder.cancel()

        try:
            while not self._sending.tell(self._receipts):
                if self._sending.wants_more:
                    self._changed.beat()
                if self._receipts:
                    yield
                    told()
                    continue
                told()
                failed = feeder.done() and not feeder.cancelled() and feeder.exception()
                if failed or trouble is not None:
                    # What was taken before is sent; then the error is told.
                    self._sending.finish()
                    self._stir()
                    if self._sending.tell(self._receipts):
                        break
                await self._changed.wait()
            if self._receipts:
                yield
            self._stir_others()
            for lane in self._idle:
                # Whoever is still connecting has nothing to do it for.
                lane.cancel()
            for done in await asyncio.gather(feeder, *self._lanes, return_exceptions=True):
                if isinstance(done, BaseException) and not isinstance(done, asyncio.CancelledError):
                    raise done
            if trouble is not None:
                raise trouble
            if self._failure is not None:
                raise self._failure
        finally:
            try:
                tasks = feeder, *self._lanes
                for task in tasks:
                    task.cancel()
                await _outlast(*tasks)
            finally:
                self._sending.stop()
                self._sending.tell(self._receipts)
                tell(True)

    async def _feed(self) -> None:
        """Takes messages as room comes free."""
        messages: Any = each_made(self._messages, self._make)
        if hasattr(messages, "__aiter__"):
            try:
                async for message in messages:
                    put(self._sending, message)
                    self._stir()
                    while not self._sending.wants_more and self._sending.failure is None:
                        await self._changed.wait()
            except Exception as raised:
                raised.add_note(ENDED)
                raise
            self._sending.finish()
        else:
            iterator: Iterator[Any] = iter(messages)
            while not self._sending.is_fed:
                feed(self._sending, iterator)
                self._stir()
                # The loop gets its turn between two helpings.
                await asyncio.sleep(0)
                while not (self._sending.wants_more or self._sending.is_fed):
                    if self._sending.failure is not None:
                        break
                    await self._changed.wait()
                if self._sending.failure is not None:
                    break
        self._stir()

    def _stir(self) -> None:
        """There may be more to do: for sessions that wait, and for more of them."""
        for connection in list(self._serving):
            connection.nudge()
        while self._sending.enlist():
            lane = asyncio.create_task(self._lane())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        self._changed.beat()

    async def _lane(self) -> None:
        """One session after the other, as long as there is work."""
        try:
            if isinstance(self._hops[0], Local):
                await self._by_thread()
            else:
                await self._by_sessions()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failure = self._failure or error
            self._sending.fail(error)
        finally:
            self._sending.resign()
            self._changed.beat()

    async def _by_thread(self) -> None:
        """Files and programs have nothing for a loop to wait for."""
        working = asyncio.ensure_future(asyncio.to_thread(self._sending.work_here))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            # The message that a thread is at can't be taken from it.
            self._sending.stop()
            await _outlast(working)
            raise

    async def _by_sessions(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._idle.add(task)
        task.add_done_callback(self._idle.discard)
        failures = 0
        while (wait := self._sending.outlook()) is not None:
            if wait:
                await self._pause(wait)
                continue
            async with self._pool.place():
                if self._sending.outlook() != 0:
                    continue
                one = await self._pool.take()
                error, ready = await (self._anew() if one is None else self._open(one, None))
                failures = failures + 1 if error else 0
                pause = self._gives_up(error, failures, ready) if error else 0
            if pause is None:
                return
            end = time.monotonic() + pause
            while (left := end - time.monotonic()) > 0 and self._sending.outlook() is not None:
                await self._pause(left)

    async def _anew(self) -> tuple[BaseException | None, bool]:
        """By a session with the first server that takes us. What kept all of them from
        sending anything."""
        engine = self._pool.engine
        first: BaseException | None = None
        for server in engine.order():
            error: BaseException | None
            try:
                connection = await self._pool.dial(server, self._hops[server])
            except (SMTPException, OSError) as failed:
                error = failed
            else:
                literal = address_literal(connection.getsockname())
                error, ready = await self._open(Resting(connection, server), literal)
                if error is None or ready:
                    return error, ready
            engine.is_down(server)
            first = first or error
        return first or SMTPException("there is no server to send by"), False

    async def _open(self, one: Resting, literal: str | None) -> tuple[BaseException | None, bool]:
        """By this session, as long as both last. What kept it from sending anything, and
        whether it came to be ready for mail."""
        connection = one.connection
        now = time.monotonic()

        def begin() -> None:
            age, silence = now - one.opened, now - one.since
            connection.begin_errand(self._sending, one.server, literal, one.begun, age, silence)

        task = asyncio.current_task()
        assert task is not None
        self._serving[connection] = task
        self._pool.serving.add(connection)
        self._idle.discard(task)
        try:
            error, spent, one.begun, ready = await connection.serve(begin, self._changed.beat)
        except BaseException:
            connection.close()
            raise
        finally:
            del self._serving[connection]
            self._pool.serving.discard(connection)
            self._idle.add(task)
            self._stir_others()
        if connection.is_over:
            connection.close()
        elif spent or error is not None:
            await leave(connection)
        else:
            await self._pool.rest(one)
        return error, ready

    def _stir_others(self) -> None:
        """Something has come back, or all is over."""
        for connection in list(self._serving):
            connection.nudge()
        self._changed.beat()

    def _gives_up(self, error: BaseException, failures: int, ready: bool) -> float | None:
        """Seconds until the next attempt; None: there is none."""
        if self._sending.outlook() is None:
            # All is settled: nothing hangs on it.
            return None
        pause = self._sending.patience(failures, ready)
        transient = ready or getattr(error, "transient", True)
        if self._serving and pause is None and not ready:
            # The server takes so many sessions and no more, or so it seems.
            return None
        if pause is None or not transient:
            self._failure = error
            self._sending.fail(error)
            self._break_off()
            return None
        return pause

    def _break_off(self) -> None:
        """Nothing hangs on a session that is still being opened."""
        opening = [lane for connection, lane in self._serving.items() if connection.is_opening]
        for lane in {*opening, *self._idle} - {asyncio.current_task()}:
            lane.cancel()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(None if seconds == float("inf") else seconds):
                await self._changed.wait()
        except TimeoutError:
            pass


async def _outlast(*tasks: asyncio.Future[None]) -> None:
    """Waits until they have ended, also where the caller is cancelled once more meanwhile:
    what they have in flight is told when they end."""
    again: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as cancelled:
            again = cancelled
    for task in tasks:
        # Told before, or nobody's any more.
        _ = task.cancelled() or task.exception()
    if again is not None:
        raise again
