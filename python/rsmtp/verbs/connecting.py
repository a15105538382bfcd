"""Coming and going: connecting, being welcomed, leaving."""

from __future__ import annotations

import socket
import sys
from typing import Any

from rsmtp._rsmtp import Settings
from rsmtp.errors import SMTPConnectError, SMTPServerDisconnected
from rsmtp.local_hostname import address_literal
from rsmtp.verbs.conversation import UNSET, Conversation
from rsmtp.verbs.script import Reply, Steps


class Connecting(Conversation):
    def _connect(
        self, host: str | None = None, port: int = 0, source_address: tuple[str, int] | None = None
    ) -> Steps[Reply]:
        """Connects and returns the greeting, whatever it says: (code, text).

        Without a host, to localhost, or where the constructor of an AsyncSmtpClient was
        told. "host:port" is taken apart when no port is given. Raises a subclass of
        OSError when no connection can be made.
        """
        if host is None:
            host, port = self._given[0], port or self._given[1]
        if source_address:
            self.source_address = source_address
        digits: str | int = port
        if not port and host.count(":") == 1:
            host, _, digits = host.partition(":")
        try:
            port = int(digits or 0) or self.default_port
        except ValueError:
            raise OSError("nonnumeric port") from None
        if not 0 < port < 65536:
            raise OverflowError(f"port: {port} is not between 1 and 65535")
        sys.audit("smtplib.connect", self, host, port)
        if self.debuglevel > 0:
            self._print_debug("connect: to", (host, port), self.source_address)
        yield self._begin(host, port)
        code, msg = yield self._own.getreply()
        if self.debuglevel > 0:
            self._print_debug("connect:", repr(msg))
        if code == 220 and self._tls_mode == "starttls":
            yield self._own.starttls(context=self.context)
            yield self._own.ehlo()
        return code, msg

    def _begin(self, host: str, port: int, path: str | None = None) -> Any:
        """Opens a connection."""
        raise NotImplementedError

    def _settings(self, host: str) -> Settings:
        """For a new connection; what was learnt in an old one is forgotten."""
        self.close()
        self._forget()
        self._host = host
        self._patience = socket.getdefaulttimeout() if self.timeout is UNSET else self.timeout
        return Settings(
            timeout=self._patience,
            deadline=self.deadline,
            lmtp=self._speaks_lmtp,
            pipelining=self.pipelining,
            chunking=self.chunking,
            plaintext_auth=self.allow_plaintext_auth,
            like_smtplib=self._like_smtplib,
            implicit_tls=self._tls_mode == "implicit",
            context=self.context,
        )

    def _connected(self, connection: Any) -> None:
        self._connection = connection
        if self._names_itself and self.local_hostname.startswith("["):
            self.local_hostname = address_literal(connection.getsockname())

    def _arrive(self, host: str, port: int) -> Steps[None]:
        """Connects to a server that must welcome us."""
        try:
            code, msg = yield self._own.connect(host, port)
            if code != 220:
                raise self._told(SMTPConnectError(code, msg))
        except BaseException:
            self.close()
            raise

    def _leave(self) -> Steps[None]:
        """Says QUIT if there is still somebody to say it to."""
        try:
            if self._connection is not None and not self._connection.is_over:
                yield self._own.quit()
        except SMTPServerDisconnected:
            pass
        finally:
            self.close()
