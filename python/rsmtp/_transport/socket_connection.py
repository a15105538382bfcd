"""A conversation over a socket object of the caller's: octets between it and the engine.

No line about SMTP stands here. All waiting is done by the socket's own methods, in Python
and with nothing of the engine's held, so that whatever stands behind them (a proxy, TLS,
another thread of gevent's) has its way.
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

# A write that gets nowhere for so many seconds looks whether there is something to read: a
# server may take no more until its replies are read.
_SLICE = 0.1
# A look at what may be there, and by how much a clock may fire early.
_TICK = 0.001

_Observer = Callable[[TranscriptLine], None] | None


class SocketConnection(Operation):
    """A conversation over `sock`, which is connected: anything with `recv`, `settimeout` and
    `send` or `sendall`. One thread at a time asks; others wait their turn."""

    sock: Any
    _foreign: ForeignSocket
    # The timeout that the caller has set on the socket. While a call waits it is another.
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
        """Takes over a socket. `host` is the server's name; "": its address will do. With
        `tunnel` it leads to a proxy, which is asked for that port of the server (and for
        the best of those addresses of it)."""
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
        """Carries a request out: what `rsmtp._rsmtp.Connection.perform` returns and raises.

        An exception that is no error (KeyboardInterrupt, one of gevent's) ends the session,
        and tells what became of a message under way (`fates`).
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
        """Ends the connection without a word; another thread that waits on it is told so."""
        if self.is_of_another_process:
            return
        self.end()
        if self._owner is not None:
            # Closing alone does not wake a thread that waits.
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
                    # A farewell: nothing hangs on it.
                    with contextlib.suppress(OSError):
                        self._foreign.send(octets, _SLICE, _SLICE)
                elif self._foreign.has_something():
                    # Nothing is said on top of an unread reply.
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
            # What the server said before it went may say why.
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
        """Waits so long for something to read. Whether there was any."""
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

    # -- what people ask a socket ------------------------------------------------------

    def fileno(self) -> int:
        """The socket's number; -1 when it is closed, or has none."""
        return int(self.sock.fileno()) if hasattr(self.sock, "fileno") else -1

    def getpeername(self) -> tuple[str, int] | None:
        """`(host, port)` of the peer; None where there is no such thing."""
        return address(self.sock, "getpeername")

    def getsockname(self) -> tuple[str, int] | None:
        """`(host, port)` of this side; None where there is no such thing."""
        return address(self.sock, "getsockname")
