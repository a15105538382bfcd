"""Names that a module of `email` has and its mirror lacks: mostly private names, which programs use
nevertheless."""

from __future__ import annotations

import sys

from rsmtp import _load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def of(mirror: str) -> Callable[[str], Any]:
    """A `__getattr__` for the mirror module with this name. It returns the standard library's object, or
    our counterpart if the object is mirrored (`email.message.Charset`)."""
    home = mirror.removeprefix("rsmtp.")

    def get(name: str) -> Any:
        if not name.startswith("__"):
            from rsmtp._common.standard import standard

            try:
                return mirrored(name, getattr(standard(home), name))
            except AttributeError:
                pass
        raise AttributeError(f"module {mirror!r} has no attribute {name!r}")

    return get


def mirrored(name: str, found: Any) -> Any:
    """Our counterpart of an object of the standard library, or the object itself."""
    if isinstance(found, type(sys)):
        home, name = found.__name__, ""
    else:
        home, name = getattr(found, "__module__", None) or "", getattr(found, "__name__", name)
    if home.partition(".")[0] != "email":
        return found
    ours = _load(f"rsmtp.{home}")
    return vars(ours).get(name, found) if name else ours
