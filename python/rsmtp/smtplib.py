"""The standard library's `smtplib`, over the engine: same names, same calls.

`from rsmtp import smtplib` ports a script. What differs, and why, is in the
README: certificates are verified, secrets are masked, control characters are
refused.
"""

from __future__ import annotations

import re
import socket
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Final

import rsmtp
from rsmtp.client import SmtpClient
from rsmtp.verbs.conversation import LMTP_PORT, SMTP_PORT, SMTP_SSL_PORT, UNSET

if TYPE_CHECKING:
    import ssl
    from smtplib import (
        SMTPAuthenticationError,
        SMTPConnectError,
        SMTPDataError,
        SMTPException,
        SMTPHeloError,
        SMTPNotSupportedError,
        SMTPRecipientsRefused,
        SMTPResponseException,
        SMTPSenderRefused,
        SMTPServerDisconnected,
        quoteaddr,
        quotedata,
    )

__all__ = [
    "SMTP",
    "SMTP_SSL",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPDataError",
    "SMTPException",
    "SMTPHeloError",
    "SMTPNotSupportedError",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "quoteaddr",
    "quotedata",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """What is not ours is the standard library's own, loaded when it is asked for:
        its exceptions, which ours derive from, so that `except` catches whichever of the
        two raised; `ssl`; the functions that only format text; private names too."""
        if name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import smtplib as standard

        try:
            found = getattr(standard, name)
        except AttributeError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


CRLF: Final = "\r\n"
bCRLF: Final = b"\r\n"
OLDSTYLE_AUTH: Final = re.compile(r"auth=(.*)", re.IGNORECASE)


class SMTP(SmtpClient):
    """`smtplib.SMTP`. See `rsmtp.SmtpClient`."""

    _rsmtp_like_smtplib = True
    _rsmtp_settable = frozenset()

    def _rsmtp_sockets(self) -> ModuleType:
        # Programs put another module in its place here.
        return socket

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # smtplib raises for a QUIT that is refused, and swallows a lost connection.
        try:
            code, message = self.docmd("QUIT")
            if code != 221:
                raise rsmtp.errors.SMTPResponseException(code, message)
        except rsmtp.errors.SMTPServerDisconnected:
            pass
        finally:
            self.close()


class SMTP_SSL(SMTP):
    """`smtplib.SMTP_SSL`: TLS before the greeting (RFC 8314)."""

    default_port = SMTP_SSL_PORT
    _rsmtp_tls_mode = "implicit"
    _rsmtp_settable = frozenset({"context"})

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        *,
        timeout: float | None = UNSET,
        source_address: tuple[str, int] | None = None,
        context: Any = None,
    ) -> None:
        super().__init__(host, port, local_hostname, timeout, source_address, context=context)


class LMTP(SMTP):
    """`smtplib.LMTP` (RFC 2033): over TCP, or a Unix socket when the host is a
    path. `sendmail` tells each recipient's own answer to the mail data."""

    ehlo_msg = "lhlo"

    def __init__(
        self,
        host: str = "",
        port: int = LMTP_PORT,
        local_hostname: str | None = None,
        source_address: tuple[str, int] | None = None,
        timeout: float | None = UNSET,
    ) -> None:
        super().__init__(host, port, local_hostname, timeout, source_address)
