"""The server that a test talks to."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any, Self
from urllib.parse import quote

from rsmtp import Catcher, TlsConfig
from rsmtp.display.short import counted
from rsmtp.testing.messages import SentMessages

Reply = tuple[int, str | Sequence[str]] | bytes

_LATER = (451, "4.3.0 Try again later")


class SmtpServer:
    """A mail server on a free port of this machine, for one test.

    Args:
        tls: "none", "starttls" or "implicit".
        timeout: seconds that `messages` waits for what has not arrived.
        options: those of `rsmtp.Catcher`, as require_auth=True or max_size=1000.
    """

    def __init__(self, *, tls: str = "none", timeout: float = 5.0, **options: Any) -> None:
        self.catcher = Catcher(tls=tls, **options)  # type: ignore[arg-type]
        self.messages = SentMessages(self.catcher, timeout)

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
    def tls(self) -> str:
        """ "none", "starttls" or "implicit"."""
        return self.catcher.tls

    @property
    def ca_file(self) -> str | None:
        """The authority to trust, PEM; None without TLS."""
        return self.catcher.ca_file

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
        """Django's settings for sending here by its own SMTP backend. With TLS, the
        environment's SSL_CERT_FILE has to name `ca_file`, too."""
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "EMAIL_HOST": self.host,
            "EMAIL_PORT": self.port,
            "EMAIL_HOST_USER": self.username,
            "EMAIL_HOST_PASSWORD": self.password,
            "EMAIL_USE_TLS": self.tls == "starttls",
            "EMAIL_USE_SSL": self.tls == "implicit",
        }

    def fail_next(
        self, stage: str = "end-of-data", reply: Reply | None = None, *, times: int = 1, **fault: Any
    ) -> None:
        """Misbehaves the next time (or `times` times) that `stage` is reached.

        Args:
            stage: "RCPT", "AUTH", "greeting", "end-of-data"...: `rsmtp.Catcher.stages()`.
            reply: what is said then; by default (451, "4.3.0 Try again later"), or
                nothing special where `fault` says what happens.
            fault: as in `rsmtp.Catcher.fault`: disconnect=True, stall=True,
                address="bob@example.org", delay=0.5, certificate="expired", ...

        Raises ValueError for what makes no sense.
        """
        acts = fault.keys() - {"address", "skip", "after"}
        if reply is None and not acts:
            reply = _LATER
        self.catcher.fault(stage, reply=reply, times=times, **fault)

    def clear_faults(self) -> None:
        """Behaves well again."""
        self.catcher.clear_faults()

    @property
    def conversation(self) -> str:
        """What was said on every connection, secrets masked."""
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

    def __repr__(self) -> str:
        return (
            f"<SmtpServer {self.host}:{self.port}, TLS: {self.tls}, {counted(len(self.messages), 'message')}>"
        )
