"""The octets of an argument that names a file, or standard input; and files that can't be read."""

from __future__ import annotations

import os
import stat
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
        if sys.stdin is None:
            raise Stop(NO_INPUT, "standard input is closed, and the message was to be read from it")
        if sys.stdin.isatty():
            print("Write the message, and Ctrl-D on a line of its own to end it.", file=sys.stderr)
        return sys.stdin.buffer.read()
    except OSError as error:
        where = f"{argument}: " if argument else ""
        raise Stop(NO_INPUT, f"{where}{harmless(path)}: {error.strerror or error}") from None


def expect_file(path: str) -> None:
    """Raises Stop unless there is a file by this name, which this user may look at."""
    # `Path.is_file` raises where a folder may not be searched; since CPython 3.14 it answers False there.
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise Stop(NO_INPUT, f"{harmless(path)}: there is no such file") from None
    except OSError as error:
        raise Stop(NO_INPUT, f"{harmless(path)}: {error.strerror or error}") from None
    if not is_file:
        raise Stop(NO_INPUT, f"{harmless(path)}: it is no regular file")


def not_read(error: OSError, **flags: str) -> Stop:
    """What is told of a file that could not be read. `flags`: how the command line calls the arguments that
    the error may name."""
    words = error.strerror or str(error)
    argument, _, why = words.partition(": ")
    name = f"{error.filename}: " if error.filename else ""
    flag = flags.get(argument)
    return Stop(NO_INPUT, harmless(f"{flag}: {name}{why}" if flag else f"{name}{words}"))
