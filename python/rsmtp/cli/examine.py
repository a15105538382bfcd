"""Examines one port of a server: who answers, what the server says and offers, how it is
secured and, if there are credentials, whether it accepts the login. No mail is sent."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rsmtp import TlsConfig
from rsmtp._mailer.verification import Verification, look
from rsmtp._rsmtp import SERVICE_READY
from rsmtp.client import SmtpClient, blocking
from rsmtp.errors import SMTPCertificateError, SMTPServerDisconnected, SMTPTimeoutError, SMTPUnreachable

# The limit in seconds for each further address of the host.
_PROBE = 5.0
# A server that has not greeted within this time may be waiting for TLS.
_SILENCE = 5.0


@dataclass
class Address:
    """One address of the host: how long a connection took, or why there was none."""

    address: str
    seconds: float | None = None
    error: str | None = None


@dataclass
class Certificate:
    """The certificate that the server showed; `problem` says why it can't be trusted."""

    subject: str
    issuer: str
    names: list[str]
    not_before: datetime
    not_after: datetime
    problem: Exception | None = None


@dataclass(repr=False)
class Found(Verification):
    """What was found at one port, even if there was no session."""

    addresses: list[Address] = field(default_factory=list)
    certificate: Certificate | None = None
    error: BaseException | None = None


@dataclass
class Trial:
    """How to examine a port. `tls` is "auto" (TLS from the first octet on port 465 and on ports where
    no greeting comes without TLS; STARTTLS where it is offered), "starttls", "implicit" or "none".
    `login` is the credentials, as the arguments of a client's `login`."""

    tls: str
    context: TlsConfig
    timeout: float
    login: dict[str, Any] | None = None


def examine(host: str, port: int, trial: Trial) -> Found:
    found = Found(host, port)
    implicit = trial.tls == "implicit" or (trial.tls == "auto" and port == 465)
    may_be_silent = trial.tls == "auto" and not implicit
    patience = min(trial.timeout, _SILENCE) if may_be_silent else trial.timeout
    _look(found, trial, implicit, patience)
    if may_be_silent and _is_silent(found):
        second = Found(host, port)
        _look(second, trial, True, patience)
        if second.greeting is not None:
            found = second
    if patience < trial.timeout and isinstance(found.error, SMTPTimeoutError):
        # The server may only be slow.
        found = Found(host, port)
        _look(found, trial, implicit, trial.timeout)
    found.addresses = _addresses(found, min(trial.timeout, _PROBE))
    return found


def _is_silent(found: Found) -> bool:
    """Whether the server is silent: a server that waits for TLS sends no greeting."""
    return (
        isinstance(found.error, SMTPServerDisconnected)
        and found.error.stage == "greeting"
        and found.greeting is None
    )


def _look(found: Found, trial: Trial, implicit: bool, patience: float) -> None:
    try:
        _converse(found, trial, implicit, trial.context, patience, trial.login)
    except SMTPCertificateError as distrust:
        # A second connection without verification shows the certificate. No secret is sent over it.
        try:
            _converse(found, trial, implicit, TlsConfig(verify=False), patience, None)
        except OSError as error:
            found.error = error
        if found.certificate is None:
            found.error = distrust
        else:
            found.certificate.problem = distrust
    except OSError as error:
        # A refusal as greeting is a result, not an error.
        if found.greeting is None or found.greeting[0] == SERVICE_READY:
            found.error = error


def _converse(
    found: Found,
    trial: Trial,
    implicit: bool,
    context: TlsConfig,
    patience: float,
    login: dict[str, Any] | None,
) -> None:
    client = SmtpClient(timeout=patience, tls="implicit" if implicit else "none", context=context)
    security = "implicit" if implicit else "opportunistic" if trial.tls == "auto" else trial.tls
    try:
        blocking(look)(client, found, security, login)
    finally:
        _note_certificate(found)


def _note_certificate(found: Found) -> None:
    shown = None if found.tls is None else found.tls.certificate
    if shown is None:
        return
    try:
        found.certificate = Certificate(
            shown.subject, shown.issuer, shown.names, shown.not_before, shown.not_after
        )
    except ValueError as error:
        epoch = datetime.fromtimestamp(0).astimezone()
        found.certificate = Certificate("(unreadable)", "(unreadable)", [], epoch, epoch, error)


def _addresses(found: Found, patience: float) -> list[Address]:
    """Connects to every address of the host: an address that does not answer makes every
    client wait before it tries the next."""
    try:
        infos = socket.getaddrinfo(found.host, found.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [_probe(family, where, patience) for family, where in dict.fromkeys((i[0], i[4]) for i in infos)]


def _probe(family: int, where: tuple[object, ...], patience: float) -> Address:
    begun = time.monotonic()
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(patience)
            probe.connect(where)
    except TimeoutError:
        return Address(str(where[0]), error=f"no answer within {patience:g} s")
    except OSError as error:
        return Address(str(where[0]), error=error.strerror or str(error))
    return Address(str(where[0]), seconds=time.monotonic() - begun)


def is_closed(found: Found) -> bool:
    """Whether no connection could be made."""
    timed_out = isinstance(found.error, SMTPTimeoutError) and found.error.stage == "connect"
    return timed_out or isinstance(found.error, SMTPUnreachable)
