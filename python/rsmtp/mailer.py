"""`Mailer`: one call connects, starts TLS, logs in and sends; sessions are kept for the next
call."""

from __future__ import annotations

import os
import time
from itertools import repeat

import rsmtp
from rsmtp._client.outgoing import prepare
from rsmtp._common import arguments, observing
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import hidden, public, shortened
from rsmtp._mailer.feeding import alone, each_made, feed, without_rules
from rsmtp._mailer.report import KEPT, Report
from rsmtp._mailer.servers import Local, Server
from rsmtp._rsmtp import DkimChoice, Engine, Receipt, Sending, _username
from rsmtp._transport import python_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Any, Literal, Self, TypeVar, overload

    from rsmtp._common.observing import Watch

    Told = Callable[[bool], None]
    Listener = Callable[[Receipt], None]

    Row = TypeVar("Row")
else:
    later(globals(), "Any Callable Iterable Iterator Literal Self Sequence TracebackType")

#: Where the URL is looked for when none is given.
URL_VARIABLE = "RSMTP_URL"


# More of anything than a mailer will have.
_MOST = 2**31
# Attempts where the time is the limit.
_UNLIMITED = 1_000_000


@public
class BaseMailer:
    """Sends messages over one or more sessions, which it opens, keeps and closes.

    Args:
        url: `smtp://user:password@host` (STARTTLS, port 587), `smtps://`
            (port 465), `lmtp://`; `?tls=none` turns TLS off. `file:///folder` stores messages,
            `sendmail:` passes them to that program, and `null:` discards them. With several
            URLs, the next one takes over if one can't be reached. `gmail://ann@gmail.com` names
            a provider. Default: the variable RSMTP_URL, unless `host` or `provider` is given.
        provider: "gmail" or another name in `rsmtp.providers`, or your own `Provider`. It supplies
            host, port and TLS unless you give them, and its limits: a message with more recipients
            than it accepts is sent in parts, a message larger than it accepts is refused before it
            is sent, and its `rate` and `max_messages` apply unless you give others.
        host, port, username, password, access_token, tls, context, timeout, deadline,
        local_hostname, source_address, pipelining, chunking, allow_plaintext_auth, proxy:
            as in `SmtpClient`, for everything that the URL does not say. Without `tls`, STARTTLS
            is required, or TLS from the first octet if the port is 465. Only a server on this
            machine gets mail without TLS, if there are neither credentials nor a
            context. `user` is another name for `username`.
        password, access_token: also a callable that returns one, for tokens that expire. It is
            called for each new session, before anything is sent, by one session at a time
            (others wait), and once more if the server rejects the result (535); then with
            `force=True`, if it accepts that argument. If it returns (text, expires_at), where
            expires_at is in seconds since 1970 or a datetime, it is not called again until then.
            An exception that it raises ends the attempt. An AsyncMailer awaits an asynchronous
            callable, and calls a plain one in a thread, because it may block. `timeout` and
            `deadline` cover the call too: an asynchronous callable is cancelled; the result of a
            plain one that takes too long is not used, and a Mailer, which can't interrupt it,
            raises SMTPTimeoutError when it returns.
        mechanism: the only login mechanism to use, such as "SCRAM-SHA-256". Default: the
            best one that the server offers, as in `SmtpClient.login`. "EXTERNAL" (the client's
            certificate) and "GSSAPI" (a Kerberos ticket, `rsmtp[kerberos]`) take no password.
        initial_response_ok: whether AUTH may send its first response with the command
            (RFC 4954 4), as in `SmtpClient.login`.
        connections: the maximum number of sessions at the same time.
        window: the maximum number of unanswered messages on one session. This is also the
            largest number of messages whose fate can be unknown when a connection is lost; how
            many are really in flight depends on how fast the server answers and how far away
            it is.
        max_messages: a session is ended after this many messages. Default: no limit
            except the server's own (LIMITS MAILMAX, RFC 9422).
        max_age, keep_idle: seconds. A session that is older than `max_age`, or has been idle for
            `keep_idle`, is not used again. keep_idle=0 keeps no sessions, and the last message
            of a call goes out together with QUIT.
        rate, rate_per_connection: messages per second, in total and for each session.
        per_day: messages in any 24 hours. Messages above the limit are reported as not sent.
        retries: attempts after the first one, for messages that were refused temporarily
            (4yz) or interrupted before their end, and for connecting. Default: 2, or as many as
            fit into `give_up_after` if that is given.
        give_up_after: seconds after the first attempt at which a message is no longer tried
            again. Use it for lists that go to servers which turn strangers away for some
            minutes (greylisting): messages that wait do not delay the others.
        backoff: seconds before the second attempt; doubled before each further attempt.
        suppression: addresses that get no mail: a list or a set of them, a function that is
            called with an address and says whether (or why) it is suppressed, or an
            `rsmtp.Outbox` (see its `suppress`). The receipt lists them as `suppressed`, and the
            other recipients get the message.
        allow: addresses and patterns (``*@example.com``). All other recipients are suppressed,
            or redirected. For systems that must not write to real customers.
        redirect: one address, which gets every message instead of its recipients, except
            for recipients that `allow` names. The message itself is not changed.
        before_send: called with each message before it is sent. If it returns a message, that
            one is sent instead; for None, the message itself; for False, nothing, and its
            recipients are suppressed. If it raises, the receipt has the error and `send` raises
            it; a message in an outbox is put off. It may block. For a message from an outbox it
            gets `(from_addr, to_addrs, data)`, and a message that it returns goes to the same
            recipients.
        after_send: called with each receipt. Both run in the caller's thread; those of an
            AsyncMailer may be asynchronous.
        lint: looks at each message before it is sent (`rsmtp.lint`): "warn" logs what receivers
            may object to, "refuse" does not send a message with an error in it (`rsmtp.LintError`).
            Files are read for it once more.
        dkim: signs what is sent (RFC 6376), after everything else that changes a message: an
            `rsmtp.Dkim`, several, or a dict of them by the domain of From (a domain has those of
            its parent; "*" means any other domain; None sends its mail unsigned; mail from a
            domain without a key is refused). A message that already has a signature of the same
            domain and selector does not get a second one. With several cores, messages are signed
            in advance while others are sent.
        outbox: an `rsmtp.Outbox`, in which `send` looks up its `key`.
        verp: an `rsmtp.Verp`, which gives each message an envelope sender that identifies the recipient
            of a bounce. A message then has one recipient: `Verp.each` makes one message for each.
        resend_unknown: send messages again that may have arrived already, when a connection was
            lost between the end of the message and the answer. Default: False, and the
            receipt says "unknown".

    Several threads may use a Mailer at once, and several tasks of one event loop an AsyncMailer.
    Both are context managers. Raises ValueError for invalid arguments.
    """

    def __init__(
        self,
        url: str | Sequence[str] | None = None,
        *,
        provider: str | rsmtp.providers.Provider | None = None,
        host: str | None = None,
        port: int | None = None,
        username: str | None = None,
        user: str | None = None,
        password: rsmtp.typing.Secret | None = None,
        access_token: rsmtp.typing.Secret | None = None,
        mechanism: str | None = None,
        tls: rsmtp.typing.Tls | None = None,
        context: rsmtp.typing.Context | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        local_hostname: str | None = None,
        source_address: tuple[str, int] | None = None,
        pipelining: bool = True,
        chunking: bool = True,
        allow_plaintext_auth: bool = False,
        initial_response_ok: bool = True,
        proxy: str | None = None,
        connections: int = 1,
        window: int = 2000,
        max_messages: int | None = None,
        max_age: float = 600.0,
        keep_idle: float = 30.0,
        rate: float | None = None,
        rate_per_connection: float | None = None,
        per_day: int | None = None,
        retries: int | None = None,
        give_up_after: float | None = None,
        backoff: float = 1.0,
        resend_unknown: bool = False,
        suppression: rsmtp.typing.Suppression | None = None,
        allow: Iterable[str] | None = None,
        redirect: str | None = None,
        before_send: Callable[[Any], Any] | None = None,
        after_send: Callable[[Receipt], Any] | None = None,
        lint: Literal["warn", "refuse"] | None = None,
        dkim: rsmtp.typing.DkimKeys | None = None,
        outbox: rsmtp.Outbox | None = None,
        verp: rsmtp.Verp | None = None,
    ) -> None:
        user = arguments.maybe_text("user", user)
        username = arguments.maybe_text("username", username)
        settings = {
            "provider": provider, "host": host, "port": port,
            "username": _username(username, user), "password": password,
            "access_token": access_token, "mechanism": mechanism,
            "tls": tls, "context": context, "timeout": timeout, "deadline": deadline,
            "local_hostname": local_hostname, "source_address": source_address, "pipelining": pipelining,
            "chunking": chunking, "allow_plaintext_auth": allow_plaintext_auth,
            "initial_response_ok": initial_response_ok, "proxy": proxy,
        }  # fmt: skip
        given = {name: value for name, value in settings.items() if value is not None}
        self._hops = _hops(url, given)
        known = [hop.provider for hop in self._hops if isinstance(hop, Server) and hop.provider is not None]
        rate = _least(rate, [each.rate for each in known])
        max_messages = _least(max_messages, [each.per_session for each in known])
        for name, number in (("connections", connections), ("window", window)):
            arguments.whole(name, number, 1, _MOST, "a whole number from 1 on")
        for name, limit in (("max_messages", max_messages), ("per_day", per_day)):
            if limit is not None:
                arguments.whole(name, limit, 1, _MOST, "a whole number from 1 on")
        for name, most in (("rate", rate), ("rate_per_connection", rate_per_connection),
                           ("give_up_after", give_up_after)):  # fmt: skip
            if most is not None:
                arguments.amount(name, most)
        for name, seconds in (("max_age", max_age), ("backoff", backoff)):
            arguments.amount(name, seconds)
        if not 0 <= arguments.number("keep_idle", keep_idle) < 1e9:
            raise ValueError(f"keep_idle: {keep_idle!r} is not a number of seconds")
        if retries is None:
            retries = 2 if give_up_after is None else _UNLIMITED
        else:
            arguments.whole("retries", retries, 0, 999, "a number of attempts below 1000")
        arguments.flag("resend_unknown", resend_unknown)
        rules = suppression, allow, redirect, before_send, after_send, lint, verp
        self._rules: Any = None
        if any(rule is not None for rule in rules):
            from rsmtp._mailer.rules import Rules

            self._rules = Rules(*rules)
        self._outbox = None if outbox is None else an_outbox(outbox)
        # Made once, because a forked child makes another engine from the same arguments.
        choice = None if dkim is None else DkimChoice(dkim)
        self._connections = connections
        first = self._hops[0]
        self._make: Callable[[], Engine]
        if isinstance(first, Local):
            self._make = lambda: Engine.local(first.kind, first.path, rate=rate, per_day=per_day, dkim=choice)
        else:
            self._make = lambda: Engine(
                self._hops,
                connections=connections,
                window=window,
                keep_idle=keep_idle,
                max_age=max_age,
                max_messages=max_messages,
                rate=rate,
                rate_per_connection=rate_per_connection,
                per_day=per_day,
                retries=retries,
                give_up_after=give_up_after,
                backoff=backoff,
                resend_unknown=resend_unknown,
                dkim=choice,
            )
        self._made, self._process = self._make(), os.getpid()
        self._made_up()

    def _made_up(self) -> None:
        """The rest of what a subclass has."""

    @property
    def _engine(self) -> Engine:
        """A forked child makes its own, because the threads, with their locks and sessions, exist
        only in the parent."""
        if self._process != os.getpid():
            made = self._make()
            if self._made.is_closed:
                made.close()
            self._made, self._process = made, os.getpid()
        return self._made

    def __repr__(self) -> str:
        from rsmtp.display.short import counted

        names = [
            f"{hop.kind}:{hop.path or ''}" if isinstance(hop, Local) else hop.path or f"{hop.host}:{hop.port}"
            for hop in self._hops
        ]
        return f"<{type(self).__name__} {', '.join(names)}, {counted(self.idle, 'idle session')}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: servers, TLS, user name, sessions, and what became of the mail so far."""
        from rsmtp.display import mailer

        return mailer.bundle(self)

    def _to_verify(self) -> list[Any]:
        if self._engine.is_closed:
            raise RuntimeError("this mailer is closed")
        return self._hops

    def _kept_in(self) -> rsmtp.Outbox:
        if self._outbox is None:
            raise ValueError(
                "key: this mailer has no outbox in which it could look it up: Mailer(..., "
                "outbox=rsmtp.Outbox('mail.db'))"
            )
        return self._outbox

    @property
    def idle(self) -> int:
        """The number of idle sessions."""
        return self._engine.idle


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
            rsmtp.errors.add_fates(raised)
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
        rules = self._rules
        listeners = [watch.tell] if watch.tell is not None else []
        if rules is not None and rules.after_send is not None:
            listeners.append(rules.tell)
        every, timed = stream or bool(listeners), watch.tell is not None
        sending = self._engine.send_all(every, KEPT, recorded=False, timed=timed)
        told = teller(sending, messages, progress, total)
        messages = each_made(messages, make)
        if rules is not None:
            messages = rules.each(messages)
        if stream:
            return _receipts(sending, messages, told, watch, listeners)
        return _report(sending, messages, told, watch, listeners)

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


def _hops(url: str | Sequence[str] | None, settings: dict[str, Any]) -> list[Any]:
    if "provider" in settings:
        from rsmtp import providers

        settings["provider"] = providers.find(settings["provider"])
    elif url is None and "host" not in settings:
        url = os.environ.get(URL_VARIABLE)
        if not url:
            raise ValueError(
                f"a Mailer needs a URL, a host, a provider, or a URL in the variable {URL_VARIABLE}"
            )
    hops = [Server(**settings)] if url is None else _of_urls(url, settings)
    for hop in hops:
        if isinstance(hop, Server) and hop.provider is not None:
            _check_login(hop, hop.provider)
    return hops


def _check_login(hop: Server, provider: rsmtp.providers.Provider) -> None:
    if provider.login and hop.username is None and hop.mechanism is None:
        raise ValueError(
            f"username: it is missing, and no mail is taken without a login ({provider.title}). The user is "
            f"{provider.user_is}, the password {provider.login}"
        )


def _least(given: Any, known: Sequence[Any]) -> Any:
    """What is given; else what all of these providers take."""
    return min((each for each in known if each is not None), default=None) if given is None else given


def _of_urls(url: str | Sequence[str], settings: dict[str, Any]) -> list[Any]:
    if not isinstance(url, str) and (isinstance(url, (bytes, type)) or not hasattr(url, "__iter__")):
        raise arguments.wanted("url", "a URL, or a list of them,", url)
    from rsmtp._mailer.server_urls import from_url

    hops = [from_url(one, **settings) for one in ([url] if isinstance(url, str) else url)]
    if not hops:
        raise ValueError("url: the list is empty")
    if len(hops) > 1 and any(isinstance(hop, Local) for hop in hops):
        raise ValueError("url: file:, sendmail: and null: stand alone")
    return hops


def an_outbox(outbox: rsmtp.Outbox) -> rsmtp.Outbox:
    """It, if it is one."""
    if not hasattr(outbox, "put_all"):
        raise arguments.wanted("outbox", "an rsmtp.Outbox", outbox)
    return outbox


def checked(receipt: Receipt, check: bool) -> Receipt:
    """The receipt, if any recipient got the message, or nothing is to be raised."""
    if check and not receipt.sent:
        try:
            receipt.raise_for_refused()
        except Exception as raised:
            raised.receipt = receipt  # type: ignore[attr-defined]
            raise
    return receipt


def check_many(messages: Any) -> None:
    if isinstance(messages, (str, bytes, bytearray)) or hasattr(messages, "get_all"):
        kind = type(messages).__name__
        raise TypeError(f"messages: an iterable of messages is wanted, not one {kind}; send() takes one")
    if isinstance(messages, type) or not (hasattr(messages, "__iter__") or hasattr(messages, "__aiter__")):
        raise arguments.wanted("messages", "an iterable of messages", messages)


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
        arguments.whole("total", total, 0, _MOST, "a number of messages")
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
            time.sleep(pause)
        yield
        feed(sending, iterator)
    failure = sending.failure
    if failure is not None:
        raise failure


def _report(
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
    report.close(sending.tally)
    return report


def _tell_each(receipts: list[Receipt], listeners: list[Listener]) -> None:
    for receipt in receipts:
        for listener in listeners:
            listener(receipt)


def _receipts(
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
    iterable failed, the messages before the failure are still sent; after an interrupt they are
    not."""
    if sending.is_of_another_process:
        # The caller's code has forked, and this is the child: the parent does the sending.
        return
    if isinstance(raised, Exception) and sending.failure is None:
        sending.finish()
    else:
        sending.stop()
    while sending.go_on(report.receipts):
        pass
    report.close(sending.tally)
    raised.report = report  # type: ignore[attr-defined]


__all__ = ["Mailer", "Receipt", "Report"]
