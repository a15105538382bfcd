"""The standard library's `smtplib` over the engine: the same names and the same calls.

To port a script, write `from rsmtp import smtplib`. The README describes the differences and
the reasons: certificates are verified, secrets are masked, control characters are
refused.
"""

from __future__ import annotations

import sys

import rsmtp
from rsmtp._client.conversation import LMTP_PORT as LMTP_PORT
from rsmtp._client.conversation import SMTP_PORT as SMTP_PORT
from rsmtp._client.conversation import SMTP_SSL_PORT as SMTP_SSL_PORT
from rsmtp._client.conversation import UNSET
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import hidden, public, shortened
from rsmtp._rsmtp import SERVICE_CLOSING
from rsmtp.client import SmtpClient

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from smtplib import OLDSTYLE_AUTH as OLDSTYLE_AUTH
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
    from types import ModuleType, TracebackType
    from typing import Any, Final
else:
    later(globals(), "Any Final ModuleType TracebackType")

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

if "smtplib" in sys.modules:
    # A program that puts this module in its place goes on to catch its exceptions.
    import rsmtp._common.standard

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Names that are not ours are the standard library's own, loaded when they are used: its
        exceptions, from which ours derive, so that `except` catches both; `ssl`; functions that only
        format text; private names. `smtplib.email`, which programs also use, is our `email`."""
        if name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from rsmtp._common.standard import standard

        try:
            found = rsmtp.email if name == "email" else getattr(standard("smtplib"), name)
        except AttributeError:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


CRLF: Final = "\r\n"
bCRLF: Final = b"\r\n"


@public
class SMTP(SmtpClient):
    """`smtplib.SMTP`. See `rsmtp.SmtpClient`."""

    _rsmtp_like_smtplib = True
    _rsmtp_settable = frozenset()

    def _rsmtp_sockets(self) -> ModuleType | None:
        # Programs replace the module here.
        found: ModuleType | None = globals().get("socket")
        return found

    def starttls(
        self,
        keyfile: Any = None,
        certfile: Any = None,
        context: Any = None,
        *,
        server_hostname: str | None = None,
    ) -> tuple[int, bytes]:
        """STARTTLS (RFC 3207): see `rsmtp.SmtpClient.starttls`. `keyfile` and `certfile` are Python
        3.11's arguments for a client certificate."""
        context = _with_certificate(keyfile, certfile, context)
        return super().starttls(context=context, server_hostname=server_hostname)

    def _rset(self) -> None:
        """A `rset` that ignores a lost connection, for subclasses with their own `sendmail`: the next
        command reports it."""
        try:
            self.rset()
        except rsmtp.errors.SMTPServerDisconnected:
            pass

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # smtplib raises an error for a refused QUIT, and ignores a lost connection.
        try:
            code, message = self.docmd("QUIT")
            if code != SERVICE_CLOSING:
                raise rsmtp.errors.SMTPResponseException(code, message)
        except rsmtp.errors.SMTPServerDisconnected:
            pass
        except BaseException as raised:
            __tracebackhide__ = hidden(raised)
            raise shortened(raised)  # noqa: B904
        finally:
            self.close()


@public
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
        keyfile: Any = None,
        certfile: Any = None,
        timeout: float | None = UNSET,
        source_address: tuple[str, int] | str | None = None,
        context: Any = None,
    ) -> None:
        context = _with_certificate(keyfile, certfile, context)
        super().__init__(host, port, local_hostname, timeout, source_address, context=context)


@public
class LMTP(SMTP):
    """`smtplib.LMTP` (RFC 2033), over TCP, or over a Unix socket if the host is a path.
    `sendmail` returns each recipient's own reply to the mail data."""

    ehlo_msg = "lhlo"

    def __init__(
        self,
        host: str = "",
        port: int = LMTP_PORT,
        local_hostname: str | None = None,
        source_address: tuple[str, int] | str | None = None,
        timeout: float | None = UNSET,
    ) -> None:
        super().__init__(host, port, local_hostname, timeout, source_address)


def _with_certificate(keyfile: Any, certfile: Any, context: Any) -> Any:
    """A context with the client certificate in Python 3.11's `keyfile` and `certfile`."""
    if keyfile is None and certfile is None:
        return context
    if context is not None:
        raise ValueError("context and keyfile or certfile: the context has the certificate, give one of them")
    if certfile is None:
        raise ValueError("certfile: keyfile is the key of a certificate, and the certificate is missing")
    import warnings

    warnings.warn(
        "keyfile and certfile are deprecated, use context instead", DeprecationWarning, stacklevel=3
    )
    certificate = certfile if keyfile is None else (certfile, keyfile)
    return rsmtp.TlsConfig(client_certificate=certificate)
