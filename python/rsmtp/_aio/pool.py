"""The connections of an `AsyncMailer`. The engine decides which session comes next, and which is
kept."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from contextvars import ContextVar

from rsmtp._client import credentials
from rsmtp._mailer.servers import Server
from rsmtp._rsmtp import Engine, Login, Request, Worker
from rsmtp._transport.asyncio_connection import Connection
from rsmtp.errors import SMTPStateError

# The pools for whose sessions a callable is being asked, further up in this context.
_asking: ContextVar[tuple[AsyncPool, ...]] = ContextVar("rsmtp_asking", default=())


class AsyncPool:
    """Sessions that are opened, kept and closed, on one event loop."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        # Gives the mailer's engine in this process.
        self.engine = engine
        # Busy connections, each with what sends by it, and idle ones by their numbers.
        self.serving: dict[Connection, object] = {}
        self._at_rest: dict[int, Connection] = {}
        # Those that hold a session, or wait for one.
        self._workers: set[Worker] = set()
        # Workers that wait for a session, by their numbers.
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._joining = threading.Lock()

    def close(self) -> None:
        """Ends the idle sessions with QUIT. Those of a loop that runs in another thread are ended there,
        in its next turn."""
        self.engine().close()
        loop = self._loop
        if loop is not None and loop.is_closed():
            # Their transports are gone with it.
            self._at_rest.clear()
        elif loop is not None and loop.is_running() and loop is not asyncio.get_running_loop():
            # It may be closed meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._end_idle)
        else:
            self._end_idle()

    def _end_idle(self) -> None:
        at_rest, self._at_rest = self._at_rest, {}
        for connection in at_rest.values():
            connection.leave(Request.quit())

    def __del__(self) -> None:
        for connection in self._at_rest.values():
            connection.drop()

    def join_loop(self) -> asyncio.AbstractEventLoop:
        """Binds the sessions to the loop that begins to send, and returns it. Raises SMTPStateError while
        another loop, of another thread say, has them: nothing here may be touched by two threads."""
        loop = asyncio.get_running_loop()
        with self._joining:
            if self._loop is not loop:
                if self._loop is not None and self._loop.is_closed():
                    # What held sessions there, or waited for one, was left behind with its loop.
                    for worker in self._workers:
                        worker.leave()
                    self._workers.clear()
                    if self._at_rest:
                        self._at_rest.clear()
                        self.engine().forget()
                elif self._loop is not None and (self._at_rest or self._workers or self._loop.is_running()):
                    raise SMTPStateError(
                        "this mailer belongs to another event loop: make one for each, or one Mailer"
                    )
                self._loop = loop
        return loop

    def enlist(self, worker: Worker) -> None:
        self._workers.add(worker)

    def dismiss(self, worker: Worker) -> None:
        """It gives back what it holds."""
        self._workers.discard(worker)
        worker.leave()
        self.call()

    @property
    def asks(self) -> bool:
        """Whether this is called by a callable of the caller's that a session of this pool is
        waiting for."""
        return self in _asking.get()

    def nudge(self, sending: object = None) -> None:
        """There may be more to do for busy sessions, or for those of one sending alone."""
        for connection, owner in list(self.serving.items()):
            if sending is None or owner is sending:
                connection.nudge()

    async def turn(self, number: int) -> None:
        """Waits until it is this number's turn. Busy sessions give way."""
        self._waiting[number] = waiter = asyncio.get_running_loop().create_future()
        try:
            self.nudge()
            await waiter
        finally:
            del self._waiting[number]

    def call(self) -> None:
        """Wakes the worker whose turn it is, because a session may be free."""
        if self._waiting:
            waiter = self._waiting.get(self.engine().next_in_line or 0)
            if waiter is not None and not (waiter.done() or waiter.get_loop().is_closed()):
                waiter.set_result(None)

    async def login(self, hop: Server, rejected: str | None) -> Login | None:
        """The login to ask for, while `asks` is true for what is called."""
        outer = _asking.set((*_asking.get(), self))
        try:
            return await credentials.login_in_loop(hop, rejected)
        finally:
            _asking.reset(outer)

    async def dial(self, server: int, hop: Server) -> Connection:
        return await Connection.open(
            hop.host,
            hop.port,
            self.engine().settings(server),
            path=hop.path,
            source_address=hop.source_address,
            proxy=hop.proxy,
        )

    def take(self, number: int) -> Connection | None:
        """The idle connection with this number. Its server may have closed it meanwhile."""
        return self._at_rest.pop(number, None)

    def part(self, connection: Connection, number: int | None) -> None:
        """Keeps it by this number, or ends it: politely where there is none."""
        if number is None:
            connection.leave(Request.quit())
        elif number < 0:
            connection.close()
        else:
            self._at_rest[number] = connection
