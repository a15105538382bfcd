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
from rsmtp._transport.asyncio_waiting import Turn, come

# How many octets are read at a time.
_READ = 16 * 1024
# How many octets are read ahead while nothing has been requested, before reading is paused.
_UNREAD = 64 * 1024
# How many pieces of mail data are sent before the event loop gets its turn.
_PIECES = 4
_FOR_EVER = float("inf")

# Transports that write to their socket at once and change nothing. Octets may be written past such
# a transport, as long as its buffer is empty.
_PLAIN_TRANSPORTS = ("asyncio.selector_events", "uvloop.loop")

# What `advance` returns: octets to send, seconds to wait, or None when the request is settled.
_Step = bytes | float | None


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
        # These are attributes of the instance, because they are read for each message: CPython's interpreter
        # has no shortcut to a default of the class.
        self._turn = Turn()
        self._incoming = memoryview(bytearray(_READ))
        self._transport: asyncio.Transport | None = None
        # How many octets are still in the transport's buffer.
        self._unsent = 0
        # The socket's file descriptor, if octets may be written past the transport, and the error of such
        # a write.
        self._socket = -1
        self._broken: OSError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._told: Callable[[], None] | None = None
        # The timer, and for how many seconds it was set.
        self._clock: asyncio.TimerHandle | None = None
        self._set_for = 0.0
        # The next call that continues sending.
        self._scheduled: asyncio.Handle | None = None
        self._reading_is_paused = False
        self._poll: Any = None
        # The socket, if it is TCP's; whether octets were read that no later write has acknowledged.
        self._tcp: Any = None
        self._unacknowledged = False

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
            step = self.ask(request, observer)
            try:
                if not self._follow(step):
                    await self._answer()
                if self.is_over:
                    self._hang_up()
                return self.result()
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
            self._told = told
            try:
                if not self._follow(self.advance()):
                    await self._answer()
            finally:
                self._told = None
                # If the caller was cancelled, the fate of messages in flight is unknown.
                parting = self.end_serving()
                if self.is_over:
                    self._hang_up()
                told()
            return parting
        finally:
            self._turn.give()

    async def is_still_quiet(self) -> bool:
        """Whether the session is open and silent, once the loop has read what has arrived meanwhile."""
        if self._poll is None or self._poll.poll(0):
            # In its next turn the loop finds it, and by the one after that it has read it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return self.is_quiet

    def nudge(self) -> None:
        """Tells a worker without work that there is more to send. If nothing can be written at
        the moment, sending continues as soon as it can."""
        if self._told is not None and self._can_write():
            self._go_on()

    def leave(self, farewell: Request) -> None:
        """Sends a last request as far as the transport takes it at once, and closes the connection
        without waiting for the answer."""
        with contextlib.suppress(rsmtp.errors.SMTPException):
            self._follow(self.ask(farewell, None))
        self.close()

    def close(self) -> None:
        """Closes the connection without QUIT; a task that waits for an answer gets an error."""
        if self.is_of_another_process:
            # A forked child shares its parent's poll: unregistering here would affect the parent.
            return
        self.end()
        self._wake()
        self._hang_up()

    def drop(self) -> None:
        """Closes the connection of a client that was deleted. Can be called from any thread."""
        if self._transport is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.close)

    def _answer(self) -> asyncio.Future[None]:
        if self._reading_is_paused and self._transport is not None:
            self._reading_is_paused = False
            self._transport.resume_reading()
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def _go_on(self) -> None:
        """Sends pending octets, as many as the transport takes."""
        if self._follow(self.advance(self._left())):
            self._wake()

    def _follow(self, step: _Step) -> bool:
        """Does what the engine asks, as far as the transport allows. Returns whether the request is
        settled."""
        if self._scheduled is not None:
            # At most one batch is sent per turn of the loop, however often this is called.
            self._scheduled.cancel()
            self._scheduled = None
        pieces = 0
        while type(step) is bytes and self._can_write():
            if pieces == _PIECES:
                self._scheduled = self._loop.call_soon(self._go_on)
                break
            sent = self._write(step)
            if self._unsent or self._broken is not None:
                if sent:
                    self.sent(sent)
                break
            step = self.advance(sent)
            pieces += 1
        if type(step) is float:
            self._watch_the_clock(step)
            settled = False
        elif not (settled := step is None or self.is_settled):
            self._watch_the_clock(self.seconds_left())
        if self._told is not None:
            self._told()
        return settled

    def _can_write(self) -> bool:
        if self._unsent or self._transport is None or self._broken is not None:
            return False
        # Nothing is sent while a reply is unread: the event loop is about to read it.
        return self._poll is None or not self._poll.poll(0)

    def _write(self, octets: bytes) -> int:
        """Returns how many octets went to the operating system; the transport buffers the others."""
        assert self._transport is not None
        self._unacknowledged = False
        sent = 0
        if self._socket >= 0:
            try:
                sent = os.write(self._socket, octets)
            except (BlockingIOError, InterruptedError):
                pass
            except OSError as error:
                self._broken = error
                self._transport.abort()
                return 0
            if sent == len(octets):
                return sent
            octets = octets[sent:]
        self._transport.write(octets)
        self._unsent = self._transport.get_write_buffer_size()
        return sent + len(octets) - self._unsent

    def _left(self) -> int:
        """Returns how many octets have left the transport's buffer since the last call."""
        if not self._unsent or self._transport is None:
            return 0
        before, self._unsent = self._unsent, min(self._unsent, self._transport.get_write_buffer_size())
        return before - self._unsent

    def _wake(self, *, at_once: bool = False) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            come(waiter, self._loop, at_once=at_once)

    # -- the engine's clock ----------------------------------------------------------

    def _watch_the_clock(self, left: float | None) -> None:
        if left is None or left == _FOR_EVER:
            return
        # A timer that fires earlier checks again, so most timers never have to be moved. One that was set
        # before, for no more seconds, fires earlier.
        if self._clock is not None and self._set_for <= left + TICK:
            return
        when = self._loop.time() + left + TICK
        if self._clock is not None:
            if self._clock.when() <= when:
                return
            self._clock.cancel()
        self._clock = self._loop.call_at(when, self._look_at_the_clock)
        self._set_for = left

    def _look_at_the_clock(self) -> None:
        self._clock = None
        if left := self._left():
            self.sent(left)
        self.check_time()
        self._go_on()

    def _hang_up(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
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
        # The Windows proactor reads ahead by itself.
        if number >= 0 and hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(number, select.POLLIN)
            if type(transport).__module__ in _PLAIN_TRANSPORTS and not self._is_special:
                self._socket = number

    def get_buffer(self, sizehint: int) -> memoryview:
        # One buffer for all reads: asyncio's own Protocol allocates 256 KiB for each.
        return self._incoming

    def buffer_updated(self, nbytes: int) -> None:
        self._unacknowledged = True
        settled = self._follow(self.advance(self._left(), bytes(self._incoming[:nbytes])))
        if settled:
            self._wake(at_once=True)
        elif self._waiter is None:
            # The replies to requests have been processed by now, and a worker processes every reply.
            if self.unread > _UNREAD and self._transport is not None:
                self._reading_is_paused = True
                self._transport.pause_reading()
        elif self._unacknowledged and self._tcp is not None:
            promptness.acknowledge(self._tcp)

    def eof_received(self) -> bool:
        self.received(b"")
        self._go_on()
        self._tell_the_end()
        # The engine decides when the connection is closed.
        return True

    def resume_writing(self) -> None:
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        exc = exc or self._broken
        if exc is not None:
            self._hear_last_words()
        self._transport = self._poll = self._tcp = None
        self._socket = -1
        self.lost(exc.errno if isinstance(exc, OSError) else None)
        self._go_on()
        self._tell_the_end()
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

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
