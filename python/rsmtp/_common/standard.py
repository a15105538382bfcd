"""Modules of the standard library, also where a program has put something else in their places in
`sys.modules`: our mirrors, so that other packages send by them, or a test's doubles. A mirror would
ask itself there, and a double has no classes to derive from."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_found: dict[str, ModuleType] = {}


def standard(name: str) -> ModuleType:
    """The module with this name. It is loaded if it is not yet."""
    if name not in _found:
        _found[name] = _loaded(name) if _is_in_place(name) else _loaded_beside(name)
    return _found[name]


def _loaded(name: str) -> ModuleType:
    return __import__(name, fromlist=("__name__",))


def _is_in_place(name: str) -> bool:
    there = sys.modules.get(name)
    return there is None or (type(there) is type(sys) and there.__name__ == name and len(vars(there)) > _BARE)


# What a module has that nothing was defined in: a double.
_BARE = len(vars(type(sys)("")))


def _loaded_beside(name: str) -> ModuleType:
    """The module, while what stands in its place stays there."""
    package, _, last = name.rpartition(".")
    parent = standard(package) if package else None
    shown = getattr(parent, last, None)
    replaced = sys.modules.pop(name)
    try:
        return _loaded(name)
    finally:
        sys.modules[name] = replaced
        if parent is not None:
            setattr(parent, last, shown)


if "smtplib" in sys.modules and _is_in_place("smtplib"):
    # Remembered, in case that a program replaces it later.
    standard("smtplib")
