"""The octets of an argument that names a file, or standard input."""

from __future__ import annotations

import sys

from rsmtp.cli.exit_code import NO_INPUT, Stop
from rsmtp.cli.terminal import harmless


def octets_of(path: str, argument: str = "") -> bytes:
    """The octets of a file; "-" is standard input. Raises Stop, which names the argument if there is a
    choice of several."""
    try:
        if path != "-":
            with open(path, "rb") as file:
                return file.read()
        if sys.stdin.isatty():
            print("Write the message, and Ctrl-D on a line of its own to end it.", file=sys.stderr)
        return sys.stdin.buffer.read()
    except OSError as error:
        where = f"{argument}: " if argument else ""
        raise Stop(NO_INPUT, f"{where}{harmless(path)}: {error.strerror or error}") from None
