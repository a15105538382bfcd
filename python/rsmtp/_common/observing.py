"""An observer of what is sent, where a program has one: `rsmtp.opentelemetry`. It is told of each
verb of a client, and of each sending of a mailer. Without one nothing is loaded."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from types import TracebackType
    from typing import Any, Protocol, Self

    class Watch(Protocol):
        """Over one sending of a mailer, from `with` to its end."""

        @property
        def tell(self) -> Callable[[Any], None] | None:
            """To be called with each receipt; None: they are not wanted."""

        def __enter__(self) -> Self: ...
        def __exit__(
            self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
        ) -> None: ...

    class Observer(Protocol):
        def steps(self, verb: str, client: Any, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            """The steps of a client's verb, watched."""
            ...

        def sending(self, operation: str, hops: Sequence[Any]) -> Watch:
            """A watch over a sending by one of these servers."""
            ...


#: The one there is.
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
    """Over "send", "send_all" or "outbox run"."""
    return NO_WATCH if observer is None else observer.sending(operation, hops)
