"""The sendings of a mailer, and of an outbox."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from opentelemetry import context
from opentelemetry.trace import Span, set_span_in_context

from rsmtp._rsmtp import Receipt
from rsmtp.opentelemetry import names
from rsmtp.opentelemetry.instruments import SECOND, Instruments, fail
from rsmtp.opentelemetry.phases import OPENING, Phase, phases

if TYPE_CHECKING:
    from rsmtp.opentelemetry.names import Attributes


class One:
    """A watch over one message: its span is the current one while it is sent."""

    def __init__(self, instruments: Instruments, hops: Sequence[Any]) -> None:
        self._instruments = instruments
        self._hops = hops
        self._is_told = False

    def __enter__(self) -> Self:
        self._began = time.time_ns()
        self._span = self._instruments.start("send", names.place_of(self._hops[0]), self._began)
        self._token = context.attach(set_span_in_context(self._span))
        return self

    def tell(self, receipt: Receipt) -> None:
        self._is_told = True
        course = _Course(receipt)
        describe(self._instruments, self._span, receipt, self._hops)
        self._instruments.start_phases(self._span, course.zero, course.phases)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        context.detach(self._token)
        if value is not None and not self._is_told:
            if (receipt := getattr(value, "receipt", None)) is not None:
                self.tell(receipt)
                fail(self._span, value)
            else:
                where = names.place_of(self._hops[0])
                seconds = (time.time_ns() - self._began) / SECOND
                self._instruments.count_send(where, seconds, fail(self._span, value))
        self._span.end()


class Many:
    """A watch over many messages: a span for all, if any came, and one within it for each."""

    def __init__(self, instruments: Instruments, operation: str, hops: Sequence[Any]) -> None:
        self._instruments = instruments
        self._operation = operation
        self._hops = hops
        self._span: Span | None = None
        self._count = 0

    def __enter__(self) -> Self:
        self._began = time.time_ns()
        # The caller's, also where the messages are told in another task or thread.
        self._around = context.get_current()
        return self

    def tell(self, receipt: Receipt) -> None:
        self._count += 1
        course = _Course(receipt)
        where = names.place_in(receipt.server, self._hops)
        within = set_span_in_context(self._whole(), self._around)
        span = self._instruments.start("send", where, course.began, within)
        describe(self._instruments, span, receipt, self._hops)
        self._instruments.start_phases(span, course.zero, course.phases)
        span.end(course.ended)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        failed = value is not None and not isinstance(value, GeneratorExit)
        if self._span is None and not failed:
            return
        span = self._whole()
        span.set_attribute(names.BATCH, self._count)
        if value is not None and failed:
            fail(span, value)
        span.end()

    def _whole(self) -> Span:
        if self._span is None:
            where = names.place_of(self._hops[0])
            self._span = self._instruments.start(self._operation, where, self._began, self._around)
        return self._span


class _Course:
    """When a message was sent, in nanoseconds since 1970, and in which phases. What was said for a
    message is known where no other one shares the session, and else how its session was opened."""

    def __init__(self, receipt: Receipt) -> None:
        times, now = receipt._times, time.time_ns()
        self.ended = self.began = self.zero = now
        if times is not None:
            ago, took = times
            self.ended = now - int(ago * SECOND)
            self.began = self.ended - int(took * SECOND)
        self.phases: list[Phase] = []
        course, now = receipt._course, time.time_ns()
        if course is not None and course[1]:
            since, lines = course
            self.zero = now - int(since * SECOND)
            if lines[0].direction == "*":
                # The session was opened for it.
                self.began = min(self.began, self.zero)
            # Two clocks: none of it began after it was said.
            first = min(max((self.began - self.zero) / SECOND, 0.0), lines[0].at)
            self.phases = phases(lines, first)


def describe(instruments: Instruments, span: Span, receipt: Receipt, hops: Sequence[Any]) -> None:
    """What a receipt says, for a span and for the metrics."""
    where = names.place_in(receipt.server, hops)
    recipients = receipt.recipients
    attributes: Attributes = where | {names.RECIPIENTS: len(recipients), names.ATTEMPTS: receipt.attempts}
    span.update_name(names.span_name("send", where))
    for name, value in (
        (names.MESSAGE_ID, receipt.message_id),
        (names.QUEUE_ID, receipt.queue_id),
        (names.REFUSED, len(receipt.refused)),
        (names.STATUS, next((one.code for one in recipients if one.code is not None), None)),
    ):
        if value:
            attributes[name] = value
    span.set_attributes(attributes)
    error: str | None = None
    if not receipt.ok:
        try:
            receipt.raise_for_refused()
        except Exception as raised:
            error = fail(span, raised)
    times = receipt._times
    if error is None and receipt.server is None:
        return  # No recipient was left, and no server was asked.
    instruments.count_send(where, None if times is None else times[1], error)
    if (course := receipt._course) is not None:
        opening = [phase for phase in phases(course[1]) if phase.name in OPENING]
        if opening:
            instruments.count_connect(where, opening[-1].end)
