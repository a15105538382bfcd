"""The tracer's and the meter's side: how a span begins, what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from rsmtp.opentelemetry import names
from rsmtp.opentelemetry.phases import Phase

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.metrics import Meter
    from opentelemetry.trace import Tracer

    from rsmtp.opentelemetry.names import Attributes

#: Nanoseconds.
SECOND = 1_000_000_000


class Instruments:
    def __init__(self, tracer: Tracer, meter: Meter) -> None:
        self._tracer = tracer
        self._operations = meter.create_histogram(
            names.OPERATION_DURATION,
            unit="s",
            description="Duration of sending one message.",
            explicit_bucket_boundaries_advisory=names.BOUNDARIES,
        )
        self._sent = meter.create_counter(
            names.SENT_MESSAGES, unit="{message}", description="Messages that a server was asked to take."
        )
        self._connects = meter.create_histogram(
            names.CONNECT_DURATION,
            unit="s",
            description="Time until a session is ready: connecting, TLS, login.",
            explicit_bucket_boundaries_advisory=names.BOUNDARIES,
        )

    def start(
        self, operation: str, where: Attributes, at: int | None = None, parent: Context | None = None
    ) -> Span:
        attributes = where
        if operation not in ("connect", "starttls", "login"):
            attributes = where | names.MESSAGING | {names.OPERATION: operation}
        name = names.span_name(operation, where)
        return self._tracer.start_span(name, parent, SpanKind.CLIENT, attributes, start_time=at)

    def start_phases(self, span: Span, zero: int, found: Sequence[Phase]) -> None:
        """A span for each, within this one, from begin to end; `zero` is from when their seconds
        count."""
        if not span.is_recording():
            return
        parent = set_span_in_context(span)
        for phase in found:
            begin, end = (zero + int(at * SECOND) for at in (phase.begin, phase.end))
            self._tracer.start_span(phase.name, parent, start_time=begin).end(end)

    def count_connect(self, where: Attributes, seconds: float, error: str | None = None) -> None:
        self._connects.record(seconds, names.measured(where, error))

    def count_send(self, where: Attributes, seconds: float | None, error: str | None = None) -> None:
        attributes = names.MESSAGING | {names.OPERATION: "send"} | names.measured(where, error)
        self._sent.add(1, attributes)
        if seconds is not None:
            self._operations.record(seconds, attributes)


def fail(span: Span, raised: BaseException) -> str:
    """Its words stay here: an address or a secret may stand in them."""
    error = names.error_type(raised)
    span.set_attribute(names.ERROR, error)
    code = getattr(raised, "smtp_code", None)
    if isinstance(code, int) and code > 0:
        span.set_attribute(names.STATUS, code)
    span.set_status(StatusCode.ERROR)
    return error
