"""``rsmtp check --domain`` and ``--mx``: what a domain publishes for its mail."""

from __future__ import annotations

import argparse
import json

from rsmtp import DomainReport, check_domain
from rsmtp._domain import servers
from rsmtp._domain.dns import Asker, NotAnswered
from rsmtp.cli import findings
from rsmtp.cli.exit_code import OK, PROBLEMS, UNAVAILABLE, USAGE, Stop
from rsmtp.cli.terminal import Style, harmless
from rsmtp.display.findings import records

# Options that go with --domain, by the argument of `check_domain`. That of the name servers goes with --mx
# as well.
OPTIONS = {
    "from_": "--from",
    "selectors": "--selector",
    "ip": "--ip",
    "helo": "--helo",
    "blocklists": "--blocklist",
}


def add_to(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("a domain, instead of a server (pip install 'rsmtp[domain]')")
    group.add_argument(
        "--domain", metavar="DOMAIN", help="what it publishes: SPF, DKIM, DMARC, MX, MTA-STS ..."
    )
    group.add_argument("--mx", metavar="DOMAIN", help="the servers that take its mail, each at port 25")
    group.add_argument(
        "--from", dest="from_", metavar="ADDRESS", help="the address in From (default: the domain)"
    )
    group.add_argument(
        "--selector", dest="selectors", metavar="NAME", action="append", help="a DKIM key that signs"
    )
    group.add_argument("--ip", metavar="ADDRESS", help="the address that mail is sent from")
    group.add_argument("--helo", metavar="NAME", help="the name given in EHLO")
    group.add_argument(
        "--blocklist", dest="blocklists", metavar="ZONE", action="append", help="ask this list about --ip"
    )
    group.add_argument(
        "--nameserver", dest="nameservers", metavar="ADDRESS", action="append", help="ask this name server"
    )


def refuse_options(given: argparse.Namespace) -> None:
    """Raises Stop for an option of a domain, where none is checked."""
    for name, option in OPTIONS.items():
        if getattr(given, name) is not None:
            raise Stop(USAGE, f"{option} goes with --domain")
    if given.nameservers is not None and given.mx is None:
        raise Stop(USAGE, "--nameserver goes with --domain or --mx")


def run(given: argparse.Namespace) -> int:
    wanted = (*OPTIONS, "nameservers", "timeout")
    asked = {name: value for name in wanted if (value := getattr(given, name)) is not None}
    try:
        report = check_domain(given.domain, **asked)
    except ValueError as error:
        name, _, words = str(error).partition(": ")
        option = OPTIONS.get(name, f"--{name.removesuffix('s')}")
        raise Stop(USAGE, f"{option}: {words.replace('say ip=', 'say --ip')}") from None
    except ImportError as error:
        raise Stop(UNAVAILABLE, str(error).replace("check_domain()", "--domain")) from None
    if given.json:
        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=False))
    else:
        _print(report)
    return OK if report.ok else PROBLEMS


def _print(report: DomainReport) -> None:
    style = Style()
    print(style("bold", harmless(report.domain)), end="\n\n")
    for name, value in records(report.facts):
        print(f"  {style('dim', name.ljust(14))}{harmless(value)}")
    print()
    findings.show(report.findings, places=False)


def hosts_of(given: argparse.Namespace, patience: float) -> list[str]:
    """The servers that accept the domain's mail, the preferred one first. Raises Stop."""
    try:
        dns = Asker(given.nameservers, patience)
        found = [host for _, host in servers.hosts(dns, given.mx)]
    except NotAnswered as error:
        raise Stop(UNAVAILABLE, f"--mx: {error}") from None
    except ValueError as error:
        raise Stop(USAGE, f"--{error}") from None
    except ImportError as error:
        raise Stop(UNAVAILABLE, str(error).replace("check_domain()", "--mx")) from None
    if found == [""]:
        print(f"{harmless(given.mx)} takes no mail: it publishes the null MX (RFC 7505)")
        raise Stop(PROBLEMS, f"{harmless(given.mx)}: no server to look at")
    # A domain without MX records is its own server (RFC 5321 section 5.1).
    return found or [given.mx]
