"""A conversation over an asyncio transport: transfers octets between it and the engine.

This module knows nothing about SMTP, and starts no thread: the engine decides what is sent,
and the event loop decides when.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
from asyncio import get_running_loop
from asyncio.trsock import TransportSocket
from collections.abc import Callable
from typing import Any, cast

import rsmtp
from rsmtp._rsmtp import Login, Request, Settings, Worker
from rsmtp._transport import promptness
from rsmtp._transport.asyncio_dialling import TICK, Dialling, Observer
from rsmtp._transport.asyncio_waiting import Turn

# How many octets are read ahead while nothing has been requested, before reading is paused.
_UNREAD = 64 * 1024

# Transports that write to their socket at once and change nothing. Octets may be written past such
# a transport, as long as its buffer is empty.
_PLAIN_TRANSPORTS = ("asyncio.selector_events", "uvloop.loop")


class Connection(Dialling):
    """A conversation over a transport. One task at a time makes a request; others wait their turn.

    The transport is configured not to buffer. When it can't send everything at once, it calls
    `pause_writing`, and the engine is not asked for more until the rest has been sent. So a large
    message never piles up in memory, and the fate of each octet is known.
    """

    # Called when the peer has ended the connection, even if no request is under way.
    when_ended: Callable[[], None] | None = None

    def __init__(self, host: str, settings: Settings) -> None:
        super().__init__(host, settings)
        self._turn = Turn()
        self._transport: asyncio.Transport | None = None
        # The error of a write past the transport.
        self._broken: OSError | None = None
        self._clock: asyncio.TimerHandle | None = None
        # The socket, if it is TCP's.
        self._tcp: Any = None

    # -- requests -------------------------------------------------------------------

    async def perform(self, request: Request, observer: Observer = None) -> Any:
        """Carries out a request: returns and raises the same as `rsmtp._rsmtp.Connection.perform`.

        If the caller is cancelled, the session ends. The exception has the fate of a message
        under way (`fates`).
        """
        if get_running_loop() is not self._loop:
            raise rsmtp.errors.SMTPStateError("this connection belongs to another event loop: connect anew")
        if self._turn.is_taken:
            await self._turn.wait()
        self._turn.is_taken = True
        try:
            settled = self.converse(request, observer)
            try:
                if not settled:
                    await self.answer()
                return self.conclusion()
            except BaseException as raised:
                if not isinstance(raised, Exception):
                    self.interrupt(raised)
                    self.close()
                raise
        finally:
            self._turn.give()

    async def serve(
        self, worker: Worker, literal: str | None, login: Login | None, told: Callable[[], None]
    ) -> int | None:
        """Holds the conversation of a mailer's worker. If `literal` is given, the session is opened
        first. Returns the result of `end_serving`. `told` is called after each step of the
        conversation."""
        if self._turn.is_taken:
            await self._turn.wait()
        self._turn.is_taken = True
        try:
            self.begin_serving(worker, literal, login)
            self.set_told(told)
            try:
                if not self.proceed():
                    await self.answer()
            finally:
                self.set_told(None)
                # If the caller was cancelled, the fate of messages in flight is unknown.
                parting = self.end_serving()
                if self.is_over:
                    self._hang_up()
                if not self._loop.is_closed():
                    told()
            return parting
        finally:
            self._turn.give()

    async def is_still_quiet(self) -> bool:
        """Whether the session is open and silent, once the loop has read what has arrived meanwhile.
        Otherwise it is closed."""
        quiet = False
        try:
            if self.has_input() is not False:
                # In its next turn the loop finds it, and by the one after that it has read it.
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            quiet = self.is_quiet
        finally:
            if not quiet:
                self.close()
        return quiet

    def leave(self, farewell: Request) -> None:
        """Sends a last request as far as the transport takes it at once, and closes the connection
        without waiting for the answer."""
        with contextlib.suppress(rsmtp.errors.SMTPException):
            self.converse(farewell)
        self.close()

    def close(self) -> None:
        """Closes the connection without QUIT; a task that waits for an answer gets an error."""
        if self.is_of_another_process:
            # A forked child shares its parent's poll: unregistering here would affect the parent.
            return
        self.end()
        self.wake()
        self._hang_up()

    def drop(self) -> None:
        """Closes the connection of a client that was deleted. Can be called from any thread."""
        if self._transport is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.close)

    # -- what the pump rarely does -------------------------------------------------------

    def _schedule(self) -> asyncio.Handle:
        return self._loop.call_soon(self.go_on)

    def _write_by_transport(self, octets: bytes, start: int) -> int:
        """Returns how many octets went to the operating system; the transport buffers the others."""
        assert self._transport is not None
        self._transport.write(octets[start:])
        self.unsent = self._transport.get_write_buffer_size()
        return len(octets) - self.unsent

    def _fail_to_write(self, error: OSError) -> None:
        self._broken = error
        if self._transport is not None:
            self._transport.abort()

    def _left(self) -> int:
        """Returns how many octets have left the transport's buffer since the last call."""
        before = self.unsent
        if not before or self._transport is None:
            return 0
        self.unsent = min(before, self._transport.get_write_buffer_size())
        return before - self.unsent

    def _hear_ahead(self) -> None:
        """Octets have come while nothing is waited for. The replies to requests have been processed by
        now, and a worker processes every reply."""
        if self.unread > _UNREAD and self._transport is not None:
            self.set_paused()
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def _acknowledge(self) -> None:
        if self._tcp is not None:
            promptness.acknowledge(self._tcp)

    # -- the engine's clock ----------------------------------------------------------

    def _set_clock(self, left: float) -> None:
        when = self._loop.time() + left + TICK
        if self._clock is not None:
            if self._clock.when() <= when:
                return
            self._clock.cancel()
        self._clock = self._loop.call_at(when, self._look_at_the_clock)
        self.set_timer(left)

    def _stop_clock(self) -> None:
        self.set_timer(None)
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _look_at_the_clock(self) -> None:
        self._clock = None
        self.set_timer(None)
        if left := self._left():
            self.sent(left)
        self.check_time()
        self.go_on()

    def _hang_up(self) -> None:
        if self._loop.is_closed():
            # The transport has ended with its loop, and would only raise.
            return
        self._stop_clock()
        if self._transport is not None:
            # If the peer does not read, a normal close would keep the socket open forever.
            if self._transport.get_write_buffer_size():
                self._transport.abort()
                return
            if not self._transport.is_closing() and (farewell := self.end_tls()):
                self._transport.write(farewell)
            self._transport.close()

    # -- the transport's side ----------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=0)
        found = self._transport.get_extra_info("socket")
        if promptness.is_tcp(found):
            self._tcp = found
            promptness.send_at_once(found)
        number = self.fileno()
        poll = socket = None
        # The Windows proactor reads ahead by itself.
        if number >= 0 and hasattr(select, "poll"):
            found = select.poll()
            found.register(number, select.POLLIN)
            poll = found.poll
            if type(transport).__module__ in _PLAIN_TRANSPORTS and not self._is_special:
                socket = number
        self.attach(poll, socket)

    def eof_received(self) -> bool:
        self.received(b"")
        self.go_on()
        self._tell_the_end()
        # The engine decides when the connection is closed.
        return True

    def resume_writing(self) -> None:
        self.go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        exc = exc or self._broken
        if exc is not None:
            self._hear_last_words()
        self._transport = self._tcp = None
        self.detach()
        self.lost(exc.errno if isinstance(exc, OSError) else None)
        self.go_on()
        self._tell_the_end()
        self._stop_clock()

    def _tell_the_end(self) -> None:
        if self.when_ended is not None:
            self.when_ended()

    def _hear_last_words(self) -> None:
        """Writing failed. The last reply of the server may say why. asyncio's own transports close
        their socket only after this call."""
        found = None if self._transport is None else self._transport.get_extra_info("socket")
        if isinstance(found, TransportSocket) and found.fileno() >= 0:
            with contextlib.suppress(OSError):
                while octets := os.read(found.fileno(), 65536):
                    self.received(octets)

    # -- methods of a socket that programs use ------------------------------------------

    @property
    def transport(self) -> asyncio.Transport | None:
        return self._transport

    def fileno(self) -> int:
        """The socket's file descriptor; -1 when it is closed."""
        found = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if found is None else int(found.fileno())

    def getpeername(self) -> tuple[str, int] | None:
        """`(host, port)` of the peer; None for a Unix socket."""
        return self._address("peername")

    def getsockname(self) -> tuple[str, int] | None:
        """`(host, port)` of this side; None for a Unix socket."""
        return self._address("sockname")

    def _address(self, name: str) -> tuple[str, int] | None:
        found = None if self._transport is None else self._transport.get_extra_info(name)
        return (found[0].partition("%")[0], found[1]) if isinstance(found, tuple) else None
