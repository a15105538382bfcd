"""Looks at one port of a server: who answers, what it says and offers, how it is
secured. Nothing is sent, and no login takes place."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field
from datetime import datetime

from rsmtp import TlsConfig, TlsFacts, Transcript
from rsmtp._client.local_hostname import address_literal, own_name
from rsmtp._rsmtp import SERVICE_READY, Connection, Opened, Request, Settings
from rsmtp.errors import SMTPCertificateError, SMTPServerDisconnected, SMTPTimeoutError, SMTPUnreachable

# Seconds for each address beside the one that is spoken to.
_PROBE = 5.0
# A server that has not greeted by then may wait for TLS.
_SILENCE = 5.0


@dataclass
class Address:
    """One address of the host: how long a connection took, or why there was none."""

    address: str
    seconds: float | None = None
    error: str | None = None


@dataclass
class Certificate:
    """What the server showed; `problem` says why it can't be trusted."""

    subject: str
    issuer: str
    names: list[str]
    not_before: datetime
    not_after: datetime
    problem: Exception | None = None


@dataclass
class Found:
    """What was found at one port."""

    host: str
    port: int
    addresses: list[Address] = field(default_factory=list)
    greeting: tuple[int, str] | None = None
    # "STARTTLS", "TLS" (from the first octet on), or None: nothing was encrypted.
    security: str | None = None
    tls_version: str | None = None
    cipher: str | None = None
    certificate: Certificate | None = None
    # Lower-case keywords with their parameters; before TLS and at the end.
    offered_in_plaintext: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)
    speaks_esmtp: bool = False
    # Seconds from the start to the connection, the greeting and the end of the handshake.
    connected_after: float | None = None
    greeted_after: float | None = None
    secured_after: float | None = None
    error: BaseException | None = None

    @property
    def mechanisms(self) -> list[str]:
        return self.extensions.get("auth", "").upper().split()


def examine(host: str, port: int, tls: str, *, ca_file: str | None, timeout: float) -> Found:
    """`tls` is "auto" (TLS from the first octet on port 465, and where no greeting comes
    without it; STARTTLS where it is offered), "starttls", "implicit" or "none"."""
    found = Found(host, port)
    implicit = tls == "implicit" or (tls == "auto" and port == 465)
    may_be_silent = tls == "auto" and not implicit
    patience = min(timeout, _SILENCE) if may_be_silent else timeout
    _look(found, tls, implicit, ca_file, patience)
    if may_be_silent and _is_silent(found):
        second = Found(host, port)
        _look(second, tls, True, ca_file, patience)
        if second.greeting is not None:
            found = second
    if patience < timeout and isinstance(found.error, SMTPTimeoutError):
        # It may only be slow.
        found = Found(host, port)
        _look(found, tls, implicit, ca_file, timeout)
    found.addresses = _addresses(found, min(timeout, _PROBE))
    return found


def _is_silent(found: Found) -> bool:
    """A server that waits for TLS neither greets nor understands."""
    return (
        isinstance(found.error, SMTPServerDisconnected)
        and found.error.stage == "greeting"
        and found.greeting is None
    )


def _look(found: Found, tls: str, implicit: bool, ca_file: str | None, timeout: float) -> None:
    try:
        _converse(found, tls, implicit, TlsConfig(ca_file=ca_file), timeout)
    except SMTPCertificateError as distrust:
        # Once more without verification, only to see what it shows.
        try:
            _converse(found, tls, implicit, TlsConfig(verify=False), timeout)
        except OSError as error:
            found.error = error
        if found.certificate is None:
            found.error = distrust
        else:
            found.certificate.problem = distrust
    except OSError as error:
        found.error = error


def _converse(found: Found, tls: str, implicit: bool, context: TlsConfig, timeout: float) -> None:
    security = "implicit" if implicit else "opportunistic" if tls == "auto" else tls
    settings = Settings(timeout=timeout, implicit_tls=implicit, context=context)
    connection = Connection.open(found.host, found.port, settings)
    try:
        name = own_name()
        if name.startswith("["):
            name = address_literal(connection.getsockname())
        opened = connection.perform(Request.opening(name, security, context=context))
        _note(found, "TLS" if implicit else "STARTTLS", opened, connection)
        if opened.trouble is not None:
            # A refusing greeting is found, and no error.
            if found.greeting is None or found.greeting[0] == SERVICE_READY:
                raise opened.trouble
        else:
            connection.perform(Request.quit())
    finally:
        _note_times(found, Transcript(connection.transcript))
        connection.close()


def _note(found: Found, security: str, opened: Opened, connection: Connection) -> None:
    if opened.greeting is not None:
        code, text = opened.greeting
        found.greeting = (code, text.decode("utf-8", "replace"))
    if opened.offered_in_plaintext is not None:
        found.offered_in_plaintext = dict(opened.offered_in_plaintext)
    if opened.hello is not None:
        found.speaks_esmtp = connection.speaks_esmtp
        found.extensions = dict(connection.extensions)
    _note_tls(found, security, connection.tls)


def _note_tls(found: Found, security: str, facts: TlsFacts | None) -> None:
    if facts is None:
        return
    found.security, found.tls_version, found.cipher = security, facts.version, facts.cipher
    shown = facts.certificate
    if shown is None:
        return
    try:
        found.certificate = Certificate(
            shown.subject, shown.issuer, shown.names, shown.not_before, shown.not_after
        )
    except ValueError as error:
        epoch = datetime.fromtimestamp(0).astimezone()
        found.certificate = Certificate("(unreadable)", "(unreadable)", [], epoch, epoch, error)


def _note_times(found: Found, transcript: Transcript) -> None:
    for line in transcript:
        if line.direction == "S" and found.greeted_after is None:
            found.greeted_after = line.at
        elif line.text.startswith("connected to"):
            found.connected_after = line.at
        elif line.text == "TLS established":
            found.secured_after = line.at


def _addresses(found: Found, patience: float) -> list[Address]:
    """Every address of the host. A connection is made to each: one that does not
    answer makes every client wait before it tries the next."""
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
