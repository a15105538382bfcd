"""The workers of one sending: the engine decides what a worker does next, and what is tried again, and
this loop does it."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import Any
from weakref import ref

from rsmtp._aio.pool import AsyncPool
from rsmtp._client.local_hostname import address_literal
from rsmtp._mailer.report import KEPT
from rsmtp._mailer.servers import Local
from rsmtp._rsmtp import Login, Receipt, Worker
from rsmtp._transport.asyncio_connection import Connection
from rsmtp.errors import SMTPException


class Workers:
    """What every sending has: workers, sessions for them, and receipts."""

    def __init__(self, pool: AsyncPool, hops: list[Any]) -> None:
        self._pool = pool
        self._hops = hops
        # Those that wait for `_beat`.
        self._waiting: set[asyncio.Future[None]] = set()
        self._receipts: list[Receipt] = []

    def _begin_sending(self, *, every: bool, recorded: bool, timed: bool, note: Any = None) -> None:
        self._loop = self._pool.join_loop()
        self._sending = self._pool.engine().send_all(
            every, KEPT, recorded, note, partial(_soon, self._loop, ref(self)), timed=timed
        )
        # Looked up here: the tasks of a session at rest may be of another call's context.
        self._asked = self._pool.asks

    def _stop(self) -> None:
        """Ends it at once, with a receipt of each message that was taken."""
        self._sending.stop()
        self._sending.tell(self._receipts)

    # -- one worker ----------------------------------------------------------------------

    async def _work(self, worker: Worker) -> None:
        """Does what the worker says, as long as there is work."""
        try:
            if isinstance(self._hops[0], Local):
                await self._by_thread()
                return
            while True:
                what, which, seconds = worker.next()
                self._pool.call()
                match what:
                    case "dial":
                        await self._dial(worker, which)
                    case "reuse":
                        kept = self._pool.take(which)
                        if kept is not None and await kept.is_still_quiet():
                            await self._converse(worker, kept)
                        else:
                            worker.gone()
                    case "queue":
                        await self._pool.turn(which)
                    case "pause" | "wait":
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(None if seconds == float("inf") else seconds):
                                await self._change()
                    case _:
                        return
                if self._sending.failure is not None:
                    self._break_off()
        except (asyncio.CancelledError, GeneratorExit):
            raise
        except BaseException as error:
            self._sending.fail(error)
            self._break_off()

    async def _dial(self, worker: Worker, server: int) -> None:
        """Opens a session, and sends by it."""
        hop = self._hops[server]
        try:
            login = await self._pool.login(hop, worker.rejected)
        except Exception as error:
            worker.not_told(error)
            return
        try:
            connection = await self._pool.dial(server, hop)
        except (SMTPException, OSError) as error:
            worker.not_opened(error)
            return
        await self._converse(worker, connection, address_literal(connection.getsockname()), login)

    async def _converse(
        self,
        worker: Worker,
        connection: Connection,
        literal: str | None = None,
        login: Login | None = None,
    ) -> None:
        """By this connection, as long as both last."""
        self._pool.serving[connection] = self
        try:
            number = await connection.serve(worker, literal, login, self._heard)
        except BaseException:
            connection.close()
            raise
        finally:
            del self._pool.serving[connection]
            if not self._loop.is_closed():
                # Something may have come back.
                self._stir()
        self._pool.part(connection, number)

    async def _by_thread(self) -> None:
        """Files and programs have nothing for a loop to wait for."""
        working = asyncio.ensure_future(asyncio.to_thread(self._sending.work_here))
        try:
            await asyncio.shield(working)
        except asyncio.CancelledError:
            # A program that the thread is running is killed.
            self._sending.stop()
            await outlast(working)
            raise

    # -- those that wait -----------------------------------------------------------------

    async def _change(self) -> None:
        """Waits until there may be more to do."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def _beat(self) -> None:
        """Each that waits looks for work before it waits again."""
        for waiter in self._waiting:
            # A loop that was closed leaves its tasks waiting.
            if not (waiter.done() or self._loop.is_closed()):
                waiter.set_result(None)

    def _stir(self) -> None:
        """There may be more to do, for all."""
        self._nudge()
        self._heard()

    def _nudge(self) -> None:
        self._pool.nudge(self)

    # Called when something has come of what was said.
    _heard = _beat

    def _break_off(self) -> None:
        """Nothing can be sent any more."""


def _soon(loop: asyncio.AbstractEventLoop, reference: ref[Workers]) -> None:
    """Has the sending stirred by the loop, from any thread."""
    if (sending := reference()) is not None:
        loop.call_soon_threadsafe(sending._stir)


async def outlast(*tasks: asyncio.Future[None]) -> None:
    """Waits until they have ended, also where the caller is cancelled once more meanwhile:
    what they have in flight is told when they end."""
    again: asyncio.CancelledError | None = None
    while running := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(running)
        except asyncio.CancelledError as cancelled:
            again = cancelled
    for task in tasks:
        # Raised above, or no longer of interest.
        _ = task.cancelled() or task.exception()
    if again is not None:
        raise again
