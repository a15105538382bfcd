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
        # Of two threads, both get what the first has loaded.
        _found.setdefault(name, _loaded(name) if _is_in_place(name) else _loaded_beside(name))
    return _found[name]


def _loaded(name: str) -> ModuleType:
    return __import__(name, fromlist=("__name__",))


def _is_in_place(name: str) -> bool:
    there = sys.modules.get(name)
    return there is None or (type(there) is type(sys) and there.__name__ == name and len(vars(there)) > _BARE)


# What a module has that nothing was defined in: a double.
_BARE = len(vars(type(sys)("")))


def _loaded_beside(name: str) -> ModuleType:
    """The module, while what stands in its place stays there: another thread may look at it."""
    from importlib.util import module_from_spec

    package = name.rpartition(".")[0]
    path = standard(package).__path__ if package else None
    for finder in sys.meta_path:
        if (spec := finder.find_spec(name, path)) is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


if "smtplib" in sys.modules and _is_in_place("smtplib"):
    # Remembered, in case that a program replaces it later.
    standard("smtplib")
