"""`AsyncMailer`: a Mailer for an event loop. The same engine decides which message goes
when; here its sessions are moved by the loop, without a thread."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
)
from types import TracebackType
from typing import Any, Self

from rsmtp._rsmtp import Receipt, Sending, Settings
from rsmtp.aio import Connection
from rsmtp.client import address_literal
from rsmtp.errors import SMTPException, SMTPStateError
from rsmtp.mailer import KEPT, BaseMailer, Sendable, check_many, teller
from rsmtp.progress import Progress
from rsmtp.report import Report
from rsmtp.servers import Local, Server


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


class _Resting:
    """A session that waits to be used again."""

    def __init__(self, connection: Connection, server: int) -> None:
        self.connection = connection
        self.server = server
        self.begun = 0
        self.opened = self.since = time.monotonic()


class AsyncMailer(BaseMailer):
    __doc__ = BaseMailer.__doc__

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._resting: list[_Resting] = []
        self._closed = False
        self._serving: set[Connection] = set()
        self._places = asyncio.Semaphore(self._connections)
        self._loop: asyncio.AbstractEventLoop | None = None

    async def send(self, message: Sendable) -> Receipt:
        """Sends one message and tells what became of it, as `Mailer.send` does.

        A task that is cancelled ends the session; the exception has the message's fate
        as its `receipt`, unless it was never begun.
        """
        try:
            report = await self.send_all([message])
        except BaseException as raised:
            for receipt in getattr(raised, "report", Report()).receipts:
                raised.receipt = receipt  # type: ignore[attr-defined]
            raise
        (receipt,) = report.receipts
        if not receipt.recipients and receipt.error is not None:
            raise receipt.error
        return receipt

    def send_all(
        self,
        messages: Iterable[Sendable] | AsyncIterable[Sendable],
        *,
        progress: bool | Callable[[Progress], object] = False,
        total: int | None = None,
    ) -> AsyncSending:
        """Sends all that an iterable gives, asynchronous or not, as `Mailer.send_all` does.

            report = await mailer.send_all(messages)
            async for receipt in mailer.send_all(messages): ...

        Nothing is sent before it is awaited or iterated over. Messages are taken as room
        comes free, and receipts are kept no longer than the caller takes to ask for them:
        a slow caller slows the sending.
        """
        check_many(messages)
        return AsyncSending(self, messages, progress, total)

    async def aclose(self) -> None:
        """Ends the sessions at rest, politely. Nothing can be sent afterwards."""
        self._closed = True
        self._engine.close()
        resting, self._resting = self._resting, []
        try:
            async with asyncio.TaskGroup() as leaving:
                for one in resting:
                    leaving.create_task(_leave(one.connection))
        finally:
            # A task that is cancelled before its first step has closed nothing.
            for one in resting:
                one.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        for one in getattr(self, "_resting", ()):
            one.connection.drop()

    @property
    def idle(self) -> int:
        """How many sessions are open and at rest."""
        return len(self._resting)

    # -- sessions ---------------------------------------------------------------------

    def _begin(self, every: bool) -> Sending:
        if self._closed:
            raise RuntimeError("this mailer is closed")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and self._resting:
                if not self._loop.is_closed():
                    raise SMTPStateError(
                        "this mailer's sessions belong to another event loop: make one for each"
                    )
                # They ended with their loop.
                self._resting.clear()
            self._loop = loop
            self._places = asyncio.Semaphore(self._connections)
        return self._engine.send_all(every, KEPT)

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """Leave to have one session: first come, first served. Who has one gives way."""
        if self._places.locked():
            self._engine.queue_up()
            for connection in list(self._serving):
                connection.nudge()
            try:
                await self._places.acquire()
            finally:
                self._engine.leave_queue()
        else:
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()

    async def _take(self) -> _Resting | None:
        """One that rests and is still good; looked up in what has come."""
        while self._resting:
            one = self._resting.pop()
            now = time.monotonic()
            if not one.connection.is_quiet:
                one.connection.close()
            elif now - one.since >= self._keep_idle or now - one.opened >= self._max_age:
                await _leave(one.connection)
            else:
                return one
        return None

    async def _dial(self, server: int, hop: Server) -> Connection:
        pipelining, chunking = self._engine.manners(server)
        settings = Settings(
            timeout=hop.timeout,
            deadline=hop.deadline,
            lmtp=hop.lmtp,
            pipelining=pipelining,
            chunking=chunking,
            plaintext_auth=hop.allow_plaintext_auth,
            implicit_tls=hop.tls == "implicit",
            context=hop.context,
        )
        return await Connection.open(
            hop.host, hop.port, settings, path=hop.path, source_address=hop.source_address
        )

    async def _rest(self, one: _Resting) -> None:
        one.since = time.monotonic()
        room = len(self._resting) < self._connections and self._keep_idle and not self._closed
        if room and one.connection.is_quiet:
            self._resting.append(one)
        else:
            await _leave(one.connection)


class AsyncSending:
    """What `AsyncMailer.send_all` gives: await it for a Report, or iterate over it for the
    receipts as they come. Once."""

    def __init__(
        self,
        mailer: AsyncMailer,
        messages: Iterable[Sendable] | AsyncIterable[Sendable],
        progress: bool | Callable[[Progress], object],
        total: int | None,
    ) -> None:
        self._mailer = mailer
        self._messages = messages
        self._progress = progress
        self._total = total
        self._receipts: list[Receipt] = []
        self._serving: set[Connection] = set()
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
                    self._receipts.reverse()
                    while self._receipts:
                        yield self._receipts.pop()
        except GeneratorExit:
            raise
        except BaseException as raised:
            self._hang_on(raised, Report())
            raise

    def _begin(self, every: bool) -> None:
        if self._begun:
            raise RuntimeError("this sending has begun already: call send_all() anew")
        self._sending = self._mailer._begin(every)
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
        messages: Any = self._messages
        if hasattr(messages, "__aiter__"):
            async for message in messages:
                self._sending.put(message)
                self._stir()
                while not self._sending.wants_more and self._sending.failure is None:
                    await self._changed.wait()
            self._sending.finish()
        else:
            iterator: Iterator[Any] = iter(messages)
            while not self._sending.is_fed:
                self._sending.feed(iterator)
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
            if isinstance(self._mailer._hops[0], Local):
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
            async with self._mailer._place():
                if self._sending.outlook() != 0:
                    continue
                one = await self._mailer._take()
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
        engine = self._mailer._engine
        first: BaseException | None = None
        for server in engine.order():
            error: BaseException | None
            try:
                connection = await self._mailer._dial(server, self._mailer._hops[server])
            except (SMTPException, OSError) as failed:
                error = failed
            else:
                literal = address_literal(connection.getsockname())
                error, ready = await self._open(_Resting(connection, server), literal)
                if error is None or ready:
                    return error, ready
            engine.is_down(server)
            first = first or error
        return first or SMTPException("there is no server to send by"), False

    async def _open(self, one: _Resting, literal: str | None) -> tuple[BaseException | None, bool]:
        """By this session, as long as both last. What kept it from sending anything, and
        whether it came to be ready for mail."""
        connection = one.connection
        now = time.monotonic()

        def begin() -> None:
            age, silence = now - one.opened, now - one.since
            connection.begin_errand(self._sending, one.server, literal, one.begun, age, silence)

        task = asyncio.current_task()
        assert task is not None
        self._serving.add(connection)
        self._mailer._serving.add(connection)
        self._idle.discard(task)
        try:
            error, spent, one.begun, ready = await connection.serve(begin, self._changed.beat)
        except BaseException:
            connection.close()
            raise
        finally:
            self._serving.discard(connection)
            self._mailer._serving.discard(connection)
            self._idle.add(task)
            self._stir_others()
        if connection.is_over:
            connection.close()
        elif spent or error is not None:
            await _leave(connection)
        else:
            await self._mailer._rest(one)
        return error, ready

    def _stir_others(self) -> None:
        """Something has come back, or all is over."""
        for connection in list(self._serving):
            connection.nudge()
        self._changed.beat()

    def _gives_up(self, error: BaseException, failures: int, ready: bool) -> float | None:
        """Seconds until the next attempt; None: there is none."""
        pause = self._sending.patience(failures, ready)
        transient = ready or getattr(error, "transient", True)
        if self._serving and pause is None and not ready:
            # The server takes so many sessions and no more, or so it seems.
            return None
        if pause is None or not transient:
            self._failure = error
            self._sending.fail(error)
            return None
        return pause

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


async def _leave(connection: Connection) -> None:
    """Ends a session politely; nothing hangs on the answer."""
    from rsmtp._rsmtp import Request

    try:
        async with asyncio.timeout(1):
            await connection.perform(Request.quit())
    except (SMTPException, OSError, TimeoutError):
        pass
    finally:
        connection.close()
