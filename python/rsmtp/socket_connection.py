"""A conversation over a socket object of the caller's: octets between it and the engine.

No line about SMTP stands here. All waiting is done by the socket's own methods, in Python
and with nothing of the engine's held, so that whatever stands behind them (a proxy, TLS,
another thread of gevent's) has its way.
"""

from __future__ import annotations

import _socket
import contextlib
import select
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import rsmtp
from rsmtp import quick_ack
from rsmtp._rsmtp import Request, Settings, TranscriptLine, Wire
from rsmtp.sockets import address, is_local, is_unix

# Octets that are read at a time.
_READ = 64 * 1024
# A write that gets nowhere for so many seconds looks whether there is something to read: a
# server may take no more until its replies are read.
_SLICE = 0.1
# A look at what may be there, and by how much a clock may fire early.
_TICK = 0.001

_Observer = Callable[[TranscriptLine], None] | None


class SocketConnection(Wire):
    """A conversation over `sock`, which is connected: anything with `recv`, `settimeout` and
    `send` or `sendall`. One thread at a time asks; others wait their turn."""

    sock: Any
    # The timeout that the caller has set on the socket. While somebody waits it is another.
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
        observer: _Observer = None,
    ) -> Self:
        """Takes over a socket. `host` is the server's name; "": its address will do."""
        peer = address(sock, "getpeername")
        # A peer on this machine may be the way to a server that is on another.
        elsewhere = not is_local(host) if host else not (peer or is_unix(sock))
        connection = cls(host or (peer[0] if peer else "localhost"), settings)
        connection.sock = sock
        connection._deadline = deadline
        connection._timeout = timeout
        connection.connected(peer, observer, elsewhere=elsewhere)
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
                    self._set_timeout(self._timeout)

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
                    self._say_farewell(octets)
                elif self._has_something_to_read():
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
            if hasattr(self.sock, "send"):
                self._set_timeout(min(left, _SLICE))
                self.sent(self.sock.send(octets))
            else:
                # How much of it went out nobody tells: there is no second try.
                self._set_timeout(left)
                self.sock.sendall(octets)
                self.sent(len(octets))
        except (TimeoutError, BlockingIOError) as error:
            self.check_time()
            if hasattr(self.sock, "send"):
                self._take_in(_TICK)
            else:
                self.lost(error.errno)
        except OSError as error:
            # What the server said before it went may say why.
            while not self.is_settled and self._take_in(_TICK):
                self.output()
            self.lost(error.errno)

    def _say_farewell(self, octets: bytes) -> None:
        with contextlib.suppress(OSError):
            self._set_timeout(_SLICE)
            getattr(self.sock, "send", self.sock.sendall)(octets)

    def _take_in(self, limit: float) -> bool:
        """Waits so long for something to read. Whether there was any."""
        try:
            self._set_timeout(limit)
            octets = self.sock.recv(_READ)
            if quick_ack.can_be_asked(self.sock):
                quick_ack.acknowledge(self.sock)
        except (TimeoutError, BlockingIOError):
            self.check_time()
            return False
        except OSError as error:
            self.lost(error.errno)
            return False
        self.received(bytes(octets))
        return bool(octets)

    def _has_something_to_read(self) -> bool:
        # Of an object that is no socket there is no telling.
        if not isinstance(self.sock, _socket.socket):
            return False
        if getattr(self.sock, "pending", int)():
            return True
        number = self.sock.fileno()
        if number < 0 or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))

    def _heed_the_sockets_timeout(self) -> None:
        if hasattr(self.sock, "gettimeout") and not self.is_over:
            timeout = self.sock.gettimeout()
            if timeout != self._timeout:
                self._timeout = timeout
                self.set_patience(timeout, self._deadline)

    def _set_timeout(self, timeout: float | None) -> None:
        self.sock.settimeout(timeout)

    def _hang_up(self) -> None:
        if (ending := self.end_tls()) is not None:
            self._say_farewell(ending)
        with contextlib.suppress(OSError, AttributeError):
            self.sock.close()

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
