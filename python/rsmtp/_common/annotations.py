"""Names that only annotations use, without loading the modules that they come from.

`typing.get_type_hints(rsmtp.Mailer.send)`, which dependency injection containers call, evaluates
annotations with the names of the function's module. A program that calls it has loaded `typing`. So
the names are added as soon as `typing` is loaded, and cost nothing before.
"""

from __future__ import annotations

from rsmtp._common.late_bases import after, if_loaded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def later(namespace: dict[str, Any], names: str) -> None:
    """Adds these names of `collections.abc`, `typing` and `types`, separated by spaces, to a module."""

    def give(typing: Any) -> None:
        import collections.abc
        import types

        for name in names.split():
            home = next(home for home in (collections.abc, typing, types) if hasattr(home, name))
            namespace.setdefault(name, getattr(home, name))

    if (loaded := if_loaded("typing")) is not None:
        give(loaded)
    else:
        after("typing", give)
