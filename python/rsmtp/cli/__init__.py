"""The command line. Each command is a module with ``add_to``, which says what it
takes and sets ``run``: a function of the parsed arguments that returns the exit code."""

import argparse
import os
import sys
from collections.abc import Sequence

from rsmtp import __version__, demo
from rsmtp.cli import catch, check, completion, exit_code, outbox, send
from rsmtp.cli.exit_code import Stop

COMMANDS = (send, outbox, check, catch, demo, completion)

EXAMPLES = """\
examples:
  rsmtp demo                                  watch a message travel, nothing leaves this machine
  rsmtp check smtp.example.com                what a server offers, and what is wrong with it
  rsmtp send --server smtp://ann@smtp.example.com --from ann@example.com \\
             --to bob@example.org --subject Hello --text "It works."
  rsmtp catch                                 a local server that shows what arrives

rsmtp COMMAND --help has more of them.
"""


def parser() -> argparse.ArgumentParser:
    """What every command takes: for `main`, and for the completion scripts."""
    parser = argparse.ArgumentParser(
        prog="rsmtp",
        description="Send email, and see it arrive.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rsmtp {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (`rsmtp.cli.exit_code`)."""
    try:
        try:
            given = parser().parse_args(arguments)
            if "run" not in given:
                parser().print_help(sys.stderr)
                return exit_code.USAGE
            return int(given.run(given))
        finally:
            sys.stdout.flush()
    except Stop as stop:
        print(f"rsmtp: {stop}", file=sys.stderr)
        return stop.code
    except KeyboardInterrupt:
        return exit_code.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; Python must not try to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_code.BROKEN_PIPE
