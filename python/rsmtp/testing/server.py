"""The server that a test talks to."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from typing import Any, Literal, Self
from urllib.parse import quote

import rsmtp
from rsmtp import Catcher, TlsConfig
from rsmtp._common.tracebacks import public
from rsmtp.display.short import counted
from rsmtp.testing.messages import SentMessages

Reply = tuple[int, str | Sequence[str]] | bytes

_LATER = (451, "4.3.0 Try again later")


@public
class SmtpServer:
    """A mail server on a free port of this machine, for one test.

    Args:
        tls: "none", "starttls" or "implicit".
        timeout: how many seconds `messages` waits for a message to arrive.

    The other arguments are those of `rsmtp.Catcher`, for example require_auth=True or max_size=1000.
    """

    def __init__(
        self,
        *,
        tls: rsmtp.typing.Tls = "none",
        timeout: float = 5.0,
        host: str = "127.0.0.1",
        port: int = 0,
        protocol: Literal["smtp", "lmtp"] = "smtp",
        unix: str | os.PathLike[str] | None = None,
        username: str | None = None,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        any_login: bool = False,
        require_auth: bool = False,
        require_tls: bool = False,
        auth_before_tls: bool = False,
        extensions: Sequence[str] | None = None,
        without: Sequence[str] = (),
        mechanisms: Sequence[str] | None = None,
        max_size: int = 33_554_432,
        max_recipients: int = 1000,
        max_messages: int | None = None,
        max_connections: int = 1000,
        idle_timeout: float = 300.0,
        keep: int = 1000,
        hostname: str = "localhost",
        authority: str | os.PathLike[str] | None = None,
        allow_remote: bool = False,
    ) -> None:
        options = dict(locals())
        del options["self"], options["timeout"]
        self.catcher: Catcher = Catcher(**options)
        self.messages: SentMessages = SentMessages(self.catcher, timeout)

    @property
    def host(self) -> str:
        return self.catcher.host

    @property
    def port(self) -> int:
        return self.catcher.port

    @property
    def username(self) -> str:
        """The name of the one login."""
        return self.catcher.username

    @property
    def user(self) -> str:
        """Another name of `username`."""
        return self.username

    @property
    def password(self) -> str:
        return self.catcher.password

    @property
    def tls(self) -> rsmtp.typing.Tls:
        """ "none", "starttls" or "implicit"."""
        return self.catcher.tls  # type: ignore[return-value]

    @property
    def ca_file(self) -> str | None:
        """The authority to trust, PEM; None without TLS."""
        return self.catcher.ca_file

    @property
    def client_certificate(self) -> str | None:
        """A PEM file by which `username` can log in with EXTERNAL; None without TLS."""
        return self.catcher.client_certificate

    @property
    def tls_config(self) -> TlsConfig | None:
        """Trusts this server: for `context=` of rsmtp. None without TLS."""
        return TlsConfig(ca_file=self.ca_file) if self.ca_file else None

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """Trusts this server: for smtplib and other clients. None without TLS."""
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else None

    @property
    def url(self) -> str:
        """smtp://USER:PASSWORD@HOST:PORT, with `?tls=none` or as smtps:// where it applies."""
        scheme = "smtps" if self.tls == "implicit" else "smtp"
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return f"{scheme}://{login}@{self.host}:{self.port}{'?tls=none' if self.tls == 'none' else ''}"

    @property
    def environment(self) -> dict[str, str]:
        """The server as environment variables: SMTP_HOST, SMTP_PORT, SMTP_USER,
        SMTP_PASSWORD, RSMTP_URL, and with TLS SSL_CERT_FILE, by which OpenSSL and
        rsmtp trust it."""
        variables = {
            "SMTP_HOST": self.host,
            "SMTP_PORT": str(self.port),
            "SMTP_USER": self.username,
            "SMTP_PASSWORD": self.password,
            "RSMTP_URL": self.url,
        }
        return variables | ({"SSL_CERT_FILE": self.ca_file} if self.ca_file else {})

    @property
    def django_settings(self) -> dict[str, Any]:
        """Django's settings for sending here by its own SMTP backend (from 6.1 on
        `django_mailers`, without warnings). With TLS, the environment's SSL_CERT_FILE has to
        name `ca_file`, too."""
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": self.host,
            "EMAIL_PORT": self.port,
            "EMAIL_HOST_USER": self.username,
            "EMAIL_HOST_PASSWORD": self.password,
            "EMAIL_USE_TLS": self.tls == "starttls",
            "EMAIL_USE_SSL": self.tls == "implicit",
        }

    @property
    def django_mailers(self) -> dict[str, Any]:
        """Django's setting MAILERS (6.1 and later) for sending here by its own SMTP backend.
        With TLS, the environment's SSL_CERT_FILE has to name `ca_file`, too."""
        return {
            "default": {
                "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
                "OPTIONS": {
                    "host": self.host,
                    "port": self.port,
                    "username": self.username,
                    "password": self.password,
                    "use_tls": self.tls == "starttls",
                    "use_ssl": self.tls == "implicit",
                },
            }
        }

    def fail_next(
        self,
        stage: str = "end-of-data",
        reply: Reply | Literal["usual"] | None = None,
        *,
        address: str | None = None,
        times: int = 1,
        skip: int = 0,
        delay: float = 0.0,
        drip: float | None = None,
        extra: Reply | None = None,
        endless: bool = False,
        stall: bool = False,
        disconnect: bool | Literal["fin", "reset", "half-close"] | None = None,
        accept: bool | None = None,
        after: int = 0,
        certificate: Literal["wrong-name", "expired", "not-yet-valid", "untrusted", "self-signed"]
        | None = None,
    ) -> None:
        """Misbehaves the next time (or `times` times) that `stage` is reached.

        Args:
            stage: "RCPT", "AUTH", "greeting", "end-of-data"...: `rsmtp.Catcher.stages()`.
            reply: the reply to give. Default: (451, "4.3.0 Try again later"), or the usual reply if
                another argument sets the fault.
            address, skip, delay, drip, extra, endless, stall, disconnect, accept, after,
                certificate: as in `rsmtp.Catcher.fault`.

        Raises ValueError for an impossible fault.
        """
        fault = dict(locals())
        del fault["self"]
        __tracebackhide__ = True
        acts = (
            delay
            or endless
            or stall
            or any(each is not None for each in (drip, extra, disconnect, accept, certificate))
        )
        if reply is None and not acts:
            fault["reply"] = _LATER
        self.catcher.fault(**fault)

    def clear_faults(self) -> None:
        """Removes all faults."""
        self.catcher.clear_faults()

    @property
    def conversation(self) -> str:
        """The conversations on all connections, with secrets masked."""
        parts = []
        for number, said in enumerate(self.catcher.conversations, start=1):
            login = f", logged in as {said.username}" if said.username else ""
            parts.append("\n".join([f"-- connection {number}, from {said.peer}{login}", *said.lines]))
        return "\n\n".join(parts) or f"-- no client has connected to {self.host}:{self.port}"

    def close(self) -> None:
        """Ends all connections; messages and conversations stay."""
        self.catcher.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the address, and the last messages."""
        return self.catcher._repr_mimebundle_()

    def __repr__(self) -> str:
        return (
            f"<SmtpServer {self.host}:{self.port}, TLS: {self.tls}, {counted(len(self.messages), 'message')}>"
        )
