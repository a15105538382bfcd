"""`aiosmtplib.smtp`: the client.

It is `rsmtp.AsyncSmtpClient` by other names: an argument goes to the constructor or
`connect`, a verb raises for a reply that it does not want, and the engine decides what is sent
to the server. This module connects and disconnects; `session` has the settings, `verbs`,
`security` and `messages` the rest.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from types import TracebackType
from typing import Any, Final, Self

from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import TlsConfig
from rsmtp.aiosmtplib import given
from rsmtp.aiosmtplib.connection import Client
from rsmtp.aiosmtplib.errors import (
    SMTPConnectResponseError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from rsmtp.aiosmtplib.messages import Messages
from rsmtp.aiosmtplib.response import SMTPResponse
from rsmtp.aiosmtplib.security import Security
from rsmtp.aiosmtplib.session import DEFAULT_TIMEOUT, UNGIVEN, Timeout, Ungiven, expect
from rsmtp.aiosmtplib.translation import translated_while_connecting
from rsmtp.aiosmtplib.typing import SMTPStatus, SMTPTokenGenerator, SocketPathType

__all__ = ("DEFAULT_TIMEOUT", "SMTP", "SMTP_PORT", "SMTP_STARTTLS_PORT", "SMTP_TLS_PORT")

SMTP_PORT: Final = 25
SMTP_TLS_PORT: Final = 465
SMTP_STARTTLS_PORT: Final = 587


@public
class SMTP(Security, Messages):
    """`aiosmtplib.SMTP`: one server, connected to when it is wanted.

    Args:
        hostname: the server. Default: "localhost".
        port: Default: 465 with use_tls, 587 with start_tls, 25 otherwise.
        username, password: for a login after connecting.
        oauth_token_generator: an async callable that gives an OAuth 2.0 access token, for
            a login by XOAUTH2 instead of a password. It is asked by one session at a time, and once
            more where the server rejects what it gave; one that returns (token, expires_at) is not
            asked again before that.
        local_hostname: what EHLO says. Default: as for `rsmtp.AsyncSmtpClient`.
        source_address: (host, port) to connect from.
        timeout: seconds for each wait. None: the times of RFC 5321 4.5.3.2.
        use_tls: True begins with TLS (RFC 8314).
        start_tls: True demands STARTTLS, False does without it, None (default) uses it
            where the server offers it. The offer can be hidden on the way: say True
            where you know the server.
        validate_certs: False accepts any certificate.
        cert_bundle: PEM file of the authorities that are trusted, and no others.
        client_cert, client_key: PEM files for a client that shows a certificate.
        tls_context: an `ssl.SSLContext` or a TlsConfig, instead of the four above.
        socket_path: a Unix socket, instead of hostname and port.
        sock: a connected socket. The client owns it from then on.

    `connect` takes the same arguments; all but `timeout` are kept for the next `connect`.
    """

    async def __aenter__(self) -> Self:
        if not self.is_connected:
            await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(value, ConnectionError | TimeoutError | GeneratorExit):
            self.close()
            return
        try:
            await self.quit()
        except (SMTPServerDisconnected, SMTPResponseException, SMTPTimeoutError):
            pass
        finally:
            self.close()

    async def connect(
        self,
        *,
        hostname: str | Ungiven | None = UNGIVEN,
        port: int | Ungiven | None = UNGIVEN,
        username: str | bytes | Ungiven | None = UNGIVEN,
        password: str | bytes | Ungiven | None = UNGIVEN,
        oauth_token_generator: SMTPTokenGenerator | Ungiven | None = UNGIVEN,
        local_hostname: str | Ungiven | None = UNGIVEN,
        source_address: tuple[str, int] | Ungiven | None = UNGIVEN,
        timeout: Timeout = UNGIVEN,
        use_tls: bool | None = None,
        start_tls: bool | Ungiven | None = UNGIVEN,
        validate_certs: bool | None = None,
        client_cert: str | Ungiven | None = UNGIVEN,
        client_key: str | Ungiven | None = UNGIVEN,
        tls_context: ssl.SSLContext | TlsConfig | Ungiven | None = UNGIVEN,
        cert_bundle: str | Ungiven | None = UNGIVEN,
        socket_path: SocketPathType | Ungiven | None = UNGIVEN,
        sock: socket.socket | Ungiven | None = UNGIVEN,
    ) -> SMTPResponse:
        """Connects, secures the connection and logs in, as far as the arguments and the
        constructor's say. Returns the greeting.

        Raises SMTPConnectError (SMTPConnectResponseError: the greeting was a refusal;
        SMTPConnectTimeoutError) and what `starttls` and `login` raise.
        """
        self._keep(
            hostname=hostname,
            port=port,
            _login_username=username,
            _login_password=password,
            _oauth_token_generator=oauth_token_generator,
            local_hostname=local_hostname,
            source_address=source_address,
            use_tls=UNGIVEN if use_tls is None else use_tls,
            _start_tls_on_connect=start_tls,
            validate_certs=UNGIVEN if validate_certs is None else validate_certs,
            client_cert=client_cert,
            client_key=client_key,
            tls_context=tls_context,
            cert_bundle=cert_bundle,
            socket_path=socket_path,
            sock=sock,
        )
        self._check_settings()
        if self.is_connected:
            raise SMTPException("SMTP instance is already connected")
        if self._connect_lock is None:
            self._connect_lock = asyncio.Lock()
        await self._connect_lock.acquire()
        try:
            greeting = await self._greeting(self.timeout if timeout is UNGIVEN else timeout)
            await self._secure()
            await self._log_in()
        except BaseException:
            self.close()
            raise
        return greeting

    async def _greeting(self, timeout: float | None) -> SMTPResponse:
        hostname, port = self.hostname, self.port
        if self.sock is None and self.socket_path is None:
            hostname = "localhost" if hostname is None else hostname
            port = port or self._default_port()
        self._client = Client(
            local_hostname=self.local_hostname,
            timeout=given.seconds(timeout),
            source_address=self.source_address,
            tls="implicit" if self.use_tls else "none",
            context=self._context() if self.use_tls else None,
            path=None if self.socket_path is None else os.fsdecode(self.socket_path),
            given_socket=self.sock,
            when_lost=self._client_is_lost,
        )
        with translated_while_connecting(hostname, port):
            # A socket is connected already, and a path has no port.
            reply = await self._client.connect(hostname or "localhost", port or SMTP_PORT)
        greeting = expect(reply, SMTPStatus.ready, refusal=SMTPConnectResponseError)
        self.local_hostname = self._client.local_hostname
        # What follows takes the time that the constructor was told.
        self._client.be_patient(given.seconds(self.timeout))
        return greeting

    def _default_port(self) -> int:
        if self.use_tls:
            return SMTP_TLS_PORT
        return SMTP_STARTTLS_PORT if self._start_tls_on_connect else SMTP_PORT

    async def _secure(self) -> None:
        if self._start_tls_on_connect:
            await self.starttls()
        elif self._start_tls_on_connect is None and not self.use_tls:
            await self._ehlo_or_helo_if_needed()
            if self.supports_extension("starttls"):
                await self.starttls()

    async def _log_in(self) -> None:
        username, generator = self._login_username, self._oauth_token_generator
        if generator is not None:
            if username is None:
                raise SMTPException("username is required when using oauth_token_generator")
            await self._ehlo_or_helo_if_needed()
            if "xoauth2" not in self.server_auth_methods:
                raise SMTPException("oauth_token_generator provided but server does not support XOAUTH2")
            # Asked once at a time, and once more where the server rejects what it gave.
            await self._authenticate(username, UNGIVEN, access_token=generator, mechanism="XOAUTH2")
        elif username is not None:
            await self.login(username, self._login_password or "")

    def sendmail_sync(self, *args: Any, **kwargs: Any) -> tuple[dict[str, SMTPResponse], str]:
        """Connects, sends as `sendmail` does and disconnects, in its own event loop."""

        async def main() -> tuple[dict[str, SMTPResponse], str]:
            async with self:
                return await self.sendmail(*args, **kwargs)

        return asyncio.run(main())

    def send_message_sync(self, *args: Any, **kwargs: Any) -> tuple[dict[str, SMTPResponse], str]:
        """Connects, sends as `send_message` does and disconnects, in its own event loop."""

        async def main() -> tuple[dict[str, SMTPResponse], str]:
            async with self:
                return await self.send_message(*args, **kwargs)

        return asyncio.run(main())
