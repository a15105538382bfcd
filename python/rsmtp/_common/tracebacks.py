"""Tracebacks that end with the call in the caller's code. An exception from inside rsmtp is shown
as raised by that call, because rsmtp's own frames mean nothing to the caller.

`RSMTP_FULL_TRACEBACK=1` in the environment shows all frames.
"""

from __future__ import annotations

import os
from types import FunctionType, TracebackType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    C = TypeVar("C", bound=Callable[..., Any])
    E = TypeVar("E", bound=BaseException)

FULL = "RSMTP_FULL_TRACEBACK"
_PACKAGE = __name__.partition(".")[0]
_STANDARD = os.path.dirname(os.__file__) + os.sep
_INSTALLED = os.sep + "site-packages" + os.sep
# Frames of the standard library that run on our behalf while we wait.
_PLUMBING = (_STANDARD + "asyncio" + os.sep, _STANDARD + "contextlib.py")
# Only a bug in rsmtp raises these, unless they are `meant`: its place has to be visible.
_FAULTS = (AttributeError, NameError, LookupError, AssertionError, RecursionError)


def hidden(raised: BaseException) -> bool:
    """Whether to hide our frames from the caller. The frame that raises can't be removed from the
    traceback. It stores this as its `__tracebackhide__`, so that pytest leaves it out and a failed
    test ends with a line of the test."""
    is_fault = isinstance(raised, _FAULTS) and not hasattr(raised, "_rsmtp_meant")
    return not (is_fault or os.environ.get(FULL))


def meant(error: E) -> E:
    """Marks a KeyError or the like that answers the caller: there is nothing by the name that was given."""
    error._rsmtp_meant = True  # type: ignore[attr-defined]
    return error


def shortened(raised: BaseException) -> BaseException:
    """The exception, to be raised again: without our frames, and without the internal exception that
    was being handled when it was raised. Frames of the caller's own code, such as a subclass or a
    callback, stay, and so do the standard library's errors about the caller's message."""
    if not hidden(raised):
        return raised
    seen: set[int] = set()
    error: BaseException | None = raised
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = _theirs(error.__traceback__)
        before = error.__cause__ or error.__context__
        if error.__cause__ is None and before is not None and not _has_callers_code(before.__traceback__):
            # That exception has never left this package.
            error.__suppress_context__ = True
        error = before
    return raised


def _theirs(trace: TracebackType | None) -> TracebackType | None:
    kept = []
    within = False
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        within = _is_ours(trace) or (within and file.startswith(_PLUMBING))
        if not within:
            kept.append(trace)
        trace = trace.tb_next
    for frame in reversed(kept):
        trace = TracebackType(trace, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return trace


def _is_ours(trace: TracebackType) -> bool:
    name = trace.tb_frame.f_globals.get("__name__")
    return isinstance(name, str) and name.partition(".")[0] == _PACKAGE


def _has_callers_code(trace: TracebackType | None) -> bool:
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        standard = file.startswith((_STANDARD, "<frozen ")) and _INSTALLED not in file
        if not standard and not _is_ours(trace):
            return True
        trace = trace.tb_next
    return False


def respelled(raised: BaseException, function: Callable[..., Any], name: str) -> BaseException:
    """The exception. Where the call itself does not fit the function's signature: in the words of
    Python, but by the name that the caller knows, and with the nearest spelling of an argument that
    the function does not have."""
    trace = raised.__traceback__
    if type(raised) is not TypeError or trace is None or trace.tb_next is not None:
        return raised
    import re

    if not (found := re.fullmatch(r"(?s)([^\s()]+)\(\) ((?:takes|missing|got) .*)", str(raised))):
        return raised
    from rsmtp._common.arguments import unexpected

    unknown = re.match(r"got an unexpected keyword argument '([^']*)'", found[2])
    told = unexpected(name, unknown[1], function) if unknown else TypeError(f"{name}() {found[2]}")
    # The original says less, and names a function that the caller does not know.
    told.__suppress_context__ = True
    return told


def named(method: Callable[..., Any], name: str) -> None:
    """Sets the name that tracebacks show for a generated function."""
    method.__code__ = method.__code__.replace(co_name=name)


def public(called: C) -> C:
    """Decorates a function, a coroutine function or a class that callers use. Tracebacks end with the
    call, and a call that does not fit the signature gets an error with the name that the caller used.
    In a class this applies to `__init__` and to each public method that the class itself defines."""
    if not isinstance(called, type):
        return _wrapped(called)
    for name, member in list(vars(called).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, (classmethod, staticmethod)):
            setattr(called, name, type(member)(_wrapped(member.__func__)))
        elif isinstance(member, FunctionType) and not hasattr(member, "__wrapped__"):
            setattr(called, name, _wrapped(member))
    return called


_COROUTINE = 0x80  # inspect.CO_COROUTINE


def _wrapped(function: C) -> C:
    call: Any = _awaited(function) if function.__code__.co_flags & _COROUTINE else _called(function)
    # The same as functools.wraps, without loading functools.
    for name in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        setattr(call, name, getattr(function, name))
    call.__dict__.update(vars(function))
    call.__wrapped__ = function
    named(call, function.__name__)
    return call  # type: ignore[no-any-return]


def _called(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BaseException as raised:
            __tracebackhide__ = hidden(raised)
            raise _for_caller(raised, function, args)  # noqa: B904

    return call


def _awaited(function: Callable[..., Any]) -> Callable[..., Any]:
    async def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except BaseException as raised:
            __tracebackhide__ = hidden(raised)
            raise _for_caller(raised, function, args)  # noqa: B904

    return call


def _for_caller(raised: BaseException, function: Callable[..., Any], args: tuple[Any, ...]) -> BaseException:
    name = type(args[0]).__name__ if function.__name__ == "__init__" else function.__name__
    return shortened(respelled(raised, function, name))
