"""``rsmtp dkim``: a new key and its record in the DNS, or the record of a key that is there."""

from __future__ import annotations

import argparse
import contextlib
import os
import time

from rsmtp import Dkim
from rsmtp._rsmtp import _new_dkim_key
from rsmtp.cli import signing
from rsmtp.cli.exit_code import NO_INPUT, OK, USAGE, Stop
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.terminal import Style, harmless

DESCRIPTION = """\
Keys that sign mail (DKIM, RFC 6376).

  new      make a key for a domain, write it to a file that only you can read, and print the
           record to publish in the DNS
  record   print the record of the key in a file, made here or by another program

Once the record is published, sign with --dkim-key of `rsmtp send` and `rsmtp outbox run`, or in a
program with rsmtp.Mailer(..., dkim=rsmtp.Dkim(DOMAIN, SELECTOR, FILE)).
"""

EXAMPLES = """\
examples:
  rsmtp dkim new example.com
  rsmtp dkim new example.com --selector mail --key /etc/mail/dkim.pem
  rsmtp dkim new example.com --type ed25519       beside an RSA key, not instead of one
  rsmtp dkim record example.com --selector mail --key /etc/mail/dkim.pem
"""

_TYPES = {"rsa": "rsa-sha256", "ed25519": "ed25519-sha256"}
_BITS = (2048, 3072, 4096)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "dkim", help=summary, description=DESCRIPTION, epilog=EXAMPLES, formatter_class=HelpText
    )
    parser.add_argument("action", choices=tuple(_ACTIONS), metavar="ACTION", help=", ".join(_ACTIONS))
    parser.add_argument("domain", metavar="DOMAIN", help="the domain that signs")
    parser.add_argument("--selector", metavar="NAME", help="new: default: this month, such as s202611")
    parser.add_argument(
        "--key", metavar="FILE", help="the private key (default for new: SELECTOR.DOMAIN.pem in this folder)"
    )
    parser.add_argument("--type", choices=tuple(_TYPES), help="new: the type of the key (default: rsa)")
    parser.add_argument("--bits", type=int, choices=_BITS, help="new: size of an RSA key (default: 2048)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    return _ACTIONS[given.action](given)


def _new(given: argparse.Namespace) -> int:
    if given.type == "ed25519" and given.bits is not None:
        raise Stop(USAGE, "--bits is for RSA keys: Ed25519 keys have one length")
    selector = given.selector or time.strftime("s%Y%m")
    pem = _new_dkim_key(_TYPES[given.type or "rsa"], given.bits or 2048)
    try:
        # An error in the names is found before anything is written.
        dkim = Dkim(given.domain, selector, pem)
    except ValueError as error:
        raise Stop(USAGE, str(error)) from None
    path = given.key or f"{dkim.selector}.{dkim.domain}.pem"
    _write(path, pem)
    style = Style()
    print(f"{style('dim', 'key   ')}  {harmless(path)}, which only you can read: keep a copy in a safe place")
    _publish(dkim)
    if dkim.algorithm == "ed25519-sha256":
        print("Not every receiver reads Ed25519 signatures: sign with an RSA key as well.")
    return OK


def _write(path: str, pem: str) -> None:
    """Writes the key to a new file that only its owner can read."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Stop(
            NO_INPUT,
            f"--key: {harmless(path)} is there already, and a key in use must not be lost: name another file",
        ) from None
    except OSError as error:
        raise Stop(NO_INPUT, f"--key: {harmless(path)}: {error.strerror}") from None
    try:
        with open(number, "w", encoding="ascii") as file:
            file.write(pem)
    except BaseException as error:
        # An incomplete key is useless.
        with contextlib.suppress(OSError):
            os.unlink(path)
        if isinstance(error, OSError):
            raise Stop(NO_INPUT, f"--key: {harmless(path)}: {error.strerror}") from None
        raise


def _record(given: argparse.Namespace) -> int:
    for name, value in (("type", given.type), ("bits", given.bits)):
        if value is not None:
            raise Stop(USAGE, f"--{name} is for `rsmtp dkim new`: the key in the file has its own")
    if given.selector is None or given.key is None:
        missing = "selector" if given.selector is None else "key"
        raise Stop(USAGE, f"--{missing} is missing: `rsmtp dkim record DOMAIN --selector NAME --key FILE`")
    _publish(signing.made(given.domain, given.selector, given.key, ""))
    return OK


def _publish(dkim: Dkim) -> None:
    record, style = dkim.dns_record(), Style()
    print("Publish this TXT record:")
    print(f"{style('dim', 'name  ')}  {record.name}")
    print(f"{style('dim', 'value ')}  {record.value}")
    print("In a zone file:")
    print(record)


_ACTIONS = {"new": _new, "record": _record}
