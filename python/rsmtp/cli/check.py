"""``rsmtp check``: what a server offers, what is wrong with it, and what to do."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from rsmtp import SMTPHostNotFound
from rsmtp._mailer.servers import Server
from rsmtp.cli import check_json, check_text, exit_code, server
from rsmtp.cli.examine import Found, examine, is_closed
from rsmtp.cli.exit_code import USAGE, Stop
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.judge import Finding, judge
from rsmtp.cli.terminal import Style

PORTS = (587, 465, 25)
PATIENCE = 15.0

DESCRIPTION = """\
Look at a mail server: its addresses, greeting, encryption, certificate, ways to log in
and extensions, in words; then what is wrong and what to do. It sends no mail and does not
log in. Without a port, those for submission (587, 465) and for relaying (25) are looked
at.
"""

EXAMPLES = """\
examples:
  rsmtp check smtp.example.com
  rsmtp check smtp.example.com:587
  rsmtp check [2001:db8::25]:25 --tls starttls
  rsmtp check --json smtp.example.com | jq '.ports[].certificate.days_left'

exit codes:
  0    nothing is wrong               75   no answer in time
  1    something is: the report says  76   what answers does not speak SMTP
  2    wrong arguments                78   TLS failed, or the certificate can't be trusted
  68   host not found                 130  Ctrl-C
  69   no server there
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "check",
        help=summary,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=HelpText,
    )
    parser.add_argument("server", metavar="HOST[:PORT]", help="or a URL: smtp://..., smtps://...")
    parser.add_argument(
        "--tls",
        choices=["auto", *server.TLS_MODES],
        default="auto",
        help="auto: STARTTLS where it is offered, TLS from the first octet on port 465",
    )
    parser.add_argument("--json", action="store_true", help="the same for programs")
    server.add_trust_arguments(parser, PATIENCE)
    parser.set_defaults(run=run, timeout=PATIENCE)


def run(given: argparse.Namespace) -> int:
    host, port, tls = target(given.server, given.tls)
    now, style, looked = datetime.now(UTC), Style(), []
    for each in (port,) if port else PORTS:
        found = examine(host, each, tls, ca_file=given.ca_file, timeout=given.timeout)
        findings = judge(found, now)
        looked.append((found, findings))
        if not given.json:
            print(check_text.render(found, findings, now, style), flush=True)
        if isinstance(found.error, SMTPHostNotFound):
            break
    # A closed port is none of the server's faults where another one is open.
    judged = [pair for pair in looked if not is_closed(pair[0])] or looked[:1]
    code = max((_code(found, findings) for found, findings in judged), default=exit_code.OK)
    if given.json:
        print(json.dumps(check_json.report(host, looked, now, ok=code == exit_code.OK), indent=2))
    return code


def _code(found: Found, findings: list[Finding]) -> int:
    if found.error is not None:
        return exit_code.of(found.error)
    if found.certificate is not None and found.certificate.problem is not None:
        return exit_code.TLS
    return exit_code.PROBLEMS if any(finding.is_problem for finding in findings) else exit_code.OK


def target(text: str, tls: str) -> tuple[str, int | None, str]:
    """Host, port and kind of TLS from HOST, HOST:PORT, [IPv6]:PORT, an IPv6 address or
    a URL. Raises Stop."""
    if "://" in text:
        named = server.read_url(text, "server")
        if not isinstance(named, Server) or named.path is not None:
            raise Stop(USAGE, f"{text}: only SMTP servers can be looked at, smtp:// and smtps://")
        modes = {"implicit": "implicit", "starttls": "auto", "default": "auto", "none": "none"}
        return named.host, named.port, modes[named.tls or ""] if tls == "auto" else tls
    if text.count(":") > 1 and not text.startswith("["):
        return text, None, tls
    host, colon, digits = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    elif not (digits.isascii() and digits.isdigit() and 0 < int(digits[:6]) < 65536):
        raise Stop(USAGE, f"{text}: HOST:PORT is wanted, with a port from 1 to 65535")
    host = host.removeprefix("[").removesuffix("]")
    if not host or any(character.isspace() or character in "/@" for character in host):
        raise Stop(USAGE, f"{text!r} is not a host name or an address")
    return host, int(digits) if colon else None, tls
