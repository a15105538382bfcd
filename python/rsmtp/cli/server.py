"""The server, its TLS and its login, from flags and from the environment."""

from __future__ import annotations

import os

from rsmtp import Mailer, TlsConfig
from rsmtp._mailer.server_urls import from_url
from rsmtp._mailer.servers import URL_VARIABLE, Local, Server
from rsmtp.cli.exit_code import USAGE, Stop
from rsmtp.cli.one_name import one_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from rsmtp.cli.plain import Declares

TLS_MODES = ("starttls", "implicit", "none")
_PATIENCE = 60.0
NO_PASSWORD = (
    "a password in an argument can be read by every user of this machine (ps). Put the URL into the "
    f"environment variable {URL_VARIABLE}, or the password into RSMTP_PASSWORD"
)


def add_arguments(parser: Declares) -> None:
    group = parser.add_argument_group(f"server (or the environment variable {URL_VARIABLE})")
    group.add_argument(
        "--server",
        metavar="URL",
        help="smtp://[USER@]HOST[:PORT] (STARTTLS, port 587), smtps://... (TLS, port 465), "
        "smtp://...?tls=none (plaintext, port 25), gmail://USER@gmail.com and other providers, lmtp://..., "
        "file:///FOLDER, sendmail:",
    )
    group.add_argument("--provider", metavar="NAME", help="a name from `rsmtp providers`, such as gmail")
    group.add_argument("--host", help="instead of a URL")
    group.add_argument("--port", type=int, help="default: 587, 465 with --tls implicit, 25 with --tls none")
    group.add_argument("--tls", choices=TLS_MODES, help="default: starttls, or implicit on port 465")
    group.add_argument("--username", "--user", action=one_name, metavar="NAME", help="log in with this name")
    add_mechanism(group)
    add_trust_arguments(group)


def add_mechanism(group: Declares) -> None:
    group.add_argument(
        "--mechanism",
        metavar="NAME",
        help="log in by this one alone, as SCRAM-SHA-256 or PLAIN; GSSAPI takes a Kerberos ticket",
    )


def add_trust_arguments(group: Declares, patience: float = _PATIENCE) -> None:
    group.add_argument("--ca-file", metavar="FILE", help="PEM file with the only authorities to trust")
    group.add_argument(
        "--client-certificate",
        metavar="FILE",
        help="PEM file with a certificate and its key, for a server that knows clients by it (as the login: "
        "--mechanism EXTERNAL)",
    )
    group.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds, help=f"for each step (default: {patience:g})"
    )


class Target:
    """The server to send to, and the arguments of a `Mailer` for it."""

    def __init__(self, server: Server | Local, url: str | None, settings: dict[str, Any]) -> None:
        self.server = server
        self.url = url
        self.settings = settings

    @property
    def place(self) -> Server | None:
        """The server; None if mail goes to a folder or a program."""
        return self.server if isinstance(self.server, Server) else None

    @property
    def username(self) -> str | None:
        return None if self.place is None else self.place.username

    def with_password(self, password: str) -> Target:
        return Target(self.server, self.url, self.settings | {"password": password})

    def mailer(self, **settings: Any) -> Mailer:
        try:
            return Mailer(self.url, retries=0, **self.settings, **settings)
        except ValueError as error:
            raise Stop(USAGE, f"--{error}") from None

    def __str__(self) -> str:
        server = self.server
        if isinstance(server, Local):
            return f"{server.kind}:{server.path or ''}"
        security = {"starttls": "STARTTLS", "implicit": "TLS", "none": "no TLS"}[server.security]
        login = f", as {server.username}" if server.username is not None else ""
        return f"{server.path or f'{server.host}:{server.port}'} ({security}{login})"


def from_arguments(given: argparse.Namespace) -> Target:
    """The server according to flags or the environment. Raises Stop."""
    for name in ("host", "provider"):
        if given.server is not None and getattr(given, name) is not None:
            raise Stop(USAGE, f"--server and --{name} name the server twice: leave one of them out")
    if given.host is not None or given.provider is not None:
        return _from_flags(given)
    for name in ("port", "tls"):
        if getattr(given, name) is not None:
            raise Stop(
                USAGE,
                f"--{name} goes with --host or --provider: in a URL say HOST:PORT, smtps:// or ?tls=none",
            )
    if given.server is not None:
        target = _from_url(given.server, "--server", given)
        if target.place is not None and isinstance(target.place.password, str):
            raise Stop(USAGE, f"--server: {NO_PASSWORD}")
        return target
    if not os.environ.get(URL_VARIABLE):
        raise Stop(
            USAGE,
            f"no server: say --server smtp://HOST or --provider NAME, or set {URL_VARIABLE}. To try things "
            "out, run `rsmtp catch` and send to what it prints",
        )
    return _from_url(os.environ[URL_VARIABLE], URL_VARIABLE, given)


def _from_url(url: str, source: str, given: argparse.Namespace) -> Target:
    settings = _settings(given)
    server = read_url(url, source, **settings)
    if isinstance(server, Local):
        return Target(server, url, {})
    if server.timeout is None:
        settings["timeout"] = _PATIENCE
    return Target(server, url, settings)


def _from_flags(given: argparse.Namespace) -> Target:
    settings = {"timeout": _PATIENCE} | _settings(given)
    settings |= {"host": given.host, "tls": given.tls, "port": given.port or 0}
    if given.provider is not None:
        from rsmtp.cli.providers import named

        settings["provider"] = named(given.provider, "--provider: ")
    settings = {name: value for name, value in settings.items() if value is not None}
    try:
        return Target(Server(**settings), None, settings)
    except ValueError as error:
        raise Stop(USAGE, f"--{error}") from None


def _settings(given: argparse.Namespace) -> dict[str, Any]:
    """Settings that can be combined with a URL and with flags."""
    settings = {"username": given.username, "mechanism": given.mechanism, "timeout": given.timeout}
    if given.ca_file is not None or given.client_certificate is not None:
        settings["context"] = tls_config(given)
    return {name: value for name, value in settings.items() if value is not None}


def tls_config(given: argparse.Namespace) -> TlsConfig:
    """The flags about certificates. Raises Stop."""
    try:
        return TlsConfig(ca_file=given.ca_file, client_certificate=given.client_certificate)
    except ValueError as error:
        name, _, why = str(error).partition(":")
        raise Stop(USAGE, f"--{name.replace('_', '-')}:{why}") from None


def read_url(url: str, source: str, **settings: Any) -> Server | Local:
    """`source` is the name used in errors. They never contain a password of the URL."""
    try:
        return from_url(url.strip(), **settings)
    except ValueError as error:
        raise Stop(USAGE, f"{source}: {str(error).removeprefix('url: ')}") from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < 1e6:
        import argparse

        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds
