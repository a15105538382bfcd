"""`rsmtp.Message`: the engine's message, and an instance of `email.message.Message`.

Libraries ask `isinstance(message, email.message.Message)`, and the standard library looks
for a way to attach one along `type(message).__mro__`. So the class derives from the standard
library's. A program that never loads `email.message` has no way to ask, and need not load
it for us: the base is added when the program does.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

from rsmtp import _rsmtp

if TYPE_CHECKING:
    import email.message
    from importlib.machinery import ModuleSpec

    class Message(_rsmtp.Message, email.message.Message[Any, Any]):
        """An email message, or a part of one."""

        def __iter__(self) -> Iterator[str]: ...

        def walk(self) -> Generator[Self, None, None]: ...

else:

    class Message(_rsmtp.Message):
        __doc__ = _rsmtp.Message.__doc__
        __module__ = "rsmtp"  # where people find it, pickles too

        @property
        def __dict__(self) -> dict[str, Any]:
            """The attributes, with those that a message of the standard library keeps
            there: `mailbox.mboxMessage(message)` takes them from here. They are copies;
            what else is stored in it is an attribute of the message."""
            own = _own_attributes(self)
            own.update((name, getattr(self, name)) for name in _STATE)
            return own

        def __dir__(self) -> list[str]:
            # Without reading files, which `__dict__` does for a payload that is one.
            return sorted({*dir(type(self)), *_own_attributes(self)})


# What `email.message.Message` sets in its constructor.
_STATE = (
    "policy",
    "_headers",
    "_unixfrom",
    "_payload",
    "_charset",
    "preamble",
    "epilogue",
    "defects",
    "_default_type",
)


def _own_attributes(message: Any) -> dict[str, Any]:
    own: dict[str, Any] = _rsmtp.Message.__dict__["__dict__"].__get__(message)
    return own


def _derive(standard: Any) -> None:
    Message.__bases__ = (_rsmtp.Message, standard.Message)


class _Importing:
    """A finder that hears of the first import of `email.message`, and a loader that does
    what the module's own does, and one thing more."""

    _name = "email.message"
    _loader: Any

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _derive(module)


if _Importing._name in sys.modules:
    _derive(sys.modules[_Importing._name])
else:
    sys.meta_path.insert(0, _Importing())
