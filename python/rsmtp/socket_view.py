"""What people ask of `client.sock`, answered by the engine."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rsmtp import _rsmtp
    from rsmtp.async_connection import Connection
    from rsmtp.verbs.conversation import Conversation


class SocketView:
    """Stands where smtplib has a socket. The engine owns the real one: there is
    no `recv` and no `send` beside the conversation."""

    def __init__(self, client: Conversation, connection: _rsmtp.Connection | Connection) -> None:
        self._client = client
        self._connection = connection

    def fileno(self) -> int:
        return self._connection.fileno()

    def getpeername(self) -> tuple[str, int] | str:
        return self._connection.getpeername() or ""

    def getsockname(self) -> tuple[str, int] | str:
        return self._connection.getsockname() or ""

    def gettimeout(self) -> float | None:
        """Seconds for each stage; None for the times of RFC 5321."""
        return self._client._rsmtp_patience

    def settimeout(self, value: float | None) -> None:
        self._connection.set_patience(value, self._client._rsmtp_deadline)
        self._client.timeout = self._client._rsmtp_patience = value

    @property
    def family(self) -> socket.AddressFamily:
        name = self._connection.getsockname()
        if name is None:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in name[0] else socket.AF_INET

    def close(self) -> None:
        self._connection.close()
