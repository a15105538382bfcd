"""Libraries that not every sender needs: each belongs to an extra of the package."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def library(name: str, extra: str, wanted_by: str) -> Any:
    """The module of this name. Raises ImportError that says what needs it and how to get it."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as missing:
        package = missing.name or name
        raise ImportError(
            f"{wanted_by} needs {package}: pip install 'rsmtp[{extra}]'", name=package
        ) from missing
