"""One `Mailer` of a process for each set of options.

Django makes a new backend for each message that it sends: what keeps sessions open has to
stand outside of it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from rsmtp.mailer import Mailer

# Mailers that a process keeps. A project has a few of them; one that sends by each customer's
# own server has many, and those that were not used for longest go.
_KEPT = 64

#: The arguments of `Mailer`, which are options of the backends.
ARGUMENTS = frozenset(inspect.signature(Mailer).parameters)


def mailer_of(options: dict[str, Any]) -> Mailer:
    """The process's mailer with these arguments."""
    return _made(tuple(sorted((name, _hashable(name, value)) for name, value in options.items())))


@functools.lru_cache(_KEPT)
def _made(options: tuple[tuple[str, Any], ...]) -> Mailer:
    return Mailer(**dict(options))


class _Frozen(dict[Any, Any]):
    """`dkim` by domain: the one dict that is an option."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def _hashable(name: str, value: Any) -> Any:
    if name == "dkim" and isinstance(value, dict):
        return _Frozen((key, _hashable(name, each)) for key, each in value.items())
    if isinstance(value, list):
        value = tuple(value)
    elif isinstance(value, set):
        value = frozenset(value)
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"{name}: a {type(value).__name__} can't be an option of the mail backend") from None
    return value
