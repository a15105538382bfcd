"""``rsmtp bounce``: what a report says that came back, and the outbox that it is about."""

from __future__ import annotations

import argparse
import json
import sys

from rsmtp import Bounce, bounce
from rsmtp.cli import exit_code, returns
from rsmtp.cli.exit_code import Stop
from rsmtp.cli.explain import wrapped
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.reading import octets_of
from rsmtp.cli.terminal import Style, harmless

DESCRIPTION = """\
Read reports about mail that was sent: bounces and other delivery reports, complaints, receipts of
reading, and automatic replies. With --outbox, mark their recipients there, and suppress those
that should get no more mail.
"""

EXAMPLES = """\
examples:
  rsmtp bounce returned.eml
  rsmtp bounce --json Maildir/new/* | jq -r '.recipients[] | select(.hardness == "hard").address'
  rsmtp bounce --outbox mail.db --verp bounces@example.com - < returned.eml

exit codes:
  0    each one is a report             66   a file can't be read
  1    one of them is none              2    wrong arguments
"""

_COLOURS = {"hard": "bad", "refused": "bad", "soft": "doubtful", "none": "good"}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "bounce", help=summary, description=DESCRIPTION, epilog=EXAMPLES, formatter_class=HelpText
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="a message; - is standard input")
    parser.add_argument("--json", action="store_true", help="for programs: a line for each report")
    parser.add_argument("--outbox", metavar="OUTBOX", help="the file that the messages were sent from")
    returns.add_verp(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    if given.verp is not None and given.outbox is None:
        raise Stop(exit_code.USAGE, "--verp says whose reports are marked in an --outbox, which is missing")
    verp = returns.verp_from(given)
    outbox = None if given.outbox is None else returns.outbox_of(given.outbox)
    code = exit_code.OK
    for name in given.files:
        found = bounce(octets_of(name))
        if found is None:
            print(f"rsmtp: {harmless(name)}: not a report about a message", file=sys.stderr)
            code = exit_code.PROBLEMS
            continue
        applied = None if outbox is None else outbox.bounced(found, verp=verp)
        if given.json:
            told = found.to_dict()
            if applied is not None:
                told["applied"] = [one._asdict() for one in applied.applied]
            print(json.dumps(told))
            continue
        _show(found)
        if applied is not None:
            print(f"  outbox      {harmless('; '.join(str(applied).splitlines()))}")
    return code


def _show(found: Bounce) -> None:
    style = Style()
    print(style("bold", f"{found.kind} ({found.form})"))
    facts = (("message id", found.message_id), ("envid", found.envid), ("reported by", found.reporter))
    for name, value in facts:
        if value:
            print(f"  {style('dim', name.ljust(11))} {harmless(value)}")
    for one in found.recipients:
        fate = one.action if one.hardness == "none" else f"{one.action}, {one.hardness}"
        print(f"  {style(_COLOURS[one.hardness], fate.ljust(15))}  {harmless(one.sent_to)}")
        words = " ".join(filter(None, (one.status, one.diagnostic)))
        for line in wrapped(harmless(words), " " * 6) + wrapped(str(one.advice or ""), " " * 6):
            print(line)
