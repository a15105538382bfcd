"""Connecting and disconnecting: `connect`, the greeting, QUIT."""

from __future__ import annotations

import os
import sys

import rsmtp
from rsmtp._client.conversation import LINE_BY_LINE, SMTP_SSL_PORT, Conversation
from rsmtp._client.local_hostname import address_literal
from rsmtp._client.script import Reply
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._rsmtp import SERVICE_READY, Opened, Request, Settings
from rsmtp._transport.python_sockets import is_encrypted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rsmtp._client.script import Steps
    from rsmtp._transport.proxies import Proxy
else:
    later(globals(), "Any")


class BadPort(OverflowError, ValueError):
    """A port out of range. Python's sockets raise OverflowError for it; here it is a ValueError, too."""


class Connecting(Conversation):
    def _rsmtp_connect(
        self, host: str | None = None, port: int = 0, source_address: tuple[str, int] | str | None = None
    ) -> Steps[Reply]:
        """Connects and returns the greeting as (code, text), even if it is a refusal.

        Without a host it connects to localhost; an AsyncSmtpClient connects to the host of
        its constructor. "host:port" and "[::1]:port" are split; a host that begins with "/",
        or a path object, is the path of a Unix socket. A source address needs no port.
        Raises a subclass of OSError if no connection can be made.
        """
        if host is None:
            host, port = self._rsmtp_given[0], port or self._rsmtp_given[1]
        if source_address:
            self.source_address = source_address
        host = arguments.host("host", host)
        path = os.fspath(host) if isinstance(host, os.PathLike) else host if host.startswith("/") else None
        host = path or host
        digits: str | int = port
        if host.startswith("[") and "]" in host and path is None:
            host, _, rest = host[1:].partition("]")
            digits = port or rest.removeprefix(":")
        elif not port and host.count(":") == 1 and path is None:
            host, _, digits = host.partition(":")
        port = self._rsmtp_port(digits)
        if not self._rsmtp_tls_is_said:
            # Port 465 is for TLS from the first octet (RFC 8314 3.3).
            self._rsmtp_tls_mode = "implicit" if port == SMTP_SSL_PORT else "none"
        sys.audit("smtplib.connect", self, host, port)
        if self.debuglevel > 0:
            self._print_debug("connect: to", (host, port), self.source_address)
        name = "localhost" if path else host
        self._rsmtp_start_anew(name)
        self._rsmtp_there = path, port
        yield self._rsmtp_begin(name, port, path)
        steps = self._rsmtp_tls_mode == "starttls" and self._rsmtp_overrides(
            "ehlo", "starttls", *LINE_BY_LINE
        )
        greeting: Reply
        if self._rsmtp_login_at_once is not None or (self._rsmtp_tls_mode == "starttls" and not steps):
            opened = yield from self._rsmtp_open(self._rsmtp_tls_mode)
            greeting, trouble = opened.greeting or (0, b""), opened.trouble
        else:
            greeting, trouble = (yield self._rsmtp_own.getreply()), None
        if greeting[0] and self.debuglevel > 0:
            self._print_debug("connect:", repr(greeting[1]))
        if trouble is not None and greeting[0] in (0, SERVICE_READY):
            raise trouble
        if greeting[0] != SERVICE_READY:
            # The caller decides whether that is an error.
            return greeting
        if steps:
            yield self._rsmtp_own.starttls(context=self._rsmtp_context)
            yield self._rsmtp_own.ehlo()
        return greeting

    def _rsmtp_open(self, security: str) -> Steps[Opened]:
        """Continues from the present state until mail can be sent, as one plan of the engine:
        greeting, EHLO, STARTTLS, EHLO, AUTH."""
        request = Request.opening(
            self.local_hostname, security, context=self._rsmtp_context, login=self._rsmtp_login_at_once
        )
        opened: Opened = yield self._rsmtp_talk().perform(request, self._rsmtp_observer)
        if opened.offered_in_plaintext is not None:
            self._rsmtp_forget()
        if opened.hello is not None:
            self._rsmtp_introduced(opened.hello)
        return opened

    def _rsmtp_starttls_if_needed(self, *, login: bool = False) -> Steps[None]:
        """Sends STARTTLS, and EHLO again, before a login or mail, if the caller has not chosen how TLS
        starts. On a connection that stays on this machine this is done only if a context was given, or
        if the server offers its login only under TLS."""
        # This is called before each message, and most messages are not the first of a session.
        if self._rsmtp_tls_is_said or self._rsmtp_connection is None:
            return
        is_behind_tls = login and self.has_extn("starttls") and not self.has_extn("auth")
        if self._rsmtp_is_settled and not is_behind_tls:
            return
        wanted = self._rsmtp_context is not None or is_behind_tls
        if (wanted and self._rsmtp_tls is None) or self._rsmtp_connection.is_exposed:
            if self._rsmtp_overrides("ehlo", "starttls", *LINE_BY_LINE):
                yield self._rsmtp_own.ehlo_or_helo_if_needed()
                if self.has_extn("starttls"):
                    yield self._rsmtp_own.starttls()
                    yield self._rsmtp_own.ehlo()
            opened = yield from self._rsmtp_open("starttls" if wanted else "default")
            if opened.trouble is not None:
                raise opened.trouble
        self._rsmtp_is_settled = True

    def _rsmtp_port(self, given: Any) -> int:
        """The port as a number, from a number or its digits. 0 and None mean the default."""
        if given is not None and not isinstance(given, (int, str)):
            raise arguments.wanted("port", "a number between 1 and 65535", given)
        try:
            port = int(given or 0) or self.default_port
        except ValueError:
            if self._rsmtp_like_smtplib:
                raise OSError("nonnumeric port") from None
            raise ValueError(f"port: {given!r} is not a number between 1 and 65535") from None
        if not 0 < port < 65536:
            raise BadPort(f"port: {arguments.kind(port)} is not between 1 and 65535")
        return port

    def _rsmtp_begin(self, host: str, port: int, path: str | None = None) -> Any:
        """Opens a connection, or uses the socket that was given."""
        raise NotImplementedError

    def _rsmtp_way(self, host: str, path: str | None) -> Proxy | None:
        """The proxy to this host."""
        if self._rsmtp_proxy is None or path is not None:
            return None
        from rsmtp._transport import proxies

        return proxies.for_host(self._rsmtp_proxy, host)

    def _rsmtp_settings(self, sock: Any = None) -> Settings:
        """The settings for a connection of the engine, or for the caller's socket."""
        self._rsmtp_check()
        encrypted = sock is not None and is_encrypted(sock)
        return Settings(
            timeout=self._rsmtp_patience,
            deadline=self._rsmtp_deadline,
            lmtp=self._rsmtp_speaks_lmtp,
            pipelining=self._rsmtp_pipelining,
            chunking=self._rsmtp_chunking,
            plaintext=self._rsmtp_plaintext(),
            plaintext_auth=self._rsmtp_allow_plaintext_auth,
            like_smtplib=self._rsmtp_like_smtplib,
            implicit_tls=self._rsmtp_tls_mode == "implicit" and not encrypted,
            encrypted=encrypted,
            context=self._rsmtp_context,
            largest=None if self._rsmtp_provider is None else self._rsmtp_provider.size,
        )

    def _rsmtp_plaintext(self) -> str:
        """What the engine lets pass over a connection without TLS."""
        if self._rsmtp_like_smtplib or (self._rsmtp_tls_is_said and self._rsmtp_tls_mode == "none"):
            return "mail"
        return "local" if self._rsmtp_tls_mode == "none" and self._rsmtp_context is None else "nothing"

    def _rsmtp_connected(self, connection: Any) -> None:
        replaced, self._rsmtp_connection = self._rsmtp_connection, connection
        if replaced is not None:
            # Another task has connected meanwhile: the client keeps the newer connection.
            replaced.close()
        if self._rsmtp_names_itself and self.local_hostname.startswith("["):
            self.local_hostname = address_literal(connection.getsockname())

    def _rsmtp_arrive(self, host: str, port: int) -> Steps[None]:
        """Connects; a greeting other than 220 is an error."""
        try:
            code, msg = yield self._rsmtp_own.connect(host, port)
            if code != SERVICE_READY:
                raise self._rsmtp_told(rsmtp.errors.SMTPConnectError(code, msg))
        except BaseException:
            if self._rsmtp_connection is not None:
                self.close()
            raise

    def _rsmtp_leave(self) -> Steps[None]:
        """Sends QUIT if the session is still open, and closes the connection."""
        try:
            if self._rsmtp_connection is not None and not self._rsmtp_connection.is_over:
                yield self._rsmtp_own.quit()
        except rsmtp.errors.SMTPServerDisconnected:
            pass
        finally:
            self.close()
