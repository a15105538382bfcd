"""The sessions of an `AsyncMailer`: those at rest, and leave to have one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from rsmtp._rsmtp import Engine, Request, Settings
from rsmtp.async_connection import Connection
from rsmtp.errors import SMTPException, SMTPStateError
from rsmtp.servers import Server


class Resting:
    """A session that waits to be used again."""

    def __init__(self, connection: Connection, server: int) -> None:
        self.connection = connection
        self.server = server
        self.begun = 0
        self.opened = self.since = time.monotonic()


class AsyncPool:
    """Sessions that are opened, kept and closed, on one event loop."""

    def __init__(
        self, engine: Callable[[], Engine], connections: int, keep_idle: float, max_age: float
    ) -> None:
        self._engine = engine
        # Those at work.
        self.serving: set[Connection] = set()
        self._connections = connections
        self._keep_idle = keep_idle
        self._max_age = max_age
        self._at_rest: list[Resting] = []
        self._closed = False
        self._places = asyncio.Semaphore(connections)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def engine(self) -> Engine:
        """The mailer's, of this process."""
        return self._engine()

    @property
    def idle(self) -> int:
        """How many sessions are open and at rest."""
        return len(self._at_rest)

    async def close(self) -> None:
        """Ends the sessions at rest, politely."""
        self._closed = True
        self.engine.close()
        at_rest, self._at_rest = self._at_rest, []
        try:
            async with asyncio.TaskGroup() as leaving:
                for one in at_rest:
                    leaving.create_task(leave(one.connection))
        finally:
            # A task that is cancelled before its first step has closed nothing.
            for one in at_rest:
                one.connection.close()

    def __del__(self) -> None:
        for one in self._at_rest:
            one.connection.drop()

    def join_loop(self) -> None:
        """Whoever begins to send says so from the loop that the sessions belong to."""
        if self._closed:
            raise RuntimeError("this mailer is closed")
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and self._at_rest:
                if not self._loop.is_closed():
                    raise SMTPStateError(
                        "this mailer's sessions belong to another event loop: make one for each"
                    )
                # They ended with their loop.
                self._at_rest.clear()
            self._loop = loop
            self._places = asyncio.Semaphore(self._connections)

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Leave to have one session: first come, first served. Who has one gives way."""
        if self._places.locked():
            self.engine.queue_up()
            for connection in list(self.serving):
                connection.nudge()
            try:
                await self._places.acquire()
            finally:
                self.engine.leave_queue()
        else:
            await self._places.acquire()
        try:
            yield
        finally:
            self._places.release()

    async def take(self) -> Resting | None:
        """One that rests and is still good; looked up in what has come."""
        while self._at_rest:
            one = self._at_rest.pop()
            now = time.monotonic()
            if not one.connection.is_quiet:
                one.connection.close()
            elif now - one.since >= self._keep_idle or now - one.opened >= self._max_age:
                await leave(one.connection)
            else:
                return one
        return None

    async def dial(self, server: int, hop: Server) -> Connection:
        pipelining, chunking = self.engine.manners(server)
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
            hop.host,
            hop.port,
            settings,
            path=hop.path,
            source_address=hop.source_address,
            proxy=hop.proxy,
        )

    async def rest(self, one: Resting) -> None:
        one.since = time.monotonic()
        room = len(self._at_rest) < self._connections and self._keep_idle and not self._closed
        if room and one.connection.is_quiet:
            self._at_rest.append(one)
        else:
            await leave(one.connection)


async def leave(connection: Connection) -> None:
    """Ends a session politely; nothing hangs on the answer."""
    try:
        async with asyncio.timeout(1):
            await connection.perform(Request.quit())
    except (SMTPException, OSError, TimeoutError):
        pass
    finally:
        connection.close()
