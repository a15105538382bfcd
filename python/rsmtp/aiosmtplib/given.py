"""Checks of what a caller gives, by aiosmtplib's names for it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterable
from typing import Any

from rsmtp._client import outgoing
from rsmtp._common import arguments
from rsmtp._common.tracebacks import meant
from rsmtp._rsmtp import TlsConfig

# What the engine's clients call an argument, by its name here.
NAMES = {
    "from_addr": "sender",
    "to_addrs": "recipients",
    "msg": "message",
    "recip": "recipient",
    "user": "username",
    "ca_file": "cert_bundle",
    "client_certificate": "client_cert",
}


def by_its_name_here(error: Exception) -> Exception:
    """The error about an argument, by its name here."""
    told = str(error)
    name = next((name for name in NAMES if told.startswith((f"{name}: ", f"{name} contains "))), None)
    if type(error) not in (TypeError, ValueError) or name is None:
        return error
    renamed = type(error)(NAMES[name] + told.removeprefix(name))
    renamed.__suppress_context__ = True
    return renamed


def secret(name: str, value: str | bytes | None) -> Any:
    """A user name, a password or a token, as text. No error shows it."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
        # Out here, where the codec's error, which has all of it, is not the context.
        raise ValueError(f"{name}: it is not in UTF-8")
    return arguments.maybe_secret(name, value)


def in_encoding(name: str, value: str, encoding: str) -> str:
    """A text that can be written in `encoding`; otherwise a UnicodeEncodeError, as aiosmtplib's."""
    arguments.text(name, value)
    if "\0" in arguments.text("encoding", encoding):
        raise ValueError(f"encoding: {encoding!r} contains NUL")
    try:
        value.encode(encoding)
    except LookupError:
        raise meant(LookupError(f"encoding: {encoding!r} is not known")) from None
    return value


def options(name: str, value: Iterable[str] | None) -> list[str]:
    return [] if value is None else outgoing.options_of(name, value)  # type: ignore[arg-type]


def seconds(value: Any) -> float | None:
    """How long to wait; aiosmtplib's 0 is a time that is up at once."""
    given = arguments.maybe_number("timeout", value)
    if given is None:
        return None
    if given != given or given >= 1e9:
        raise ValueError(f"timeout: {arguments.kind(value)} is not a time to wait, in seconds")
    return max(given, 1e-6)


def settings(
    *,
    hostname: Any,
    port: Any,
    username: Any,
    password: Any,
    oauth_token_generator: Any,
    local_hostname: Any,
    source_address: Any,
    use_tls: Any,
    start_tls: Any,
    validate_certs: Any,
    client_cert: Any,
    client_key: Any,
    tls_context: Any,
    cert_bundle: Any,
    socket_path: Any,
    sock: Any,
) -> None:
    """What the constructor, `connect` and `starttls` take: the kinds of it."""
    if hostname is not None:
        arguments.host_name("hostname", hostname)
    if port is not None:
        arguments.port("port", port)
    secret("username", username)
    secret("password", password)
    if oauth_token_generator is not None:
        arguments.function("oauth_token_generator", oauth_token_generator)
    arguments.maybe_text("local_hostname", local_hostname)
    arguments.source("source_address", source_address)
    arguments.flag("use_tls", use_tls)
    arguments.maybe_flag("start_tls", start_tls)
    arguments.flag("validate_certs", validate_certs)
    for name, path in (
        ("client_cert", client_cert),
        ("client_key", client_key),
        ("cert_bundle", cert_bundle),
    ):
        arguments.maybe_path(name, path)
    if tls_context is not None and not isinstance(tls_context, ssl.SSLContext | TlsConfig):
        raise arguments.wanted("tls_context", "an ssl.SSLContext or a TlsConfig", tls_context)
    if socket_path is not None and not isinstance(socket_path, str | bytes | os.PathLike):
        raise arguments.wanted("socket_path", "a path, a str, bytes or a Path,", socket_path)
    arguments.socket("sock", sock)
