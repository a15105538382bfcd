"""An option with two spellings: `--username` and `--user`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


def _one_name(**declared: Any) -> argparse.Action:
    """Accepts one value, with either spelling."""
    import argparse

    class OneName(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            given: argparse.Namespace,
            name: Any,
            option: str | None = None,
        ) -> None:
            if getattr(given, self.dest) is not None:
                parser.error(f"{' and '.join(self.option_strings)} are the same option: give it once")
            setattr(given, self.dest, name)

    return OneName(**declared)


#: An action of argparse, which is loaded when it is used. argparse takes any callable, and type checkers
#: only a class.
one_name: Any = _one_name
