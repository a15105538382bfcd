"""The layout of `--help`: the same as argparse's, with the width of the terminal."""

from __future__ import annotations

import argparse
import os
import sys


class HelpText(argparse.RawDescriptionHelpFormatter):
    """argparse creates a formatter for every argument that is added. Each time it asks `shutil` for the
    width of the terminal, which would load the modules for archives."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _columns() -> int:
    """The width of the terminal, found as in `shutil.get_terminal_size`."""
    try:
        columns = int(os.environ.get("COLUMNS", 0))
        if columns <= 0:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        columns = 0
    return columns if columns > 0 else 80
