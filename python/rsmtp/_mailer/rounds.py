"""The rounds of `Mailer.send_all`: messages are taken, the engine sends, receipts come back."""

from __future__ import annotations

import time
from itertools import repeat

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.tracebacks import hidden, shortened
from rsmtp._mailer.feeding import feed
from rsmtp._mailer.report import Report
from rsmtp._rsmtp import Receipt, Sending
from rsmtp._transport import python_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rsmtp._common.observing import Watch

    Told = Callable[[bool], None]
    Listener = Callable[[Receipt], None]


def teller(
    sending: Sending,
    messages: Iterable[rsmtp.typing.Sendable],
    progress: bool | Callable[[rsmtp.Progress], object],
    total: int | None,
) -> Told:
    """What is called after each round, and at the end with True."""
    if progress is False:
        return lambda finished: None
    if progress is not True:
        arguments.function("progress", progress)
    if total is not None:
        arguments.whole("total", total, 0, arguments.MOST, "a number of messages")
    if total is None and hasattr(messages, "__len__"):
        total = len(messages)  # type: ignore[arg-type]
    from rsmtp._mailer.progress import Progress, bar

    return Progress.teller(sending, total, bar(total) if progress is True else progress)


def rounds(
    sending: Sending, messages: Iterable[rsmtp.typing.Sendable], receipts: list[Receipt]
) -> Iterator[None]:
    """Takes messages and sends them until all is told. Yields whenever receipts may have come."""
    iterator = iter(messages)
    feed(sending, iterator)
    # Under gevent, waiting would block the other greenlets: `time.sleep` yields to them instead.
    green, pause = python_sockets.are_green(), 0.0
    while sending.go_on(receipts, not green):
        if green:
            pause = 0.0 if receipts else min(pause + 0.001, 0.02)
            try:
                time.sleep(pause)
            except BaseException:
                sending.stop()
                raise
        yield
        feed(sending, iterator)
    failure = sending.failure
    if failure is not None:
        raise failure


def report_of(
    sending: Sending,
    messages: Iterable[rsmtp.typing.Sendable],
    told: Told,
    watch: Watch,
    listeners: list[Listener],
) -> Report:
    """Each of the `listeners` is told every receipt."""
    report = Report()
    seen = 0
    try:
        with watch:
            for _ in rounds(sending, messages, report.receipts):
                if listeners:
                    _tell_each(report.receipts[seen:], listeners)
                    seen = report._thin_out()
                told(False)
        told(True)
    except BaseException as raised:
        break_off(sending, raised, report)
        told(True)
        raise
    report._conclude(sending.tally)
    return report


def _tell_each(receipts: list[Receipt], listeners: list[Listener]) -> None:
    for receipt in receipts:
        for listener in listeners:
            listener(receipt)


def receipts_of(
    sending: Sending,
    messages: Iterable[rsmtp.typing.Sendable],
    told: Told,
    watch: Watch,
    listeners: list[Listener],
) -> Iterator[Receipt]:
    waiting: list[Receipt] = []
    try:
        with watch:
            for _ in rounds(sending, messages, waiting):
                _tell_each(waiting, listeners)
                yield from each_once(waiting)
                told(False)
    except GeneratorExit:
        # A caller that leaves the loop does not want the rest of the messages sent.
        sending.stop()
        raise
    except BaseException as raised:
        report = Report()
        report.receipts = waiting
        break_off(sending, raised, report)
        __tracebackhide__ = hidden(raised)
        raise shortened(raised)  # noqa: B904
    finally:
        told(True)


def each_once(waiting: list[Receipt]) -> Iterator[Receipt]:
    """Yields and removes them, first one first. This runs in C, where no interrupt can come between
    removing a receipt and yielding it."""
    waiting.reverse()
    return map(list.pop, repeat(waiting, len(waiting)))


def break_off(sending: Sending, raised: BaseException, report: Report) -> None:
    """Adds the report to the exception, with the receipts of everything that was begun. If the
    iterable failed, the messages before the failure are still sent; after an interrupt, such as the
    exception of a signal's handler, they are not."""
    if sending.is_of_another_process:
        # The caller's code has forked, and this is the child: the parent does the sending.
        return
    if isinstance(raised, Exception) and sending.failure is None:
        sending.finish()
    else:
        sending.stop()
    while sending.go_on(report.receipts):
        pass
    report._conclude(sending.tally)
    raised.report = report  # type: ignore[attr-defined]
