"""What `rsmtp._common.observing` tells."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from rsmtp._common.observing import NO_WATCH
from rsmtp.opentelemetry.clients import VERBS, watched
from rsmtp.opentelemetry.instruments import Instruments
from rsmtp.opentelemetry.mailers import Many, One

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from rsmtp._common.observing import Watch


class Observer:
    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._instruments = Instruments(tracer, meter)
        # Clients of which a verb is watched.
        self._busy: set[int] = set()

    def steps(self, verb: str, client: Any, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        operation = VERBS.get(verb)
        if operation is None or id(client) in self._busy or not is_instrumentation_enabled():
            return steps
        return self._watched(operation, client, steps)

    def _watched(
        self, operation: str, client: Any, steps: Generator[Any, Any, Any]
    ) -> Generator[Any, Any, Any]:
        self._busy.add(id(client))
        try:
            return (yield from watched(self._instruments, operation, client, steps))
        finally:
            self._busy.discard(id(client))

    def sending(self, operation: str, hops: Sequence[Any]) -> Watch:
        if not is_instrumentation_enabled():
            return NO_WATCH
        if operation == "send":
            return One(self._instruments, hops)
        return Many(self._instruments, operation, hops)
