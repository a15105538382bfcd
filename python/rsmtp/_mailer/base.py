"""What `Mailer` and `AsyncMailer` share: the arguments, and the engine that is made from them."""

from __future__ import annotations

import os

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp._mailer.servers import Local, Server, servers_of
from rsmtp._rsmtp import DkimChoice, Engine, Receipt, _username

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Literal
else:
    later(globals(), "Any Callable Iterable Literal Sequence")

# Attempts where the time is the limit.
_UNLIMITED = 1_000_000

# What clients and other libraries' mailers have.
_GIVEN = "it is given where the mailer is made, and sending does it: verify() tries it alone"
_ELSEWHERE = {
    **dict.fromkeys(("connect", "open", "login", "starttls", "ehlo"), _GIVEN),
    "sendmail": "send((from_addr, to_addrs, msg))",
    "send_message": "send(message)",
    **dict.fromkeys(("send_messages", "send_many", "send_mass_mail"), "send_all(messages)"),
    "quit": "the end of `with` ends its sessions",
}


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
        per_day: messages in any 24 hours. One that is sent in parts, because the server limits
            its recipients, counts for each part. With a `provider` that limits recipients
            (`per_day_of`), those are counted. Messages above the limit are reported as not sent.
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
            may object to (on standard error where logging isn't configured), "refuse" does not send
            a message with an error in it (`rsmtp.LintError`). Files are read for it once more.
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
        self._hops = servers_of(url, given)
        known = [hop.provider for hop in self._hops if isinstance(hop, Server) and hop.provider is not None]
        rate = _least(rate, [each.rate for each in known])
        max_messages = _least(max_messages, [each.per_session for each in known])
        of_recipients = any(each.per_day_of == "recipients" for each in known)
        for name, number in (("connections", connections), ("window", window)):
            arguments.whole(name, number, 1, arguments.MOST, "a whole number from 1 on")
        for name, limit in (("max_messages", max_messages), ("per_day", per_day)):
            if limit is not None:
                arguments.whole(name, limit, 1, arguments.MOST, "a whole number from 1 on")
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
                of_recipients=of_recipients,
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

    def __reduce__(self) -> Any:
        kind = type(self).__name__
        raise TypeError(
            f"{kind}: it has open sessions, and can't be pickled or copied: pass its arguments on, and make "
            "another one of them"
        )

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

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            words = f"{type(self).__name__!r} object has no attribute {name!r}"
            if name in _ELSEWHERE:
                words += f": {_ELSEWHERE[name]}"
            raise AttributeError(words, name=name, obj=self)

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


def _least(given: Any, known: Sequence[Any]) -> Any:
    """What is given; else what all of these providers take."""
    return min((each for each in known if each is not None), default=None) if given is None else given


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
