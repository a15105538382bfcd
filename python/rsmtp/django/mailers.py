"""One `Mailer` per process for each set of options.

Django creates a new backend for each message it sends, so the sessions have to be kept outside of it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from rsmtp.mailer import Mailer

# How many mailers a process keeps. Most projects have a few; one that sends through each customer's
# server has many, and the least recently used are closed.
_KEPT = 64

#: The arguments of `Mailer` that are options of the backends.
ARGUMENTS = frozenset(inspect.signature(Mailer).parameters)


def mailer_of(options: dict[str, Any]) -> Mailer:
    """The process's mailer with these arguments."""
    return _made(tuple(sorted((name, _hashable(name, value)) for name, value in options.items())))


@functools.lru_cache(_KEPT)
def _made(options: tuple[tuple[str, Any], ...]) -> Mailer:
    return Mailer(**dict(options))


class _Frozen(dict[Any, Any]):
    """`dkim` by domain, the only option that is a dict."""

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
