"""``rsmtp lint``: what receivers and readers may object to in a message."""

from __future__ import annotations

import argparse
import json

from rsmtp import lint
from rsmtp.cli import findings
from rsmtp.cli.exit_code import OK, PROBLEMS, UNAVAILABLE, USAGE, Stop
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.reading import octets_of
from rsmtp.display.reader import parsed
from rsmtp.email import message_from_bytes

DESCRIPTION = """\
Look at a message before it is sent: its header, its parts, its HTML, its links. Nothing is sent,
and nothing is looked up, but for a spam filter that is named.
"""

EXAMPLES = """\
examples:
  rsmtp lint message.eml
  rsmtp lint message.eml --bulk --fail-on warning
  rsmtp lint - --json < message.eml
  rsmtp lint message.eml --rspamd http://127.0.0.1:11333

exit codes: 0 no such finding, 1 at least one, 2 wrong arguments,
66 the file can't be read, 69 the spam filter does not answer
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "lint", help=summary, description=DESCRIPTION, epilog=EXAMPLES, formatter_class=HelpText
    )
    parser.add_argument("file", metavar="FILE", help="the message, as it goes out; - for standard input")
    parser.add_argument(
        "--unsent", action="store_true", help="rsmtp is still to send it: Date and Message-ID may be missing"
    )
    parser.add_argument("--bulk", action="store_true", help="it is sent to many (default: by its fields)")
    parser.add_argument("--ignore", metavar="RULE", action="append", default=[], help="leave this rule out")
    parser.add_argument(
        "--fail-on",
        choices=("error", "warning", "hint"),
        default="error",
        help="exit with 1 for findings of this severity or above (default: error)",
    )
    parser.add_argument("--rspamd", metavar="URL", help="ask this rspamd for its score")
    parser.add_argument("--spamd", metavar="HOST:PORT", help="ask this SpamAssassin for its score")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    octets = octets_of(given.file)
    try:
        found = lint(
            parsed(octets, message_from_bytes) if given.unsent else octets,
            bulk=True if given.bulk else None,
            ignore=given.ignore,
            rspamd=given.rspamd,
            spamd=given.spamd,
        )
    except ConnectionError as error:
        raise Stop(UNAVAILABLE, f"--{error}") from None
    except ValueError as error:
        raise Stop(USAGE, f"--{error}") from None
    failed = found.at_least(given.fail_on)
    if given.json:
        print(json.dumps({"ok": not failed, "findings": found.to_dicts()}, indent=2, ensure_ascii=False))
    else:
        findings.show(found, places=True)
    return PROBLEMS if failed else OK
