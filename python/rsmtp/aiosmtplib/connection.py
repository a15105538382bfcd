"""The client below the mirror, and what aiosmtplib's users ask of its transport."""

from __future__ import annotations

import asyncio
import socket
import weakref
from collections.abc import Callable
from typing import Any

from rsmtp._client.script import Reply
from rsmtp._rsmtp import TlsConfig
from rsmtp._transport.asyncio_connection import Connection
from rsmtp.aio import AsyncSmtpClient
from rsmtp.aiosmtplib.typing import SMTPStatus


class Client(AsyncSmtpClient):
    """Connects by a path or a socket, too, and says when the connection is gone."""

    def __init__(
        self,
        *,
        path: str | None,
        given_socket: socket.socket | None,
        when_lost: Callable[[Client], None],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._path = path
        self._given_socket = given_socket
        self._when_lost = weakref.WeakMethod(when_lost)
        self.is_lost = False
        self.used_context = self.context

    async def starttls(self, *, context: Any = None, server_hostname: str | None = None) -> Reply:
        reply = await super().starttls(context=context, server_hostname=server_hostname)
        self.used_context = context
        return reply

    async def _rsmtp_begin(self, host: str, port: int, path: str | None = None) -> None:
        self._rsmtp_given_sock = self._given_socket
        await super()._rsmtp_begin(host, port, self._path or path)

    def _rsmtp_connected(self, connection: Connection) -> None:
        super()._rsmtp_connected(connection)
        connection.when_ended = self._lost

    def _rsmtp_introduced(self, reply: Reply) -> None:
        super()._rsmtp_introduced(reply)
        self.forget_refusal(reply)

    def forget_refusal(self, reply: Reply) -> None:
        """A server that has refused EHLO and HELO does not know the client: it has to be introduced
        again. smtplib keeps such a reply as if it were an introduction."""
        if reply[0] != SMTPStatus.completed:
            self.helo_resp = self.ehlo_resp = None

    def _lost(self) -> None:
        self.is_lost = True
        if when_lost := self._when_lost():
            when_lost(self)

    @property
    def is_connected(self) -> bool:
        return self.sock is not None and not self.is_lost

    @property
    def transport(self) -> Transport | None:
        connection = self._rsmtp_connection
        if connection is None or connection.transport is None:
            return None
        kind = Transport if self.tls is None else SSLTransport
        return kind(self, connection.transport)

    @property
    def protocol(self) -> Connection | None:
        return self._rsmtp_connection

    @property
    def final_reply(self) -> tuple[int, bytes]:
        """The server's reply to the end of the last message's data."""
        reply = None if self._rsmtp_connection is None else self._rsmtp_connection.final_reply
        return reply or (0, b"")

    def be_patient(self, seconds: float | None) -> None:
        """So many seconds for each wait from now on."""
        if self.sock is not None:
            self.sock.settimeout(seconds)


class Transport:
    """asyncio's transport as far as it can be looked at. What is written and read is the
    engine's matter."""

    def __init__(self, client: Client, below: asyncio.Transport) -> None:
        self._client = client
        self._below = below

    def is_closing(self) -> bool:
        return not self._client.is_connected or self._below.is_closing()

    def close(self) -> None:
        self._client.close()

    abort = close

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._below.get_extra_info(name, default)


class SSLTransport(Transport):
    """The same, with what asyncio would tell of TLS."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        tls, sock = self._client.tls, self._client.sock
        if tls is None or sock is None:
            return default
        if name == "cipher":
            return sock.cipher()
        if name == "peercert":
            return sock.getpeercert()
        if name == "sslcontext":
            return TlsConfig() if self._client.used_context is None else self._client.used_context
        if name in ("ssl_object", "sslobject"):
            return sock
        return super().get_extra_info(name, default)
