"""The observer of what is sent, if the program has set one: `rsmtp.opentelemetry`. It is told about
each verb of a client and each sending of a mailer. Without an observer nothing is loaded."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from types import TracebackType
    from typing import Any, Protocol, Self

    class Watch(Protocol):
        """A context manager around one sending of a mailer."""

        @property
        def tell(self) -> Callable[[Any], None] | None:
            """A function to call with each receipt, or None if the observer does not want them."""

        def __enter__(self) -> Self: ...
        def __exit__(
            self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
        ) -> None: ...

    class Observer(Protocol):
        def steps(self, verb: str, client: Any, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            """The steps of a client's verb, with the observer around them."""
            ...

        def sending(self, operation: str, hops: Sequence[Any]) -> Watch:
            """A watch for a sending by one of these servers."""
            ...


#: The program's observer.
observer: Observer | None = None


class _NoWatch:
    tell = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


NO_WATCH: Watch = _NoWatch()


def sending(operation: str, hops: Sequence[Any]) -> Watch:
    """A watch for an operation: "send", "send_all" or "outbox run"."""
    return NO_WATCH if observer is None else observer.sending(operation, hops)
