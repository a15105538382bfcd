"""How `--help` is laid out: as argparse does it, as wide as the terminal."""

from __future__ import annotations

import argparse
import os
import sys


class HelpText(argparse.RawDescriptionHelpFormatter):
    """argparse makes one for every argument that is added, and asks `shutil` each time how wide the
    terminal is, which loads all that archives are packed with."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """As `shutil.get_terminal_size` finds them."""
    try:
        columns = int(os.environ.get("COLUMNS", 0))
        if columns <= 0:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        columns = 0
    return columns if columns > 0 else 80
