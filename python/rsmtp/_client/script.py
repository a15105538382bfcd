"""Scripts, and how they become methods.

Each method is written once, as a script: a generator that yields operations and is sent their
results. `SmtpClient` turns scripts into blocking methods, where each operation is complete when
it is yielded; `AsyncSmtpClient` turns them into coroutines, which await each operation.
"""

from __future__ import annotations

from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, Concatenate, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")
    # A script: yields operations, is sent their results, and returns its own result.
    Steps = Generator[Any, Any, R]
else:
    later(globals(), "Any Callable Generator")

Reply = tuple[int, bytes]


class Announced:
    """A request and its line, which a subclass's `send` gets, and the answer, if that `send` has passed
    the line on."""

    __slots__ = ("answer", "line", "request")

    def __init__(self, line: bytes, request: Any) -> None:
        self.line = line
        self.request = request
        self.answer: Any = None


def named_after(
    script: Callable[..., Steps[Any]], method: Callable[Concatenate[Any, P], R], client: str
) -> Callable[Concatenate[Any, P], R]:
    """The method with the script's name, signature and documentation."""
    # The annotations are names of the script's module. inspect.signature() shows those of the
    # script, so the return type there is replaced by that of the method.
    returned = str(script.__annotations__["return"])
    if returned.startswith("Steps["):
        script.__annotations__["return"] = returned.removeprefix("Steps[").removesuffix("]")
    method.__name__ = script.__name__.removeprefix("_rsmtp_")
    method.__qualname__ = f"{client}.{method.__name__}"
    named(method, method.__name__)
    method.__doc__ = script.__doc__
    method.__wrapped__ = script  # type: ignore[attr-defined]
    method.__annotations__ = dict(script.__annotations__)
    return method
