"""An option with two spellings: `--username` and `--user`."""

from __future__ import annotations

import argparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class OneName(argparse.Action):
    """Accepts one value, with either spelling."""

    def __call__(
        self, parser: argparse.ArgumentParser, given: argparse.Namespace, name: Any, option: str | None = None
    ) -> None:
        if getattr(given, self.dest) is not None:
            parser.error(f"{' and '.join(self.option_strings)} are the same option: give it once")
        setattr(given, self.dest, name)
