"""What a module of `email` has and its mirror has not: private names, mostly, which programs
take all the same."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def of(mirror: str) -> Callable[[str], Any]:
    """A `__getattr__` for the mirror module of that name: the standard library's own."""
    standard = mirror.removeprefix("rsmtp.")

    def get(name: str) -> Any:
        if not name.startswith("__"):
            try:
                return getattr(importlib.import_module(standard), name)
            except AttributeError:
                pass
        raise AttributeError(f"module {mirror!r} has no attribute {name!r}")

    return get
