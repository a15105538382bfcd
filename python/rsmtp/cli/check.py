"""``rsmtp check``: what a server offers, what is wrong with it, and what to do."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from rsmtp import SMTPHostNotFound, providers
from rsmtp._mailer.servers import Server
from rsmtp.cli import check_domain, check_json, check_text, exit_code, server
from rsmtp.cli.examine import Found, Trial, examine, is_closed
from rsmtp.cli.exit_code import USAGE, Stop
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.judge import RELAY, Finding, judge
from rsmtp.cli.one_name import one_name
from rsmtp.cli.providers import described
from rsmtp.cli.secret import password_for, takes_secret
from rsmtp.cli.terminal import Style
from rsmtp.providers.provider import Provider
from rsmtp.providers.words import as_json

PORTS = (587, 465, RELAY)
PATIENCE = 15.0
# Arguments that a domain has no use for.
_OF_SERVERS = ("tls", "login", "username", "mechanism", "ca_file", "client_certificate")

DESCRIPTION = """\
Examine a mail server: show its addresses, greeting, encryption, certificate, login mechanisms
and extensions in words, then what is wrong and what to do. It sends no mail, and logs in
only with --login: the password comes from RSMTP_PASSWORD or the keyring, or you are asked for it.
Without a port, it tries those for submission (587, 465) and, without --login, the one for
relaying (25).
"""

EXAMPLES = """\
examples:
  rsmtp check smtp.example.com
  rsmtp check smtp.example.com:587
  rsmtp check [2001:db8::25]:25 --tls starttls
  rsmtp check --login --username ann smtp.example.com
  rsmtp check gmail                           a provider by name, and its limits
  rsmtp check --domain example.com --selector s2026 --ip 192.0.2.1
  rsmtp check --mx example.com                the servers that take its mail
  rsmtp check --json smtp.example.com | jq '.ports[].certificate.days_left'

exit codes:
  0    nothing is wrong               75   no answer in time
  1    something is wrong, see report 76   the server does not speak SMTP
  2    wrong arguments                77   login refused, or no password
  68   host not found                 78   TLS failed, or the certificate can't be trusted
  69   there is no server             130  Ctrl-C
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "check",
        help=summary,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=HelpText,
    )
    parser.add_argument(
        "server",
        metavar="HOST[:PORT]",
        nargs="?",
        help="or a URL: smtp://..., smtps://...; or the name of a provider: gmail (see `rsmtp providers`)",
    )
    parser.add_argument(
        "--tls",
        choices=["auto", *server.TLS_MODES],
        default="auto",
        help="auto: STARTTLS if the server offers it; on port 465, TLS from the first octet",
    )
    parser.add_argument("--login", action="store_true", help="also log in; no mail is sent")
    parser.add_argument(
        "--username",
        "--user",
        action=one_name,
        metavar="NAME",
        help="user name, if the URL has none",
    )
    server.add_mechanism(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    server.add_trust_arguments(parser, PATIENCE)
    check_domain.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    wanted = [one for one in (given.server, given.domain, given.mx) if one is not None]
    if len(wanted) != 1:
        raise Stop(USAGE, "HOST[:PORT], --domain DOMAIN or --mx DOMAIN: one of them is wanted")
    if given.domain is not None:
        for name in _OF_SERVERS:
            if getattr(given, name) not in (None, False, "auto"):
                raise Stop(USAGE, f"--{name.replace('_', '-')} goes with a server, not with --domain")
        return check_domain.run(given)
    check_domain.refuse_options(given)
    if given.mx is not None:
        if given.json:
            raise Stop(USAGE, "--mx tells of several servers: --json is for one, HOST:25")
        hosts = check_domain.hosts_of(given, _patience(given))
        return max(_look_at(Target(host, RELAY, given.tls), given) for host in hosts)
    return _look_at(target(given.server, given.tls), given)


def _look_at(named: Target, given: argparse.Namespace) -> int:
    host, now, style, looked = named.host, datetime.now(UTC), Style(), []
    trial = Trial(named.tls, server.tls_config(given), _patience(given), _login(named, given))
    for port in _ports(named, given):
        found = examine(host, port, trial)
        findings = judge(found, now)
        looked.append((found, findings))
        if not given.json:
            print(check_text.render(found, findings, now, style), flush=True)
        if isinstance(found.error, SMTPHostNotFound):
            break
    if named.provider is not None and not given.json:
        print(described(named.provider, style), end="\n\n")
    # If one port is open, it is not a fault that another is closed.
    judged = [pair for pair in looked if not is_closed(pair[0])] or looked[:1]
    code = max((_code(found, findings) for found, findings in judged), default=exit_code.OK)
    if given.json:
        report = check_json.report(host, looked, now, ok=code == exit_code.OK)
        report["provider"] = None if named.provider is None else as_json(named.provider)
        print(json.dumps(report, indent=2))
    return code


def _patience(given: argparse.Namespace) -> float:
    patience: float = PATIENCE if given.timeout is None else given.timeout
    return patience


def _code(found: Found, findings: list[Finding]) -> int:
    if found.error is not None:
        return exit_code.of(found.error)
    if found.certificate is not None and found.certificate.problem is not None:
        return exit_code.TLS
    return exit_code.PROBLEMS if any(finding.is_problem for finding in findings) else exit_code.OK


class Target(NamedTuple):
    """What to examine."""

    host: str
    port: int | None
    tls: str
    username: str | None = None
    # If the URL says where the secret is kept, this is a callable; otherwise the secret itself.
    password: Any = None
    access_token: Any = None
    mechanism: str | None = None
    provider: Provider | None = None


def _ports(named: Target, given: argparse.Namespace) -> tuple[int, ...]:
    if named.port is not None:
        return (named.port,)
    # Port 25, between servers, has no login.
    return tuple(port for port in PORTS if port != RELAY or not given.login)


def _login(named: Target, given: argparse.Namespace) -> dict[str, Any] | None:
    """The login, as the arguments of a client's `login`. Raises Stop."""
    username = given.username if given.username is not None else named.username
    if not given.login:
        for flag in ("username", "mechanism"):
            if getattr(given, flag) is not None:
                raise Stop(USAGE, f"--{flag} needs --login: without it, nothing logs in")
        return None
    mechanism = given.mechanism if given.mechanism is not None else named.mechanism
    if not takes_secret(mechanism):
        return {"username": username, "mechanism": mechanism}
    if isinstance(named.password, str):
        raise Stop(USAGE, f"--login: {server.NO_PASSWORD}")
    if username is None:
        raise Stop(USAGE, "--login: the user name is missing; use --username NAME, or smtp://NAME@HOST")
    if named.access_token is not None:
        return {"username": username, "access_token": named.access_token, "mechanism": mechanism}
    password = named.password or password_for(Server(host=named.host, username=username))
    return {"username": username, "password": password, "mechanism": mechanism}


def target(text: str, tls: str) -> Target:
    """From HOST, HOST:PORT, [IPv6]:PORT, an IPv6 address, a URL or a provider's name. Raises Stop."""
    if "://" in text:
        named = server.read_url(text, "server")
        if not isinstance(named, Server) or named.path is not None:
            raise Stop(USAGE, f"{text}: only SMTP servers can be checked (smtp:// and smtps://)")
        modes = {"implicit": "implicit", "starttls": "auto", "default": "auto", "none": "none"}
        mode = modes[named.tls or ""] if tls == "auto" else tls
        secrets = named.password, named.access_token
        return Target(named.host, named.port, mode, named.username, *secrets, named.mechanism, named.provider)
    if row := providers.by_name(text):
        return Target(row.host, row.port, tls, row.username, provider=row)
    if text.count(":") > 1 and not text.startswith("["):
        return Target(text, None, tls)
    host, colon, digits = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    elif not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 65536):
        raise Stop(USAGE, f"{text}: expected HOST:PORT, with a port from 1 to 65535")
    host = host.removeprefix("[").removesuffix("]")
    if not host or any(character.isspace() or character in "/@" for character in host):
        raise Stop(USAGE, f"{text!r} is not a host name or an address")
    return Target(host, int(digits) if colon else None, tls)
