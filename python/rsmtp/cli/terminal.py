"""Text for a terminal: colour if it is wanted, and untrusted text made harmless."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_COLOURS = {"good": "32", "bad": "31", "doubtful": "33", "bold": "1", "dim": "2"}


def harmless(text: str) -> str:
    """Makes control characters visible, so that untrusted text can't control the terminal."""
    return "".join(
        character if character.isprintable() or character == "\t" else ascii(character)[1:-1]
        for character in text
    )


class Style:
    """Colours text on a terminal, unless NO_COLOR is set (no-color.org)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = sys.stdout if stream is None else stream
        dumb = os.environ.get("TERM") == "dumb"
        self._coloured = stream.isatty() and not os.environ.get("NO_COLOR") and not dumb

    def __call__(self, kind: str, text: str) -> str:
        """`kind` is "good", "bad", "doubtful", "bold" or "dim"."""
        return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m" if self._coloured else text
