"""Text for a terminal: colour if it is wanted, and untrusted text made harmless."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_COLOURS = {"good": "32", "bad": "31", "doubtful": "33", "bold": "1", "dim": "2"}


def harmless(text: str) -> str:
    """Makes control characters visible, so that untrusted text can't control the terminal."""
    return "".join(
        character if character.isprintable() or character == "\t" else ascii(character)[1:-1]
        for character in text
    )


def hold_closed_streams() -> None:
    """A standard stream that is closed (`>&-`) gives its number to the next socket or file, and what a
    library prints would go there. Printing to it does nothing; `octets_of` refuses to read it."""
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def discard_output() -> None:
    """Python must not try to write the rest at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell_fates(tell: Callable[[], None]) -> None:
    """Prints what became of mail, by calling `tell`. If that can't be written, to a full disk or a pipe
    that was closed, it became that nevertheless: the exit code says so, and a script does not send it
    again."""
    try:
        tell()
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"rsmtp: standard output: {error.strerror}", file=sys.stderr)
        discard_output()


class Style:
    """Colours text on a terminal, unless NO_COLOR is set (no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stdout if stream is None else stream
        dumb = os.environ.get("TERM") == "dumb"
        self._coloured = stream.isatty() and not os.environ.get("NO_COLOR") and not dumb

    def __call__(self, kind: str, text: str) -> str:
        """`kind` is "good", "bad", "doubtful", "bold" or "dim"."""
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self._coloured else text
