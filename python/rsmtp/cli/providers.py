"""``rsmtp providers``: which ones are known by name, and what is known of them."""

from __future__ import annotations

import argparse
import json
import textwrap

from rsmtp import providers
from rsmtp.cli.exit_code import OK, USAGE, Stop
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.terminal import Style
from rsmtp.providers import words
from rsmtp.providers.provider import Provider

DESCRIPTION = """\
List the providers that rsmtp knows by name, or show what it knows about some of them: server, login,
limits, and the sources of these facts. You can use their names as --provider NAME, in URLs
(gmail://ann@gmail.com) and in `rsmtp check NAME`.
"""

EXAMPLES = """\
examples:
  rsmtp providers
  rsmtp providers gmail ses-eu-west-1
  rsmtp providers --json | jq -r '.[] | select(.recipients) | [.name, .recipients] | @tsv'
"""

_KEY = 10
_WIDTH = 96


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "providers",
        help=summary,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=HelpText,
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="or the domain of an address")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    rows = [named(name) for name in given.names] or list(providers.PROVIDERS.values())
    if given.json:
        print(json.dumps([words.as_json(row) for row in rows], indent=2))
    elif given.names:
        print("\n\n".join(described(row, Style()) for row in rows))
    else:
        width = max(len(row.name) for row in rows)
        for row in rows:
            print(f"{row.name.ljust(width)}  {row.title}")
    return OK


def named(name: str, argument: str = "") -> Provider:
    """The provider with this name. Raises Stop, which names the argument."""
    try:
        return providers.find(name)
    except ValueError as error:
        words = str(error).removeprefix("provider: ").replace("host=", "--host")
        raise Stop(USAGE, f"{argument}{words}") from None


def described(row: Provider, style: Style) -> str:
    lines = [style("bold", f"{row.name}: {row.title}")]
    for key, value in words.facts(row):
        # Addresses are not split across lines.
        parts = textwrap.wrap(value, _WIDTH - _KEY - 2, break_long_words=False, break_on_hyphens=False)
        for number, part in enumerate(parts):
            lines.append(f"  {style('dim', ('' if number else key).ljust(_KEY))}{part}")
    return "\n".join(lines)
