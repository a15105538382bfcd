"""Classes of the standard library that ours derive from, without loading their modules.

Libraries ask `isinstance(message, email.message.Message)`, and the standard library looks for a
way to attach a message along `type(message).__mro__`. So our classes derive from the standard
library's. A program that never loads `email.message` can't ask, and need not load it for us: a
stand-in is the base until the program loads the module, and is then replaced.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, TypeVar

    T = TypeVar("T")


def late(module: str, name: str) -> Any:
    """The class with this name if its module is loaded; otherwise a stand-in until it is."""
    if (found := if_loaded(module)) is not None:
        return getattr(found, name)
    return type(f"Late{name}", (), {"_rsmtp_home": module, "_rsmtp_name": name})


def if_loaded(name: str) -> Any:
    """The module with this name if the program has loaded it, or None. One that another thread is
    loading is waited for: it is in `sys.modules` before there is anything in it."""
    if sys.modules.get(name) is None:
        return None
    return __import__(name, fromlist=("__name__",))


def derived(cls: type[T]) -> type[T]:
    """A decorator for classes with a `late` base."""
    for base in cls.__bases__:
        if "_rsmtp_home" in vars(base):
            _make_room(cls, base)
    return cls


def _make_room(cls: type, stand_in: Any) -> None:
    def derive(module: Any) -> None:
        standard = getattr(module, stand_in._rsmtp_name)
        cls.__bases__ = tuple(standard if base is stand_in else base for base in cls.__bases__)

    after(stand_in._rsmtp_home, derive)


def after(module: str, done: Callable[[Any], None]) -> None:
    """Calls `done` when a module that is not loaded yet has been loaded."""
    _Importing.there().waiting.setdefault(module, []).append(done)


class _Importing:
    """A finder that notices the first import of each of these modules, and a loader that wraps the
    module's own loader to call something afterwards."""

    def __init__(self) -> None:
        # For each module, the functions to call when it is loaded.
        self.waiting: dict[str, list[Callable[[Any], None]]] = {}
        self._loaders: dict[str, Any] = {}

    @classmethod
    def there(cls) -> _Importing:
        for finder in sys.meta_path:
            if isinstance(finder, cls):
                return finder
        sys.meta_path.insert(0, one := cls())
        return one

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self.waiting or name in self._loaders:
            return None
        from importlib.util import find_spec

        # find_spec() below calls this again; the entry makes that call return None.
        self._loaders[name] = None
        try:
            spec = find_spec(name)
        finally:
            del self._loaders[name]
        if spec is not None:
            self._loaders[name], spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loaders[spec.name].create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        loader = self._loaders.pop(name)
        module.__loader__ = loader
        if module.__spec__ is not None:
            module.__spec__.loader = loader
        loader.exec_module(module)
        for done in self.waiting.pop(name, ()):
            done(module)
        if not self.waiting and self in sys.meta_path:
            sys.meta_path.remove(self)
