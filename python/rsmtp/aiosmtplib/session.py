"""The state of the client: its settings, its connection, and how a verb is asked."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeVar

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import TlsConfig
from rsmtp.aiosmtplib import given
from rsmtp.aiosmtplib.connection import Client, Transport
from rsmtp.aiosmtplib.errors import SMTPResponseException, SMTPServerDisconnected
from rsmtp.aiosmtplib.response import SMTPResponse, from_reply
from rsmtp.aiosmtplib.translation import translated
from rsmtp.aiosmtplib.typing import Default, SMTPStatus, SMTPTokenGenerator, SocketPathType

DEFAULT_TIMEOUT: Final = 60

R = TypeVar("R")
# The argument was not given: the one before it holds.
Ungiven = Literal[Default.token]
UNGIVEN: Final = Default.token
Timeout = float | Ungiven | None


@public
class Session:
    """Settings and connection of a client. All verbs go through `_ask`."""

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
        given.settings(
            hostname=self.hostname,
            port=self.port,
            username=self._login_username,
            password=self._login_password,
            oauth_token_generator=self._oauth_token_generator,
            local_hostname=self.local_hostname,
            source_address=self.source_address,
            use_tls=self.use_tls,
            start_tls=self._start_tls_on_connect,
            validate_certs=self.validate_certs,
            client_cert=self.client_cert,
            client_key=self.client_key,
            tls_context=self.tls_context,
            cert_bundle=self.cert_bundle,
            socket_path=self.socket_path,
            sock=self.sock,
        )
        given.seconds(self.timeout)
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
            self.local_hostname = one_word("local_hostname", self.local_hostname)
        if self.hostname is not None and ("\r" in self.hostname or "\n" in self.hostname):
            raise ValueError("The hostname param contains prohibited newline characters")

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
        return arguments.text("extension", extension).lower() in self.esmtp_extensions

    def get_transport_info(self, key: str) -> Any:
        """What the transport's `get_extra_info` tells: peername, sockname, socket; with TLS
        cipher, peercert, sslcontext, ssl_object.

        `ssl_object` answers `version()`, `cipher()` and `getpeercert()`.
        """
        arguments.text("key", key)
        transport = self.transport
        if transport is None or not self.is_connected:
            raise SMTPServerDisconnected("Server not connected")
        return transport.get_extra_info(key)

    # -- for the verbs ----------------------------------------------------------------------

    async def _ask(self, verb: Callable[[Client], Awaitable[R]], timeout: Timeout) -> R:
        """What `verb` gives, each wait within `timeout`. A session that has ended by that
        is closed."""
        client = self._client
        if client is None:
            raise SMTPServerDisconnected("Server not connected")
        async with self._verb_lock:
            try:
                client.be_patient(given.seconds(self.timeout if timeout is UNGIVEN else timeout))
                with translated():
                    return await verb(client)
            except (TypeError, ValueError) as error:
                raise given.by_its_name_here(error)  # noqa: B904
            finally:
                if self._client is client and client.sock is None:
                    self.close()

    def _keep(self, **settings: Any) -> None:
        for name, value in settings.items():
            if value is not UNGIVEN:
                setattr(self, name, value)

    def _context(self) -> ssl.SSLContext | TlsConfig | None:
        if self.tls_context is not None:
            return self.tls_context
        if self.validate_certs and self.cert_bundle is None and self.client_cert is None:
            return None
        certificate: Any = self.client_cert
        if self.client_cert is not None and self.client_key is not None:
            certificate = (self.client_cert, self.client_key)
        try:
            return TlsConfig(
                ca_file=self.cert_bundle, client_certificate=certificate, verify=bool(self.validate_certs)
            )
        except (TypeError, ValueError) as error:
            raise given.by_its_name_here(error)  # noqa: B904

    def close(self) -> None:
        """Ends the connection without QUIT."""
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


def expect(
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


def one_word(argument: str, name: str) -> str:
    """A host name as it goes into EHLO, without white space around it."""
    name = arguments.text(argument, name).strip()
    if not name:
        raise ValueError(f"{argument}: it is empty")
    if any(character.isspace() or not character.isprintable() for character in name):
        raise ValueError(f"{argument}: {name!r} contains white space or a control character")
    return name
