"""A socket object that the engine does not own: its own methods send and receive."""

from __future__ import annotations

import _socket

from rsmtp._transport import promptness, python_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# How many octets are read at a time.
_READ = 64 * 1024


class ForeignSocket:
    """Anything with `recv`, `settimeout` and `send` or `sendall`."""

    def __init__(self, sock: Any, host: str = "") -> None:
        self.sock = sock
        self.leads_elsewhere = python_sockets.leads_elsewhere(sock, host)
        self.peer = python_sockets.address(sock, "getpeername")
        self._is_tcp = promptness.is_tcp(sock)
        if self._is_tcp:
            promptness.send_at_once(sock)
        self.own = python_sockets.address(sock, "getsockname")

    def receive(self, limit: float) -> bytes | None:
        """The octets that arrive within `limit` seconds, or None. b"" means the end of the stream."""
        self.sock.settimeout(limit)
        try:
            octets = bytes(self.sock.recv(_READ))
        except (TimeoutError, BlockingIOError):
            return None
        if self._is_tcp:
            promptness.acknowledge(self.sock)
        return octets

    def send(self, octets: bytes, limit: float, patience: float) -> int | None:
        """How many octets the socket took within `limit` seconds, or None if it took none. A socket that
        has only `sendall` gets `patience` seconds: after a failure it is unknown how many octets were
        sent, so there is no second try."""
        if not hasattr(self.sock, "send"):
            self.sock.settimeout(patience)
            self.sock.sendall(octets)
            return len(octets)
        self.sock.settimeout(limit)
        try:
            return int(self.sock.send(octets))
        except (TimeoutError, BlockingIOError):
            return None

    def has_something(self) -> bool:
        """Whether there is something to receive now. For an object that is not a socket this can't be
        known."""
        if not isinstance(self.sock, _socket.socket):
            return False
        if getattr(self.sock, "pending", int)():
            return True
        import select

        number = self.sock.fileno()
        if number < 0 or not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        try:
            self.sock.close()
        except (OSError, AttributeError):
            pass


def dial(
    host: str, port: int, path: str | None, limit: float, source_address: tuple[str, int] | None
) -> ForeignSocket | None:
    """For the engine: a connection made by a replacement of Python's sockets. None if Python's
    sockets have not been replaced."""
    # A thread of the engine's own may block: there are no greenlets in it.
    if not python_sockets.are_replaced() or python_sockets.are_green():
        return None
    if python_sockets.are_greens_below():
        raise RuntimeError(
            "a Mailer's threads can't use greenlets' sockets with something else above them: give the Mailer "
            "its proxy by proxy=, or use SmtpClient or rsmtp.smtplib"
        )
    with python_sockets.told_as_ours(path or host):
        if path is not None:
            return ForeignSocket(python_sockets.connected_to_path(path, limit))
        return ForeignSocket(python_sockets.connected(host, port, limit, source_address), host)
