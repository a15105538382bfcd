"""`Mailer`: one call connects, starts TLS, logs in and sends; sessions are kept for the next
call."""

from __future__ import annotations

import rsmtp
from rsmtp._client.outgoing import prepare
from rsmtp._common import arguments, observing
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp._mailer.base import BaseMailer, an_outbox, check_many, checked
from rsmtp._mailer.report import KEPT, Report
from rsmtp._mailer.servers import Server
from rsmtp._rsmtp import Receipt
from rsmtp._transport import python_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any, Literal, Self, TypeVar, overload

    from rsmtp._common.observing import Watch

    Row = TypeVar("Row")
else:
    later(globals(), "Any Callable Iterable Iterator Literal Self TracebackType")


@public
class Mailer(BaseMailer):
    __doc__ = BaseMailer.__doc__

    def _made_up(self) -> None:
        for hop in self._hops:
            if isinstance(hop, Server):
                for argument, secret in (("password", hop.password), ("access_token", hop.access_token)):
                    if callable(secret):
                        from rsmtp._client import credentials

                        credentials.refuse_asynchronous(argument, secret)

    def send(
        self,
        message: rsmtp.typing.Sendable,
        *,
        envelope: rsmtp.Envelope | None = None,
        check: bool = True,
        key: str | None = None,
    ) -> Receipt:
        """Sends one message and returns what became of it. An `envelope` gives sender and
        recipients instead of the header, and options of the delivery.

        With a `key`, such as "invoice/7", the message is sent only once: sending the same message
        with the same key again returns the first receipt, in any process that uses the mailer's
        `outbox`; another message with that key raises KeyInUse (a ValueError). An unknown fate
        stays unknown until `Outbox.retry`. A message that was put off, or for which no server
        could be reached, remains in the outbox and is sent by the next call or by `Outbox.run`.

        If no recipient got the message, it raises, as smtplib does: SMTPRecipientsRefused,
        SMTPSenderRefused or SMTPDataError with the server's words, or the error that interrupted
        it. The exception's `receipt` is the one that `check=False` returns instead of raising.
        If some recipients got the message, only the receipt shows who did not (`ok`,
        `refused`, `raise_for_refused()`).

        With and without `check`, it raises the error that kept it from reaching any server
        (SMTPUnreachable, SMTPAuthenticationError, SMTPTLSError, SMTPConnectError, ...), and
        ValueError or TypeError for a message that can't be sent as it is. An exception of a
        signal handler (KeyboardInterrupt) has the message's fate as its `receipt`.
        """
        try:
            if key is not None:
                return checked(self._kept_in().send(self, message, envelope=envelope, key=key), check)
            with observing.sending("send", self._hops) as watch:
                item: Any = message if envelope is None else (message, envelope)
                if python_sockets.are_replaced():
                    receipt = self._send_by_thread(message, item)
                elif self._rules is not None:
                    receipt = self._send_by_rules(message, item, watch)
                else:
                    receipt = self._engine.send(message, prepare(item), timed=watch.tell is not None)
                if watch.tell is not None:
                    watch.tell(receipt)
            return checked(receipt, check)
        except BaseException as raised:
            from rsmtp._common.raising import add_fates

            add_fates(raised)
            raise

    def _send_by_rules(self, message: rsmtp.typing.Sendable, item: Any, watch: Watch) -> Receipt:
        ruled = self._rules.apply(item)
        if ruled.prepared is None:
            receipt = Receipt._suppressed(message, ruled.suppressed)
        else:
            timed = watch.tell is not None
            receipt = self._engine.send(message, ruled.prepared, ruled.suppressed, timed=timed)
        self._rules.tell(receipt)
        return receipt

    def _send_by_thread(self, message: rsmtp.typing.Sendable, item: Any) -> Receipt:
        """Sends in a separate thread and waits for it in the way that the replaced sockets need."""
        from rsmtp._mailer.feeding import alone, without_rules

        try:
            messages: Any = [message]
            if item is not message:
                ruled = without_rules(item) if self._rules is None else self._rules.apply(item)
                messages = alone(message, ruled)
            report = self._send_all(messages, observing.NO_WATCH)
            assert isinstance(report, Report)
        except BaseException as raised:
            for receipt in getattr(raised, "report", Report()).receipts:
                raised.receipt = receipt  # type: ignore[attr-defined]
            raise
        (receipt,) = report.receipts
        if not receipt.recipients and receipt.error is not None:
            raise receipt.error
        return receipt

    if TYPE_CHECKING:

        @overload
        def send_all(
            self,
            messages: Iterable[rsmtp.typing.Sendable],
            *,
            stream: Literal[True],
            progress: bool | Callable[[rsmtp.Progress], object] = False,
            total: int | None = None,
            make: None = None,
        ) -> Iterator[Receipt]: ...

        @overload
        def send_all(
            self,
            messages: Iterable[Row],
            *,
            stream: Literal[True],
            progress: bool | Callable[[rsmtp.Progress], object] = False,
            total: int | None = None,
            make: Callable[[Row], rsmtp.typing.Sendable],
        ) -> Iterator[Receipt]: ...

        @overload
        def send_all(
            self,
            messages: Iterable[rsmtp.typing.Sendable],
            *,
            stream: Literal[False] = False,
            progress: bool | Callable[[rsmtp.Progress], object] = False,
            total: int | None = None,
            make: None = None,
            outbox: rsmtp.Outbox | None = None,
        ) -> Report: ...

        @overload
        def send_all(
            self,
            messages: Iterable[Row],
            *,
            stream: Literal[False] = False,
            progress: bool | Callable[[rsmtp.Progress], object] = False,
            total: int | None = None,
            make: Callable[[Row], rsmtp.typing.Sendable],
            outbox: rsmtp.Outbox | None = None,
        ) -> Report: ...

    def send_all(
        self,
        messages: Iterable[Any],
        *,
        stream: bool = False,
        progress: bool | Callable[[rsmtp.Progress], object] = False,
        total: int | None = None,
        make: Callable[[Any], rsmtp.typing.Sendable] | None = None,
        outbox: rsmtp.Outbox | None = None,
    ) -> Report | Iterator[Receipt]:
        """Sends all messages of an iterable, many at a time on each session.

        Args:
            messages: messages, or `(from_addr, to_addrs, data)`, or either with its envelope:
                `(message, envelope)`; with `make`, rows of any kind. A generator is asked for
                the next item when there is room for it, so it may be endless.
            stream: yield a receipt for each message as soon as it is settled, instead of
                returning a Report of all. The order may differ from that of the messages:
                `index` and `message` say which one it is.
            progress: True shows a bar (needs the extra `progress`: tqdm). A callable
                is called with a `Progress`, at most ten times a second and at the end.
            total: the number of messages, for the bar, if `len(messages)` does not work.
            make: called with each row when there is room for its message, which it
                returns. If it raises, the row gets a receipt whose `message` is the row and
                whose `error` is the exception, with a note that shows the row; the others
                are sent. (When a generator raises it has ended, and no later row can be
                read from it.)
            outbox: every message is stored there before it is sent. If a process ended in
                the middle of a list, sending the same list again continues where it ended,
                and sends nothing twice. The report covers all messages, whenever they were
                sent. Not with `stream` or `progress`.

        A message that can't be sent as it is (a bad address, no recipient, not a
        message) gets a receipt whose `error` says why, and the others are sent.
        Raises what `send` raises when no server can be reached, and what the iterable
        raises; the exception's `report` says what became of every message until then.
        After Ctrl-C, too, there is a report: the fate of messages in flight is unknown then.
        With stream=True the report has the receipts that had not been yielded.
        """
        check_many(messages)
        arguments.flag("stream", stream)
        if outbox is not None:
            if stream or progress is not False:
                raise ValueError("outbox: its report comes at the end, without stream and progress")
            from rsmtp._mailer.feeding import each_made

            return an_outbox(outbox).send_all(self, each_made(messages, make))
        watch = observing.sending("send_all", self._hops)
        return self._send_all(messages, watch, stream, progress, total, make)

    def _send_all(
        self,
        messages: Iterable[Any],
        watch: Watch,
        stream: bool = False,
        progress: bool | Callable[[rsmtp.Progress], object] = False,
        total: int | None = None,
        make: Callable[[Any], rsmtp.typing.Sendable] | None = None,
    ) -> Report | Iterator[Receipt]:
        # One message alone needs neither.
        from rsmtp._mailer import feeding, rounds

        rules = self._rules
        listeners = [watch.tell] if watch.tell is not None else []
        if rules is not None and rules.after_send is not None:
            listeners.append(rules.tell)
        every, timed = stream or bool(listeners), watch.tell is not None
        sending = self._engine.send_all(every, KEPT, recorded=False, timed=timed)
        told = rounds.teller(sending, messages, progress, total)
        messages = feeding.each_made(messages, make)
        if rules is not None:
            messages = rules.each(messages)
        if stream:
            return rounds.receipts_of(sending, messages, told, watch, listeners)
        return rounds.report_of(sending, messages, told, watch, listeners)

    def verify(self) -> rsmtp.Verification:
        """Opens a session as for a message (connect, TLS, login), sends NOOP and quits, without
        sending mail. Returns what the server has shown: address, TLS, extensions, login mechanism,
        and the time of each phase.

        If there are several servers, each is checked; the others are in `fallbacks`. Raises the
        error that `send` would raise: that of the first server that fails, with a note about the
        others. For a folder it checks that it is writable, for a program that it exists. Idle
        sessions are not touched.
        """
        from rsmtp._mailer.verifying import verify

        return verify(self._to_verify())

    def close(self) -> None:
        """Ends the idle sessions with QUIT. Nothing can be sent afterwards."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


__all__ = ["Mailer", "Receipt", "Report"]
