"""The command line. Each command is a module with ``add_to``, which adds the command's
arguments and sets ``run``: a function that takes the parsed arguments and returns the exit code. With
``declare``, which only declares them, a plain command line is read without argparse (`rsmtp.cli.plain`).
The module is loaded when the command is used."""

from __future__ import annotations

import sys

from rsmtp import __version__, _load
from rsmtp.cli import exit_code
from rsmtp.cli.exit_code import Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

# The module of each command, and its line in `rsmtp --help`.
COMMANDS = {
    "send": ("rsmtp.cli.send", "send a message"),
    "merge": ("rsmtp.cli.merge", "send a message for each row of a CSV file"),
    "outbox": ("rsmtp.cli.outbox", "send the messages in an outbox file, and manage them"),
    "bounce": ("rsmtp.cli.bounce", "read what came back, and mark it in an outbox"),
    "dkim": ("rsmtp.cli.dkim", "make a key that signs mail, and its record in the DNS"),
    "lint": ("rsmtp.cli.lint", "check a message for what its receivers may object to"),
    "check": ("rsmtp.cli.check", "find out what a server offers and what is wrong with it"),
    "providers": ("rsmtp.cli.providers", "list the providers that are known by name, and their limits"),
    "catch": ("rsmtp.cli.catch", "run a local mail server that shows what arrives"),
    "demo": ("rsmtp.demo", "send a message to a local server and show the conversation"),
    "completion": ("rsmtp.cli.completion", "print a completion script"),
}

_VERSION = f"rsmtp {__version__}"

EXAMPLES = """\
examples:
  rsmtp demo                                  watch a message travel, nothing leaves this machine
  rsmtp check smtp.example.com                what a server offers, and what is wrong with it
  rsmtp send --server smtp://ann@smtp.example.com --from ann@example.com \\
             --to bob@example.org --subject Hello --text "It works."
  rsmtp providers                             servers that are known by name, such as gmail
  rsmtp catch                                 a local server that shows what arrives

See `rsmtp COMMAND --help` for more examples.
"""


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """A parser for all commands, for the completion scripts, or for one command, for `main`."""
    from rsmtp.cli.help_text import HelpText, Parser

    parser = Parser(
        prog="rsmtp",
        description="Send email, and see it arrive.",
        epilog=EXAMPLES,
        formatter_class=HelpText,
    )
    parser.add_argument("--version", action="version", version=_VERSION)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (home, summary) in COMMANDS.items():
        if only is None or name == only:
            _load(home).add_to(commands, summary)
        else:
            commands.add_parser(name, help=summary, formatter_class=HelpText)
    return parser


def _plain(words: Sequence[str]) -> Any:
    """The arguments of a command that argparse is not needed for, if it can be spared here."""
    home, _ = COMMANDS.get(words[0] if words else "", ("", ""))
    declare = getattr(_load(home), "declare", None) if home else None
    if declare is None:
        return None
    from rsmtp.cli.plain import Plain

    return Plain(declare).read(words[1:])


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (`rsmtp.cli.exit_code`)."""
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from rsmtp.cli.terminal import hold_closed_streams

        hold_closed_streams()
    try:
        try:
            words = sys.argv[1:] if arguments is None else arguments
            if words == ["--version"]:  # scripts use it, and argparse takes longer than all the rest
                print(_VERSION)
                return exit_code.OK
            if (plain := _plain(words)) is not None:
                return int(plain.run(plain))
            command = parser(next((word for word in words if not word.startswith("-")), ""))
            given = command.parse_args(words)
            if "run" not in given:
                command.print_help(sys.stderr)
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
        # The program that reads our output has ended.
        from rsmtp.cli.terminal import discard_output

        discard_output()
        return exit_code.BROKEN_PIPE
    except Exception as error:
        # The class is loaded if one was raised.
        credentials = sys.modules.get("rsmtp.credentials.base")
        if credentials is None or not isinstance(error, credentials.CredentialError):
            raise
        print(f"rsmtp: {error}", file=sys.stderr)
        return exit_code.NO_PERMISSION
