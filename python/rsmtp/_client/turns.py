"""Which session may call a callable for a password or token, and how long its last result is good.

A callable is called by one session at a time, whichever threads, event loops, clients and mailers
share it: the state belongs to the callable. A session that has to wait leaves a function that wakes
it. Sessions that are woken check again, and one of them continues. So a session that has gone away
meanwhile does not block the others.
"""

from __future__ import annotations

import _thread
import os
import time
import weakref
from contextvars import ContextVar

from rsmtp._common.annotations import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final
else:
    later(globals(), "Any Callable Final")

#: It is the session's turn: it must call the callable, and then `over`.
ASK: Final = object()
#: It is not the session's turn: it is woken when that may have changed.
WAIT: Final = object()

# A token is not used in the last minute of its life, or in the last tenth of a short one, because it
# must still be valid when the server checks it.
_MARGIN = 60.0
_PART = 0.1

# Callables that are being called further up in this context. A callable may itself need a session
# for which the same callable is called: that inner call must not wait for the outer one.
_asking: ContextVar[tuple[Turns, ...]] = ContextVar("rsmtp_asking_for_secret", default=())


class Turns:
    """The state of one callable, without a reference to it."""

    def __init__(self) -> None:
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lock = _thread.allocate_lock()
        self._busy = False
        self._waiting: set[Callable[[], object]] = set()
        self._process = os.getpid()
        self._text: str | None = None
        self._good_until = 0.0

    def __repr__(self) -> str:
        return "<Turns>"

    def next(self, rejected: str | None, wake: Callable[[], object]) -> Any:
        """A secret that is still valid, ASK or WAIT. `rejected` is the secret that the server refused:
        it is forgotten, unless another session has got a newer one since."""
        if self._process != os.getpid():
            # The thread whose turn it was exists only in the parent process.
            self._begin_anew()
        if self.is_nested:
            return ASK
        with self._lock:
            if self._text is not None and (self._text == rejected or time.time() >= self._good_until):
                self._text = None
            if self._text is not None:
                return self._text
            if self._busy:
                self._waiting.add(wake)
                return WAIT
            self._busy = True
            return ASK

    def leave(self, wake: Callable[[], object]) -> None:
        """Removes a session that no longer waits."""
        with self._lock:
            self._waiting.discard(wake)

    def keep(self, text: str, expires_at: float | None) -> None:
        """Keeps a result if its time of expiry is known."""
        if expires_at is None:
            return
        now = time.time()
        with self._lock:
            self._text = text
            self._good_until = expires_at - min(_MARGIN, (expires_at - now) * _PART)

    def over(self) -> None:
        """Ends the session's turn."""
        with self._lock:
            self._busy = False
            waiting, self._waiting = self._waiting, set()
        for wake in waiting:
            wake()

    @property
    def is_nested(self) -> bool:
        return self in _asking.get()

    def call(self, secret: Callable[..., Any], *, force: bool) -> Any:
        """Calls it (or makes its coroutine), with `force=True` if a new secret is needed and it has that
        parameter."""
        _asking.set((*_asking.get(), self))
        return secret(force=True) if force and _takes_force(secret) else secret()

    def called(self, secret: Callable[..., Any], *, force: bool) -> Any:
        """The same, for a caller that continues in this context."""
        before = _asking.set(_asking.get())
        try:
            return self.call(secret, force=force)
        finally:
            _asking.reset(before)


def _takes_force(secret: Callable[..., Any]) -> bool:
    import inspect

    try:
        parameters = inspect.signature(secret).parameters
    except (TypeError, ValueError):
        return False  # A function written in C may have no signature.
    force = parameters.get("force")
    if force is not None:
        return force.kind in (force.KEYWORD_ONLY, force.POSITIONAL_OR_KEYWORD)
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())


# The key is the callable's identity, because it may not be hashable. An entry lasts as long as its callable.
_known: dict[tuple[int, int], tuple[weakref.ref[Any], Turns]] = {}
_known_lock = _thread.allocate_lock()


def turns_of(secret: Callable[..., Any]) -> Turns:
    """The state of this callable. A callable without weak references gets a new state each time."""
    # A bound method is a new object at each access, but the object that it is bound to stays the same.
    owner = getattr(secret, "__self__", None)
    function = getattr(secret, "__func__", None)
    if owner is None or function is None:
        owner, function = secret, None
    key = id(owner), id(function)
    known = _known.get(key)
    if known is not None and known[0]() is owner:
        return known[1]
    try:
        reference = weakref.ref(owner, lambda gone: _forget(key, gone))
    except TypeError:
        return Turns()
    with _known_lock:
        known = _known.get(key)
        if known is not None and known[0]() is owner:
            return known[1]
        turns = Turns()
        _known[key] = reference, turns
        return turns


def _forget(key: tuple[int, int], gone: weakref.ref[Any]) -> None:
    # Another object may have this identity already. No lock is taken, because this may run anywhere.
    known = _known.get(key)
    if known is not None and known[0] is gone:
        _known.pop(key, None)


def shareable(secret: Callable[..., Any]) -> Callable[..., Any]:
    """The callable in a form that `turns_of` recognises again as long as it is kept."""
    owner = getattr(secret, "__self__", secret)
    try:
        weakref.ref(owner)
    except TypeError:
        from functools import partial

        return partial(secret)
    return secret
