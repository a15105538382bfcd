"""What argparse says: the layout of `--help`, with the width of the terminal, and errors that name the
nearest spelling."""

from __future__ import annotations

import argparse
import os
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """argparse tells what is left over in the name of the whole program, whose options are others."""
        given, unknown = super().parse_known_args(args, namespace)
        if unknown:
            near = _meant(unknown[0], re.findall(r"--[\w-]+", self.format_usage()))
            self.error(f"unrecognized arguments: {' '.join(unknown)}{near}")
        return given, unknown

    def error(self, message: str) -> NoReturn:
        if found := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            message += _meant(found[1], re.findall(r"[\w-]+", found[2]))
        super().error(message)


class HelpText(argparse.RawDescriptionHelpFormatter):
    """argparse creates a formatter for every argument that is added. Each time it asks `shutil` for the
    width of the terminal, which would load the modules for archives."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


def _meant(given: str, known: list[str]) -> str:
    from rsmtp._common.arguments import meant

    return meant(given, known)


def _columns() -> int:
    """The width of the terminal, found as in `shutil.get_terminal_size`."""
    try:
        columns = int(os.environ.get("COLUMNS", 0))
        if columns <= 0:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        columns = 0
    return columns if columns > 0 else 80
