"""The methods of `client.sock` that programs use, implemented by the engine."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

    from rsmtp import _rsmtp
    from rsmtp._client.conversation import Conversation
    from rsmtp._transport.asyncio_connection import Connection


class SocketView:
    """What clients have as `sock`, where smtplib has a socket. The engine owns the real socket, so
    there is no `recv` and no `send` that could disturb the conversation."""

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
        """Seconds for each stage; None means the times of RFC 5321."""
        return self._client._rsmtp_patience

    def settimeout(self, value: float | None) -> None:
        self._connection.set_patience(value, self._client._rsmtp_deadline)
        self._client.timeout = self._client._rsmtp_patience = value

    @property
    def family(self) -> socket.AddressFamily:
        import socket

        name = self._connection.getsockname()
        if name is None:
            return socket.AF_UNIX
        return socket.AF_INET6 if ":" in name[0] else socket.AF_INET

    def close(self) -> None:
        self._connection.close()

    # -- calls about the kernel's socket, made on a duplicate descriptor of it -------------

    def getsockopt(self, *args: Any) -> int | bytes:
        with self._descriptor() as sock:
            return sock.getsockopt(*args)

    def setsockopt(self, *args: Any) -> None:
        with self._descriptor() as sock:
            sock.setsockopt(*args)

    def shutdown(self, how: int) -> None:
        with self._descriptor() as sock:
            sock.shutdown(how)

    def _descriptor(self) -> socket.socket:
        import socket

        return socket.socket(fileno=os.dup(self.fileno()))

    # -- methods of an `ssl.SSLSocket`, if there is TLS ----------------------------------

    def version(self) -> str | None:
        """For example "TLSv1.3"; None without TLS."""
        tls = self._connection.tls
        return None if tls is None else tls.version

    def cipher(self) -> tuple[str, str, int] | None:
        """(cipher name, TLS version, key bits)."""
        tls = self._connection.tls
        if tls is None:
            return None
        name = tls.cipher.replace("TLS13_", "TLS_")
        return name, tls.version, 128 if "AES_128" in name or "AES128" in name else 256

    def getpeercert(self, binary_form: bool = False) -> dict[str, Any] | bytes | None:
        """The server's certificate: as DER, or as a dict in the form of `ssl`, which is empty for a
        certificate that was not verified."""
        tls = self._connection.tls
        certificate = None if tls is None else tls.certificate
        if tls is None or certificate is None:
            return None
        if binary_form:
            return certificate.der
        if not tls.verified:
            return {}
        from rsmtp._client import peer_certificate

        return peer_certificate.told_as_ssl_does(certificate)
