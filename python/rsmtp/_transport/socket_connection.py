"""A conversation over the caller's socket object: transfers octets between it and the engine.

This module knows nothing about SMTP. The socket's own methods do all the waiting, in Python
and without holding a lock of the engine. So whatever implements them (a proxy, TLS, gevent)
works as usual.
"""

from __future__ import annotations

import _socket
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import rsmtp
from rsmtp._rsmtp import Operation, Request, Settings, TranscriptLine
from rsmtp._transport.foreign_socket import ForeignSocket
from rsmtp._transport.proxies import Proxy
from rsmtp._transport.python_sockets import address

# After this many seconds a write without progress checks whether there is something to read: a
# server may stop reading until its replies are read.
_SLICE = 0.1
# The time for a check whether there is something to read, and by how much a timer may fire too early.
_TICK = 0.001

_Observer = Callable[[TranscriptLine], None] | None


class SocketConnection(Operation):
    """A conversation over `sock`, which is already connected: any object with `recv`, `settimeout`
    and `send` or `sendall`. One thread at a time makes a request; others wait their turn."""

    sock: Any
    _foreign: ForeignSocket
    # The timeout that the caller has set on the socket. A call that waits changes it temporarily.
    _timeout: float | None = None
    _deadline: float | None = None
    _owner: int | None = None

    def __init__(self, host: str, settings: Settings) -> None:
        self._turn = threading.Lock()

    @classmethod
    def adopt(
        cls,
        sock: Any,
        host: str,
        settings: Settings,
        *,
        timeout: float | None,
        deadline: float | None,
        tunnel: tuple[Proxy, int, list[str]] | None = None,
        observer: _Observer = None,
    ) -> Self:
        """Takes over a socket. `host` is the server's name; if it is empty, its address is used. With
        `tunnel` the socket is connected to a proxy, which is asked to connect to that port of the
        server (and to the first of those addresses that works)."""
        peer = address(sock, "getpeername")
        connection = cls(host or (peer[0] if peer else "localhost"), settings)
        connection.sock, connection._foreign = sock, ForeignSocket(sock, host)
        connection._deadline = deadline
        connection._timeout = timeout
        if tunnel is not None:
            connection.tunnel(*tunnel)
        connection.connected(peer, observer, elsewhere=connection._foreign.leads_elsewhere)
        return connection

    def perform(self, request: Request, observer: _Observer = None) -> Any:
        """Carries out a request: returns and raises the same as `rsmtp._rsmtp.Connection.perform`.

        A BaseException that is not an Exception (KeyboardInterrupt, one of gevent's) ends the session,
        and has the fate of a message under way (`fates`).
        """
        with self._my_turn():
            self._heed_the_sockets_timeout()
            self.begin(request, observer)
            try:
                self._until_settled()
                return self.result()
            except BaseException as raised:
                if not isinstance(raised, Exception):
                    self.interrupt(raised)
                    self.end()
                raise
            finally:
                if self.is_over:
                    self._hang_up()
                else:
                    self.sock.settimeout(self._timeout)

    def close(self) -> None:
        """Closes the connection without QUIT; a thread that waits for an answer gets an error."""
        if self.is_of_another_process:
            return
        self.end()
        if self._owner is not None:
            # Closing the socket does not wake a thread that waits on it.
            with contextlib.suppress(OSError, AttributeError):
                self.sock.shutdown(_socket.SHUT_RDWR)
        self._hang_up()

    @contextlib.contextmanager
    def _my_turn(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._owner == me:
            raise rsmtp.SMTPStateError(
                "this client is in the middle of a conversation further up in this thread"
            )
        with self._turn:
            self._owner = me
            try:
                yield
            finally:
                self._owner = None

    def _until_settled(self) -> None:
        while True:
            octets = self.output()
            if octets is not None:
                if self.is_settled:
                    # This is a closing message: its failure does not matter.
                    with contextlib.suppress(OSError):
                        self._foreign.send(octets, _SLICE, _SLICE)
                elif self._foreign.has_something():
                    # Nothing is sent while a reply is unread.
                    self._take_in(_TICK)
                else:
                    self._say(octets)
            elif self.is_settled:
                return
            else:
                self._take_in((self.seconds_left() or 0) + _TICK)

    def _say(self, octets: bytes) -> None:
        left = (self.seconds_left() or 0) + _TICK
        try:
            sent = self._foreign.send(octets, min(left, _SLICE), left)
        except OSError as error:
            # The last reply of the server may say why.
            while not self.is_settled and self._take_in(_TICK):
                self.output()
            self.lost(error.errno)
            return
        if sent is None:
            self.check_time()
            self._take_in(_TICK)
        else:
            self.sent(sent)

    def _take_in(self, limit: float) -> bool:
        """Waits at most this long for something to read. Returns whether there was any."""
        try:
            octets = self._foreign.receive(limit)
        except OSError as error:
            self.lost(error.errno)
            return False
        if octets is None:
            self.check_time()
            return False
        self.received(octets)
        return bool(octets)

    def _heed_the_sockets_timeout(self) -> None:
        if hasattr(self.sock, "gettimeout") and not self.is_over:
            timeout = self.sock.gettimeout()
            if timeout != self._timeout:
                self._timeout = timeout
                self.set_patience(timeout, self._deadline)

    def _hang_up(self) -> None:
        if (ending := self.end_tls()) is not None:
            with contextlib.suppress(OSError):
                self._foreign.send(ending, _SLICE, _SLICE)
        self._foreign.close()

    # -- methods of a socket that programs use ------------------------------------------

    def fileno(self) -> int:
        """The socket's file descriptor; -1 when it is closed or has none."""
        return int(self.sock.fileno()) if hasattr(self.sock, "fileno") else -1

    def getpeername(self) -> tuple[str, int] | None:
        """`(host, port)` of the peer; None if the socket has no such address."""
        return address(self.sock, "getpeername")

    def getsockname(self) -> tuple[str, int] | None:
        """`(host, port)` of this side; None if the socket has no such address."""
        return address(self.sock, "getsockname")
