"""`aiosmtplib.smtp`: the client.

It is `rsmtp.AsyncSmtpClient` by other names: an argument goes to the constructor or
`connect`, a verb raises for a reply that it does not want, and what is said to the server is
decided by the engine.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar

import rsmtp.errors
from rsmtp._rsmtp import TlsConfig
from rsmtp.aiosmtplib.connection import Client, Transport
from rsmtp.aiosmtplib.errors import (
    SMTPConnectResponseError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from rsmtp.aiosmtplib.response import SMTPResponse, from_reply
from rsmtp.aiosmtplib.translation import translated, translated_while_connecting
from rsmtp.aiosmtplib.typing import Default, SMTPStatus, SMTPTokenGenerator, SocketPathType
from rsmtp.sending import bare_address

__all__ = ("SMTP", "SMTP_PORT", "SMTP_STARTTLS_PORT", "SMTP_TLS_PORT")

SMTP_PORT: Final = 25
SMTP_TLS_PORT: Final = 465
SMTP_STARTTLS_PORT: Final = 587
DEFAULT_TIMEOUT: Final = 60

R = TypeVar("R")
# The argument was not given: the one before it holds.
Ungiven = Literal[Default.token]
UNGIVEN: Final = Default.token
Timeout = float | Ungiven | None


class SMTP:
    """`aiosmtplib.SMTP`: one server, connected to when it is wanted.

    Args:
        hostname: the server. Default: "localhost".
        port: Default: 465 with use_tls, 587 with start_tls, 25 otherwise.
        username, password: for a login after connecting.
        oauth_token_generator: an async callable that gives an OAuth 2.0 access token, for
            a login by XOAUTH2 instead of a password.
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

    AUTH_METHODS: tuple[str, ...] = ("cram-md5", "plain", "login")

    def __init__(
        self,
        *,
        hostname: str | None = None,
        port: int | None = None,
        username: str | bytes | None = None,
        password: str | bytes | None = None,
        oauth_token_generator: SMTPTokenGenerator | None = None,
        local_hostname: str | None = None,
        source_address: tuple[str, int] | None = None,
        timeout: float | None = DEFAULT_TIMEOUT,
        use_tls: bool = False,
        start_tls: bool | None = None,
        validate_certs: bool = True,
        client_cert: str | None = None,
        client_key: str | None = None,
        tls_context: ssl.SSLContext | TlsConfig | None = None,
        cert_bundle: str | None = None,
        socket_path: SocketPathType | None = None,
        sock: socket.socket | None = None,
    ) -> None:
        self.hostname = hostname
        self.port = port
        self._login_username = username
        self._login_password = password
        self._oauth_token_generator = oauth_token_generator
        self.local_hostname = local_hostname
        self.source_address = source_address
        self.timeout = timeout
        self.use_tls = use_tls
        self._start_tls_on_connect = start_tls
        self.validate_certs = validate_certs
        self.client_cert = client_cert
        self.client_key = client_key
        self.tls_context = tls_context
        self.cert_bundle = cert_bundle
        self.socket_path = socket_path
        self.sock = sock
        self._client: Client | None = None
        # Held from connecting until the connection is gone: tasks that connect by one
        # instance take turns.
        self._connect_lock: asyncio.Lock | None = None
        # Held for a verb, whose timeout may be its own.
        self._verb_lock = asyncio.Lock()
        self._check_settings()

    def _check_settings(self) -> None:
        if self._login_password is not None and self._oauth_token_generator is not None:
            raise ValueError("password and oauth_token_generator are mutually exclusive")
        if self._start_tls_on_connect and self.use_tls:
            raise ValueError("The start_tls and use_tls options are not compatible.")
        if self.tls_context is not None and self.client_cert is not None:
            raise ValueError("Either a TLS context or a certificate/key must be provided")
        if self.sock is not None and self.socket_path is not None:
            raise ValueError("Either a socket or a socket path must be provided, not both")
        if self.sock is not None or self.socket_path is not None:
            if self.port is not None:
                raise ValueError("If using a socket, port is not required")
            if self.use_tls and self.hostname is None:
                raise ValueError("If using a socket with TLS, hostname is required")
        if self.local_hostname is not None:
            self.local_hostname = _one_word("local_hostname", self.local_hostname)
        if self.hostname is not None and ("\r" in self.hostname or "\n" in self.hostname):
            raise ValueError("The hostname param contains prohibited newline characters")

    # -- where it is ------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    @property
    def transport(self) -> Transport | None:
        """The connection as asyncio tells of it. There is no reading and writing beside the
        engine."""
        return None if self._client is None else self._client.transport

    @property
    def protocol(self) -> asyncio.BaseProtocol | None:
        """What takes in what the transport brings: the engine's side of the connection."""
        return None if self._client is None else self._client.protocol

    @property
    def last_ehlo_response(self) -> SMTPResponse | None:
        client = self._client
        if client is None or not client.does_esmtp or client.ehlo_resp is None:
            return None
        return from_reply((SMTPStatus.completed, client.ehlo_resp))

    @property
    def last_helo_response(self) -> SMTPResponse | None:
        client = self._client
        if client is None or client.helo_resp is None:
            return None
        return from_reply((SMTPStatus.completed, client.helo_resp))

    @property
    def is_ehlo_or_helo_needed(self) -> bool:
        return self.last_ehlo_response is None and self.last_helo_response is None

    @property
    def supports_esmtp(self) -> bool:
        return self.last_ehlo_response is not None

    @property
    def esmtp_extensions(self) -> dict[str, str]:
        """What the server offers: keywords in lower case, with their parameters. What is
        taken out of it is not used."""
        return {} if self._client is None else self._client.esmtp_features

    @property
    def server_auth_methods(self) -> list[str]:
        return self.esmtp_extensions.get("auth", "").lower().split()

    @property
    def supported_auth_methods(self) -> list[str]:
        offered = self.server_auth_methods
        return [method for method in self.AUTH_METHODS if method in offered]

    def supports_extension(self, extension: str, /) -> bool:
        return extension.lower() in self.esmtp_extensions

    def get_transport_info(self, key: str) -> Any:
        """What the transport's `get_extra_info` tells: peername, sockname, socket; with TLS
        cipher, peercert, sslcontext, ssl_object.

        `ssl_object` answers `version()`, `cipher()` and `getpeercert()`.
        """
        transport = self.transport
        if transport is None or not self.is_connected:
            raise SMTPServerDisconnected("Server not connected")
        return transport.get_extra_info(key)

    # -- coming and going ---------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if not self.is_connected:
            await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(value, ConnectionError | TimeoutError):
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

    def _keep(self, **settings: Any) -> None:
        for name, value in settings.items():
            if value is not UNGIVEN:
                setattr(self, name, value)

    async def _greeting(self, timeout: float | None) -> SMTPResponse:
        hostname, port = self.hostname, self.port
        if self.sock is None and self.socket_path is None:
            hostname = "localhost" if hostname is None else hostname
            port = port or self._default_port()
        self._client = Client(
            local_hostname=self.local_hostname,
            timeout=_seconds(timeout),
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
        greeting = _expect(reply, SMTPStatus.ready, refusal=SMTPConnectResponseError)
        self.local_hostname = self._client.local_hostname
        # What follows takes the time that the constructor was told.
        self._client.be_patient(_seconds(self.timeout))
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
            await self.auth_xoauth2(username, await generator())
        elif username is not None:
            await self.login(username, self._login_password or "")

    def close(self) -> None:
        """Ends the connection without a word."""
        client, self._client = self._client, None
        if client is not None:
            client.close()
        self._release()

    def _client_is_lost(self, client: Client) -> None:
        if client is self._client:
            self._release()

    def _release(self) -> None:
        """The connection is gone: another task may connect."""
        if self._connect_lock is not None and self._connect_lock.locked():
            self._connect_lock.release()

    def _context(self) -> ssl.SSLContext | TlsConfig | None:
        if self.tls_context is not None:
            return self.tls_context
        if self.validate_certs and self.cert_bundle is None and self.client_cert is None:
            return None
        certificate: Any = self.client_cert
        if self.client_cert is not None and self.client_key is not None:
            certificate = (self.client_cert, self.client_key)
        return TlsConfig(
            ca_file=self.cert_bundle, client_certificate=certificate, verify=bool(self.validate_certs)
        )

    # -- verbs ----------------------------------------------------------------------------

    async def _ask(self, verb: Callable[[Client], Awaitable[R]], timeout: Timeout) -> R:
        """What `verb` gives, each wait within `timeout`. A session that has ended by that
        is closed."""
        client = self._client
        if client is None:
            raise SMTPServerDisconnected("Server not connected")
        async with self._verb_lock:
            try:
                client.be_patient(_seconds(self.timeout if timeout is UNGIVEN else timeout))
                with translated():
                    return await verb(client)
            finally:
                if self._client is client and client.sock is None:
                    self.close()

    async def execute_command(self, *args: bytes, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """A command line of the caller's own; returns the reply, whatever it says."""
        command, _, arguments = b" ".join(args).decode().partition(" ")
        return from_reply(await self._ask(lambda client: client.docmd(command, arguments), timeout))

    async def helo(self, *, hostname: str | None = None, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """HELO. Raises SMTPHeloError."""
        name = "" if hostname is None else _one_word("hostname", hostname)
        return await self._introduce(lambda client: client.helo(name), timeout)

    async def ehlo(self, *, hostname: str | None = None, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """EHLO. Raises SMTPHeloError."""
        name = "" if hostname is None else _one_word("hostname", hostname)
        return await self._introduce(lambda client: client.ehlo(name), timeout)

    async def _introduce(
        self, verb: Callable[[Client], Awaitable[tuple[int, bytes]]], timeout: Timeout
    ) -> SMTPResponse:
        async def introduce(client: Client) -> SMTPResponse:
            reply = await verb(client)
            if reply[0] != SMTPStatus.completed:
                # A server that refused does not know the client yet.
                client.helo_resp = client.ehlo_resp = None
            return _expect(reply, SMTPStatus.completed, refusal=SMTPHeloError)

        return await self._ask(introduce, timeout)

    async def _ehlo_or_helo_if_needed(self) -> None:
        await self._ask(lambda client: client.ehlo_or_helo_if_needed(), UNGIVEN)

    async def help(self, *, timeout: Timeout = UNGIVEN) -> str:
        """HELP: the text of the reply."""
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.docmd("HELP"), timeout)
        wanted = (SMTPStatus.system_status_ok, SMTPStatus.help_message, SMTPStatus.completed)
        return _expect(reply, *wanted).message

    async def rset(self, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """RSET."""
        await self._ehlo_or_helo_if_needed()
        return _expect(await self._ask(lambda client: client.rset(), timeout), SMTPStatus.completed)

    async def noop(self, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """NOOP."""
        await self._ehlo_or_helo_if_needed()
        return _expect(await self._ask(lambda client: client.noop(), timeout), SMTPStatus.completed)

    async def vrfy(
        self, address: str, /, *, options: Iterable[str] | None = None, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """VRFY."""
        reply = await self._ask_about("VRFY", address, options, timeout)
        return _expect(reply, SMTPStatus.completed, SMTPStatus.will_forward, SMTPStatus.cannot_vrfy)

    async def expn(
        self, address: str, /, *, options: Iterable[str] | None = None, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """EXPN."""
        return _expect(await self._ask_about("EXPN", address, options, timeout), SMTPStatus.completed)

    async def _ask_about(
        self, verb: str, address: str, options: Iterable[str] | None, timeout: Timeout
    ) -> tuple[int, bytes]:
        await self._ehlo_or_helo_if_needed()
        options = list(options or ())
        if not self._asks_for_smtputf8(options):
            address.encode("ascii")
        words = " ".join((bare_address(address), *options))
        return await self._ask(lambda client: client.docmd(verb, words), timeout)

    def _asks_for_smtputf8(self, options: Iterable[str]) -> bool:
        if "SMTPUTF8" not in map(str.upper, options):
            return False
        if not self.supports_extension("smtputf8"):
            raise SMTPNotSupported("SMTPUTF8 is not supported by this server")
        return True

    async def mail(
        self,
        sender: str,
        /,
        *,
        options: Iterable[str] | None = None,
        encoding: str = "ascii",
        timeout: Timeout = UNGIVEN,
    ) -> SMTPResponse:
        """MAIL. Raises SMTPSenderRefused; UnicodeEncodeError for an address that is not in
        `encoding`."""
        sender.encode(encoding)
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.mail(sender, list(options or ())), timeout)
        return _expect(reply, SMTPStatus.completed, refusal=SMTPSenderRefused, about=(sender,))

    async def rcpt(
        self,
        recipient: str,
        /,
        *,
        options: Iterable[str] | None = None,
        encoding: str = "ascii",
        timeout: Timeout = UNGIVEN,
    ) -> SMTPResponse:
        """RCPT. Raises SMTPRecipientRefused; UnicodeEncodeError for an address that is not
        in `encoding`."""
        recipient.encode(encoding)
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.rcpt(recipient, list(options or ())), timeout)
        wanted = (SMTPStatus.completed, SMTPStatus.will_forward)
        return _expect(reply, *wanted, refusal=SMTPRecipientRefused, about=(recipient,))

    async def data(self, message: str | bytes, /, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """DATA and the message. Raises SMTPDataError."""
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.data(message), timeout)
        return _expect(reply, SMTPStatus.completed, refusal=SMTPDataError)

    async def quit(self, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """QUIT, and closes the connection."""
        reply = await self._ask(lambda client: client.quit(), timeout)
        if reply[0] == SMTPStatus.invalid_response:
            # The server has closed without an answer.
            return SMTPResponse(SMTPStatus.closing, "")
        return _expect(reply, SMTPStatus.closing)

    # -- security --------------------------------------------------------------------------

    async def starttls(
        self,
        *,
        server_hostname: str | None = None,
        validate_certs: bool | None = None,
        client_cert: str | Ungiven | None = UNGIVEN,
        client_key: str | Ungiven | None = UNGIVEN,
        cert_bundle: str | Ungiven | None = UNGIVEN,
        tls_context: ssl.SSLContext | TlsConfig | Ungiven | None = UNGIVEN,
        timeout: Timeout = UNGIVEN,
    ) -> SMTPResponse:
        """STARTTLS (RFC 3207). Arguments that are not given are those of `connect`.

        Raises SMTPException where it is not offered or TLS is in use already, an
        `ssl.SSLError` where the handshake fails.
        """
        if self._client is None:
            raise SMTPServerDisconnected("Server not connected")
        if self._client.tls is not None:
            raise SMTPException("Connection already using TLS")
        self._keep(
            validate_certs=UNGIVEN if validate_certs is None else validate_certs,
            client_cert=client_cert,
            client_key=client_key,
            cert_bundle=cert_bundle,
            tls_context=tls_context,
        )
        self._check_settings()
        client, context = self._client, self._context()
        await self._ehlo_or_helo_if_needed()
        try:
            reply = await self._ask(
                lambda client: client.starttls(context=context, server_hostname=server_hostname), timeout
            )
        except rsmtp.errors.SMTPTLSError as error:
            if client.is_lost and not isinstance(error, rsmtp.errors.SMTPCertificateError):
                raise SMTPServerDisconnected(str(error)) from error
            raise
        return from_reply(reply)

    async def login(
        self, username: str | bytes, password: str | bytes, /, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH by the strongest mechanism that the server offers. A refusal of the
        credentials ends it: they are not shown to a weaker mechanism.

        Raises SMTPAuthenticationError, SMTPException where there is no AUTH, or no mechanism
        in common.
        """
        return await self._authenticate(username, timeout, password=password)

    async def auth_crammd5(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH CRAM-MD5 (RFC 2195)."""
        return await self._authenticate(username, timeout, password=password, mechanism="CRAM-MD5")

    async def auth_plain(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH PLAIN (RFC 4616)."""
        return await self._authenticate(username, timeout, password=password, mechanism="PLAIN")

    async def auth_login(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH LOGIN."""
        return await self._authenticate(username, timeout, password=password, mechanism="LOGIN")

    async def auth_xoauth2(
        self, username: str | bytes, access_token: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH XOAUTH2, by an OAuth 2.0 access token."""
        return await self._authenticate(username, timeout, access_token=access_token, mechanism="XOAUTH2")

    async def _authenticate(
        self,
        username: str | bytes,
        timeout: Timeout,
        *,
        mechanism: str | None = None,
        password: str | bytes | None = None,
        access_token: str | bytes | None = None,
    ) -> SMTPResponse:
        reply = await self._ask(
            lambda client: client.login(
                _text(username), _text(password), access_token=_text(access_token), mechanism=mechanism
            ),
            timeout,
        )
        return from_reply(reply)

    # -- messages --------------------------------------------------------------------------

    async def sendmail(
        self,
        sender: str,
        recipients: str | Sequence[str],
        message: str | bytes,
        /,
        *,
        mail_options: Iterable[str] | None = None,
        rcpt_options: Iterable[str] | None = None,
        timeout: Timeout = UNGIVEN,
    ) -> tuple[dict[str, SMTPResponse], str]:
        """A whole mail transaction.

        Returns the refused recipients with the reply to each, and the text of the reply
        to the message. Raises SMTPRecipientsRefused (all of them), SMTPSenderRefused,
        SMTPDataError, SMTPServerDisconnected (the `fates` of its cause tell whether the
        message may have arrived); ValueError for what is not an address or an option.
        """
        await self._ehlo_or_helo_if_needed()
        options = list(mail_options or ())
        self._asks_for_smtputf8(options)

        async def transaction(client: Client) -> dict[str, tuple[int, bytes]]:
            return await client.sendmail(sender, recipients, message, options, list(rcpt_options or ()))

        return await self._transact(transaction, timeout)

    async def send_message(
        self,
        message: rsmtp.typing.AnyMessage,
        /,
        *,
        sender: str | None = None,
        recipients: str | Sequence[str] | None = None,
        mail_options: Iterable[str] | None = None,
        rcpt_options: Iterable[str] | None = None,
        timeout: Timeout = UNGIVEN,
    ) -> tuple[dict[str, SMTPResponse], str]:
        """Sends a message. The envelope comes from its fields: Sender, or else From; To, Cc
        and Bcc; or their Resent- forms. Bcc is never sent. Returns and raises as `sendmail`."""

        async def transaction(client: Client) -> dict[str, tuple[int, bytes]]:
            try:
                return await client.send_message(
                    message, sender, recipients, list(mail_options or ()), list(rcpt_options or ())
                )
            except rsmtp.errors.SMTPRecipientsRefused as error:
                if not error.recipients:
                    raise ValueError("No recipient headers provided in message") from None
                raise

        return await self._transact(transaction, timeout)

    async def _transact(
        self, transaction: Callable[[Client], Awaitable[dict[str, tuple[int, bytes]]]], timeout: Timeout
    ) -> tuple[dict[str, SMTPResponse], str]:
        async def with_its_reply(client: Client) -> tuple[dict[str, SMTPResponse], str]:
            refused = await transaction(client)
            answers = {address: from_reply(reply) for address, reply in refused.items()}
            return answers, from_reply(client.final_reply).message

        return await self._ask(with_its_reply, timeout)

    def sendmail_sync(self, *args: Any, **kwargs: Any) -> tuple[dict[str, SMTPResponse], str]:
        """Connects, sends as `sendmail` does and disconnects, in an event loop of its own."""

        async def main() -> tuple[dict[str, SMTPResponse], str]:
            async with self:
                return await self.sendmail(*args, **kwargs)

        return asyncio.run(main())

    def send_message_sync(self, *args: Any, **kwargs: Any) -> tuple[dict[str, SMTPResponse], str]:
        """Connects, sends as `send_message` does and disconnects, in an event loop of its
        own."""

        async def main() -> tuple[dict[str, SMTPResponse], str]:
            async with self:
                return await self.send_message(*args, **kwargs)

        return asyncio.run(main())


def _expect(
    reply: tuple[int, bytes],
    *wanted: int,
    refusal: Callable[..., SMTPResponseException] = SMTPResponseException,
    about: tuple[str, ...] = (),
) -> SMTPResponse:
    """The reply, if its code is one that is wanted."""
    response = from_reply(reply)
    if response.code not in wanted:
        raise refusal(response.code, response.message, *about)
    return response


def _seconds(timeout: float | None) -> float | None:
    """aiosmtplib's 0 is a time that is up at once."""
    return None if timeout is None else max(timeout, 1e-6)


def _text(value: str | bytes | None) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _one_word(argument: str, name: str) -> str:
    """A host name as it goes into EHLO, without white space around it."""
    name = name.strip()
    if not name:
        raise ValueError(f"{argument}: it is empty")
    if any(character.isspace() or not character.isprintable() for character in name):
        raise ValueError(f"{argument}: {name!r} contains white space or a control character")
    return name
