"""The command line. Each command is a module with ``add_to`` and a function
that takes the parsed arguments and returns the exit code."""

import argparse
from collections.abc import Sequence

from rsmtp import _catch, demo

COMMANDS = (_catch, demo)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="rsmtp", description="Send email, and see it arrive.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    given = parser.parse_args(arguments)
    return int(given.run(given))
