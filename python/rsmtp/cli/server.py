"""Which server, how secured, and as whom: from flags and from the environment."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from rsmtp.cli.exit_code import USAGE, Stop

if TYPE_CHECKING:
    from rsmtp import SmtpClient

TLS_MODES = ("starttls", "implicit", "none")
# Submission (RFC 6409), submission over TLS (RFC 8314), relay.
PORTS = {"starttls": 587, "implicit": 465, "none": 25}


@dataclass(frozen=True)
class Server:
    """Where to send to. A password is never shown."""

    host: str
    port: int
    tls: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        security = {"starttls": "STARTTLS", "implicit": "TLS", "none": "no TLS"}[self.tls]
        login = f", as {self.user}" if self.user is not None else ""
        return f"{self.host}:{self.port} ({security}{login})"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("server (or the environment variable RSMTP_URL)")
    group.add_argument(
        "--server",
        metavar="URL",
        help="smtp://[USER@]HOST[:PORT] (STARTTLS, port 587), smtps://... (TLS, port 465), or "
        "smtp://...?tls=none (plaintext, port 25)",
    )
    group.add_argument("--host", help="instead of a URL")
    group.add_argument("--port", type=int, help="default: 587, 465 with --tls implicit, 25 with --tls none")
    group.add_argument("--tls", choices=TLS_MODES, help="default: starttls, or implicit on port 465")
    group.add_argument("--user", metavar="NAME", help="log in with this name")
    add_trust_arguments(group)


def add_trust_arguments(group: argparse._ActionsContainer) -> None:
    group.add_argument("--ca-file", metavar="FILE", help="PEM file of the only authorities to trust")
    group.add_argument("--timeout", type=_seconds, default=60.0, help="seconds for each step (%(default)g)")


def from_arguments(given: argparse.Namespace) -> Server:
    """The server that flags or the environment name. Raises Stop."""
    if given.server is not None and given.host is not None:
        raise Stop(USAGE, "--server and --host name the server twice: leave one of them out")
    if given.server is not None:
        server = from_url(given.server, "--server")
        if server.password is not None:
            raise Stop(
                USAGE,
                "--server: a password in an argument can be read by every user of this machine (ps). Put the "
                "URL into the environment variable RSMTP_URL, or the password into RSMTP_PASSWORD",
            )
    elif given.host is not None:
        server = _from_flags(given)
    elif os.environ.get("RSMTP_URL"):
        server = from_url(os.environ["RSMTP_URL"], "RSMTP_URL")
    else:
        raise Stop(
            USAGE,
            "no server: say --server smtp://HOST, or set RSMTP_URL. To try things out, run `rsmtp catch` and "
            "send to what it prints",
        )
    changes = {name: getattr(given, name) for name in ("port", "tls") if given.host is None}
    for name, value in changes.items():
        if value is not None:
            raise Stop(USAGE, f"--{name} goes with --host: in a URL say HOST:PORT, smtps:// or ?tls=none")
    return server


def _from_flags(given: argparse.Namespace) -> Server:
    tls = given.tls or ("implicit" if given.port == 465 else "starttls")
    port = PORTS[tls] if given.port is None else given.port
    return Server(given.host, _port(port, "--port"), tls)


def from_url(url: str, source: str) -> Server:
    """Takes smtp:// and smtps:// apart; `source` is what an error names. The URL
    itself stands in no error: it may hold a password."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise Stop(USAGE, f"{source}: this is not a URL such as smtp://smtp.example.com:587") from None
    if parts.scheme not in ("smtp", "smtps"):
        raise Stop(USAGE, f"{source}: the URL must begin with smtp:// or smtps://")
    if not parts.hostname or parts.path not in ("", "/") or parts.fragment:
        raise Stop(USAGE, f"{source}: smtp://[USER@]HOST[:PORT] is wanted (write @ in a user name as %40)")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = options.pop("tls", "starttls" if parts.scheme == "smtp" else "implicit")
    if options:
        raise Stop(USAGE, f"{source}: {', '.join(options)} is no option of such a URL; tls is the only one")
    if tls not in TLS_MODES or (parts.scheme == "smtps" and tls != "implicit"):
        modes = "implicit" if parts.scheme == "smtps" else "starttls, implicit or none"
        raise Stop(USAGE, f"{source}: tls={tls} does not go with {parts.scheme}://, but tls={modes}")
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    return Server(parts.hostname, _port(port or PORTS[tls], source), tls, user or None, password)


def _port(port: int, source: str) -> int:
    if not 0 < port < 65536:
        raise Stop(USAGE, f"{source}: {port} is no port: from 1 to 65535")
    return port


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def client(server: Server, *, ca_file: str | None, timeout: float) -> SmtpClient:
    """A client for this server, not connected yet."""
    from rsmtp import SmtpClient, TlsConfig

    return SmtpClient(tls=server.tls, context=TlsConfig(ca_file=ca_file), timeout=timeout)
