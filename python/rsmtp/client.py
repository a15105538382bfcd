"""`SmtpClient`: one conversation, step by step, in smtplib's shape.

The conversation itself is held by the engine (`rsmtp._rsmtp`); here stand the names,
defaults, return values and attributes that people know, as scripts from which
`rsmtp.aio` makes its client too.
"""

from __future__ import annotations

import datetime
import inspect
import socket
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from rsmtp import sending
from rsmtp._rsmtp import Connection, Request, Settings, TlsFacts, TranscriptLine, cram_md5
from rsmtp.errors import (
    SMTPConnectError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
    tell_conversation,
)
from rsmtp.sending import MessageLike
from rsmtp.socket_view import SocketView

P = ParamSpec("P")
R = TypeVar("R")

Reply = tuple[int, bytes]
# A script: yields what has been begun, is given what came of it, returns the result.
Steps = Generator[Any, Any, R]

SMTP_PORT: Final = 25
SMTP_SSL_PORT: Final = 465
LMTP_PORT: Final = 2003

_UNSET: Any = socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]
# Methods that a subclass may have its own way of: then what is built on them goes
# through them.
_LINE_BY_LINE = ("docmd", "putcmd", "getreply", "send")
_STEP_BY_STEP = ("mail", "rcpt", "data", "rset")
_AUTH_BY_STEPS = ("auth", "auth_cram_md5", "auth_plain", "auth_login")
# Answers to one AUTH command, before it is taken for an endless loop.
_MAX_CHALLENGES = 5


class Transcript(tuple[TranscriptLine, ...]):
    """What was said so far, line by line, secrets masked. Prints readably."""

    def __str__(self) -> str:
        return "\n".join(str(line) for line in self)

    def __repr__(self) -> str:
        from rsmtp.display import short

        return short.transcript(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: a sequence diagram, and where the time went."""
        from rsmtp.display import transcript

        return transcript.bundle(self)


class Verbs:
    """What each verb asks and what its answer means, whoever waits for it.

    A verb is written once, as a script: a generator that yields what it has begun and is
    given what came of it. `SmtpClient` makes methods of the scripts that wait, where what
    is yielded has come about already; `AsyncSmtpClient` makes coroutines of them, where
    it is awaited. Verbs that are built on others go through the client's own methods, so
    that a subclass may have its own way of each.
    """

    debuglevel: int = 0
    file: Any = None
    helo_resp: bytes | None = None
    ehlo_msg: str = "ehlo"
    ehlo_resp: bytes | None = None
    does_esmtp: bool = False
    default_port: int = SMTP_PORT

    # Of `rsmtp._rsmtp`, or of `rsmtp.aio`.
    _connection: Any = None
    # Where `connect` goes that is not told.
    _given: tuple[str, int] = ("localhost", 0)
    # Seconds for each stage of the present session.
    _patience: float | None = None
    _tls_mode = "none"
    # The class whose methods are nobody's own way.
    _plain: type[Verbs]
    # Whether to be smtplib on the wire, its habits included.
    _like_smtplib = False

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        timeout: float | None = _UNSET,
        source_address: tuple[str, int] | None = None,
        *,
        tls: str | None = None,
        context: Any = None,
        deadline: float | None = None,
        pipelining: bool = True,
        chunking: bool = True,
        allow_plaintext_auth: bool = False,
    ) -> None:
        if tls is not None:
            self._tls_mode = tls
        if self._tls_mode not in ("none", "starttls", "implicit"):
            raise ValueError(f'tls: {tls!r} is none of "none", "starttls" and "implicit"')
        if self._tls_mode == "implicit" and self.default_port == SMTP_PORT:
            self.default_port = SMTP_SSL_PORT
        self._host = host
        self.timeout = timeout
        self.deadline = deadline
        self.esmtp_features: dict[str, str] = {}
        self.command_encoding = "ascii"
        self.source_address = source_address
        self.context = context
        self.pipelining = pipelining
        self.chunking = chunking
        self.allow_plaintext_auth = allow_plaintext_auth
        self.user: str | None = None
        self.password: str | None = None
        self._learnt: dict[str, str] = {}
        # Lines of a reply whose debug output is not complete.
        self._debugged: list[str] = []
        self._names_itself = local_hostname is None
        self.local_hostname = _own_name() if local_hostname is None else local_hostname

    @property
    def _own(self) -> Any:
        """The verbs as this client has them: in either form, a subclass's own ways included."""
        return self

    # -- where it is ----------------------------------------------------------

    @property
    def state(self) -> str:
        """Where the conversation is: "disconnected", "connected", "greeted",
        "rejected", "ready", "securing", "secured", "authenticating",
        "authenticated", "mail", "recipients", "data", "closed" or "broken"."""
        return "disconnected" if self._connection is None else self._connection.state

    @property
    def legal_requests(self) -> list[str]:
        """The verbs that RFC 5321 lets a client say in this state, as far as the
        server offers what they need. Others are not stopped, only those that
        would lose the order of the conversation."""
        return [] if self._connection is None else self._connection.legal_requests

    @property
    def transcript(self) -> Transcript:
        """The last lines of the conversation (2,000, or a MiB of them), timed,
        secrets masked, control characters escaped, bodies cut to a few lines. It
        outlives the connection."""
        return Transcript(() if self._connection is None else self._connection.transcript)

    @property
    def tls(self) -> TlsFacts | None:
        """What the TLS handshake settled; None without TLS."""
        return None if self._connection is None else self._connection.tls

    @property
    def sock(self) -> SocketView | None:
        """The connection as people ask a socket about it; None when there is none."""
        connection = self._connection
        return None if connection is None or connection.is_over else SocketView(self, connection)

    @sock.setter
    def sock(self, value: None) -> None:
        if value is not None:
            raise TypeError("sock can only be set to None, which closes the connection")
        self.close()

    def __repr__(self) -> str:
        tls = self.tls
        where = f" {self._host}" if self._host else ""
        return f"<{type(self).__name__}{where} {self.state}{f' {tls.version}' if tls else ''}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the state machine, with whom it speaks, and how safely."""
        from rsmtp.display import client

        return client.bundle(self)

    def _arrive(self, host: str, port: int) -> Steps[None]:
        """Connects to a server that must welcome us."""
        try:
            code, msg = yield self._own.connect(host, port)
            if code != 220:
                raise self._told(SMTPConnectError(code, msg))
        except BaseException:
            self.close()
            raise

    def _leave(self) -> Steps[None]:
        """Says QUIT if there is still somebody to say it to."""
        try:
            if self._connection is not None and not self._connection.is_over:
                yield self._own.quit()
        except SMTPServerDisconnected:
            pass
        finally:
            self.close()

    # -- debug output -----------------------------------------------------------

    def set_debuglevel(self, debuglevel: int) -> None:
        """1 prints the conversation to standard error as smtplib does, 2 with
        times; secrets are masked. 0 prints nothing."""
        self.debuglevel = debuglevel

    def _print_debug(self, *args: object) -> None:
        if self.debuglevel > 1:
            print(datetime.datetime.now().time(), *args, file=sys.stderr)
        else:
            print(*args, file=sys.stderr)

    def _observe(self, line: TranscriptLine) -> None:
        if line.direction == "C":
            self._print_debug("send:", repr(line.text + "\r\n"))
        elif line.direction == "S":
            self._print_debug("reply:", repr(f"{line.text}\r\n".encode()))
            self._debugged.append(line.text[4:].strip())
            if line.text[3:4] != "-":
                text = "\n".join(self._debugged).encode()
                self._print_debug(f"reply: retcode ({line.text[:3]}); Msg: {text!a}")
                self._debugged = []

    @property
    def _observer(self) -> Callable[[TranscriptLine], None] | None:
        return self._observe if self.debuglevel > 0 else None

    # -- connecting -------------------------------------------------------------

    def _connect(
        self, host: str | None = None, port: int = 0, source_address: tuple[str, int] | None = None
    ) -> Steps[Reply]:
        """Connects and returns the greeting, whatever it says: (code, text).

        Without a host, to localhost, or where the constructor of an AsyncSmtpClient was
        told. "host:port" is taken apart when no port is given. Raises a subclass of
        OSError when no connection can be made.
        """
        if host is None:
            host, port = self._given[0], port or self._given[1]
        if source_address:
            self.source_address = source_address
        digits: str | int = port
        if not port and host.count(":") == 1:
            host, _, digits = host.partition(":")
        try:
            port = int(digits or 0) or self.default_port
        except ValueError:
            raise OSError("nonnumeric port") from None
        if not 0 < port < 65536:
            raise OverflowError(f"port: {port} is not between 1 and 65535")
        sys.audit("smtplib.connect", self, host, port)
        if self.debuglevel > 0:
            self._print_debug("connect: to", (host, port), self.source_address)
        yield self._begin(host, port)
        code, msg = yield self._own.getreply()
        if self.debuglevel > 0:
            self._print_debug("connect:", repr(msg))
        if code == 220 and self._tls_mode == "starttls":
            yield self._own.starttls(context=self.context)
            yield self._own.ehlo()
        return code, msg

    def _begin(self, host: str, port: int, path: str | None = None) -> Any:
        """Opens a connection."""
        raise NotImplementedError

    def _settings(self, host: str) -> Settings:
        """For a new connection; what was learnt in an old one is forgotten."""
        self.close()
        self._forget()
        self._host = host
        self._patience = socket.getdefaulttimeout() if self.timeout is _UNSET else self.timeout
        return Settings(
            timeout=self._patience,
            deadline=self.deadline,
            lmtp=self._speaks_lmtp,
            pipelining=self.pipelining,
            chunking=self.chunking,
            plaintext_auth=self.allow_plaintext_auth,
            like_smtplib=self._like_smtplib,
            implicit_tls=self._tls_mode == "implicit",
            context=self.context,
        )

    def _connected(self, connection: Any) -> None:
        self._connection = connection
        if self._names_itself and self.local_hostname.startswith("["):
            self.local_hostname = address_literal(connection.getsockname())

    @property
    def _speaks_lmtp(self) -> bool:
        return self.ehlo_msg.lower() == "lhlo"

    def close(self) -> None:
        """Closes the connection without a word. The transcript stays."""
        if self._connection is not None:
            self._connection.close()

    def _forget(self) -> None:
        """What was learnt of the server holds for one session only."""
        self.helo_resp = self.ehlo_resp = None
        self.does_esmtp = False
        self.esmtp_features = {}
        self._learnt = {}

    # -- talking ----------------------------------------------------------------

    def _talk(self) -> Any:
        if self._connection is None:
            raise SMTPServerDisconnected("please run connect() first")
        if self.esmtp_features != self._learnt:
            # People patch the dict to steer what is used.
            self._connection.assume(list(self.esmtp_features.items()))
            self._learnt = dict(self.esmtp_features)
        return self._connection

    def _told(self, error: SMTPException) -> SMTPException:
        """An error that is made here tells what the engine's own errors tell."""
        if self._connection is not None:
            tell_conversation(error, self._connection.path, self._connection.transcript[-20:])
        return error

    def _perform(self, request: Request) -> Any:
        if self._overrides(*_LINE_BY_LINE) and request.line is not None:
            verb, _, arguments = request.line.partition(" ")
            return self._own.docmd(verb, arguments)
        return self._talk().perform(request, self._observer)

    def _send(self, s: bytes | str) -> Steps[None]:
        """Sends `s` as it is. One reply is expected for a run of such calls."""
        octets = s.encode(self.command_encoding) if isinstance(s, str) else bytes(memoryview(s))
        yield self._talk().perform(Request.raw(octets), self._observer)

    def _putcmd(self, cmd: str, args: str = "") -> Steps[None]:
        """Sends a command line; `getreply` reads the answer.

        Raises ValueError for line ends and NUL within it.
        """
        request = Request.free(f"{cmd} {args}" if args else cmd)
        yield self._talk().perform(request, self._observer)

    def _getreply(self) -> Steps[Reply]:
        """The next reply: (code, text), the lines of the text joined by LF."""
        if self._connection is None:
            raise SMTPServerDisconnected("please run connect() first")
        reply: Reply = yield self._connection.perform(Request.reply(), self._observer)
        return reply

    def _docmd(self, cmd: str, args: str = "") -> Steps[Reply]:
        """A command line and its reply."""
        yield self._own.putcmd(cmd, args)
        reply: Reply = yield self._own.getreply()
        return reply

    def _helo(self, name: str = "") -> Steps[Reply]:
        """HELO (RFC 5321 4.1.1.1)."""
        reply: Reply = yield self._perform(Request.helo(name or self.local_hostname))
        self.helo_resp = reply[1]
        return reply

    def _ehlo(self, name: str = "") -> Steps[Reply]:
        """EHLO (RFC 5321 4.1.1.1); fills `esmtp_features`."""
        self.esmtp_features = self._learnt = {}
        reply: Reply = yield self._perform(Request.ehlo(name or self.local_hostname, lmtp=self._speaks_lmtp))
        self._introduced(reply)
        return reply

    def _introduced(self, reply: Reply) -> None:
        self.ehlo_resp = reply[1]
        self._learnt = dict(self._talk().extensions)
        self.esmtp_features = dict(self._learnt)
        self.does_esmtp = reply[0] == 250

    def _ehlo_or_helo_if_needed(self) -> Steps[None]:
        """Introduces us if that has not been done: EHLO, and HELO if the server
        does not know EHLO. Raises SMTPHeloError."""
        if self.helo_resp is not None or self.ehlo_resp is not None:
            return
        if self._overrides("ehlo", "helo", *_LINE_BY_LINE):
            reply = yield self._own.ehlo()
            if not 200 <= reply[0] <= 299:
                reply = yield self._own.helo()
        else:
            name = self.local_hostname
            reply = yield self._perform(Request.ehlo(name, fall_back=True, lmtp=self._speaks_lmtp))
            if self._talk().speaks_esmtp:
                self._introduced(reply)
            else:
                self.helo_resp = reply[1]
        if not 200 <= reply[0] <= 299:
            raise self._told(SMTPHeloError(*reply))

    def has_extn(self, opt: str) -> bool:
        """Whether the server offers this extension, in any case of letters."""
        return opt.lower() in self.esmtp_features

    def _help(self, args: str = "") -> Steps[bytes]:
        """HELP (RFC 5321 4.1.1.8): the text of the reply."""
        text: bytes = (yield self._perform(Request.help(args)))[1]
        return text

    def _rset(self) -> Steps[Reply]:
        """RSET (RFC 5321 4.1.1.5): ends a transaction that was begun."""
        self.command_encoding = "ascii"
        reply: Reply = yield self._perform(Request.rset())
        return reply

    def _noop(self) -> Steps[Reply]:
        """NOOP (RFC 5321 4.1.1.9)."""
        reply: Reply = yield self._perform(Request.noop())
        return reply

    def _verify(self, address: str) -> Steps[Reply]:
        """VRFY (RFC 5321 4.1.1.6)."""
        reply: Reply = yield self._perform(Request.vrfy(sending.bare_address(address)))
        return reply

    def _expn(self, address: str) -> Steps[Reply]:
        """EXPN (RFC 5321 4.1.1.7)."""
        reply: Reply = yield self._perform(Request.expn(sending.bare_address(address)))
        return reply

    def _mail(self, sender: str, options: Sequence[str] = ()) -> Steps[Reply]:
        """MAIL (RFC 5321 4.1.1.2). An empty sender is the null reverse-path.

        Raises SMTPNotSupportedError for SMTPUTF8 where it is not offered.
        """
        reply: Reply = yield self._perform(Request.mail(sender, _options("options", options)))
        return reply

    def _rcpt(self, recip: str, options: Sequence[str] = ()) -> Steps[Reply]:
        """RCPT (RFC 5321 4.1.1.3)."""
        reply: Reply = yield self._perform(Request.rcpt(recip, _options("options", options)))
        return reply

    def _data(self, msg: MessageLike) -> Steps[Reply]:
        """DATA and the mail data (RFC 5321 4.1.1.4), line ends made CRLF.

        Raises SMTPDataError if the server does not want the data, SMTPContentError
        if it could not be read to its end: the connection is closed then.
        """
        reply: Reply = yield self._perform(Request.data(sending.content_of(msg)))
        if self.debuglevel > 0:
            self._print_debug("data:", reply)
        return reply

    def _quit(self) -> Steps[Reply]:
        """QUIT (RFC 5321 4.1.1.10), and closes the connection.

        What was sent is sent: a server that closes without an answer makes the
        code -1, not an error.
        """
        was_over = self._talk().is_over
        try:
            reply: Reply = yield self._perform(Request.quit())
        except SMTPServerDisconnected as error:
            if was_over or error.stage != "quit":
                raise
            reply = (-1, str(error).encode())
        finally:
            self._forget()
            self.close()
        return reply

    # -- securing and authenticating ----------------------------------------------

    def _starttls(self, *, context: Any = None) -> Steps[Reply]:
        """STARTTLS (RFC 3207). `context` is a TlsConfig or an `ssl.SSLContext`;
        by default the certificate is verified against the system's trust store.

        Everything learnt before is forgotten: say `ehlo()` again. Raises
        SMTPNotSupportedError if it is not offered, SMTPResponseException if the
        server refuses it, SMTPTLSError if the handshake fails. Nothing of a mail
        goes out in plaintext after that.
        """
        yield self._own.ehlo_or_helo_if_needed()
        if self.tls is not None and not self.has_extn("starttls"):
            raise SMTPNotSupportedError(f"this connection is encrypted already ({self.tls.version})")
        code, msg = yield self._talk().perform(Request.starttls(context), self._observer)
        if code != 220:
            refusal = SMTPResponseException(code, msg)
            refusal.stage = "starttls"
            raise self._told(refusal)
        self._forget()
        return code, msg

    def _login(
        self,
        user: str,
        password: str | None = None,
        *,
        initial_response_ok: bool = True,
        access_token: str | None = None,
        mechanism: str | None = None,
    ) -> Steps[Reply]:
        """AUTH (RFC 4954), with the strongest mechanism that the server offers:
        CRAM-MD5, PLAIN, LOGIN for a password, OAUTHBEARER, XOAUTH2 for an OAuth 2.0
        access token. A refusal of the credentials ends it: they are not shown to
        a weaker mechanism.

        Raises SMTPAuthenticationError, SMTPNotSupportedError (no AUTH, or a
        connection that everybody can read), SMTPException (no mechanism in
        common), SMTPHeloError; ValueError for NUL, CR and LF in a credential.
        """
        yield self._own.ehlo_or_helo_if_needed()
        sending.text("user", user)
        if password is not None:
            sending.text("password", password)
        self.user, self.password = user, password
        if self.sock is not None and not self.has_extn("auth"):
            hint = "" if self.tls or not self.has_extn("starttls") else " Call starttls() and ehlo() first."
            raise SMTPNotSupportedError(f"SMTP AUTH extension not supported by server.{hint}")
        if password is not None and mechanism is None and self._overrides(*_AUTH_BY_STEPS):
            reply: Reply = yield from self._login_by_steps(initial_response_ok)
            return reply
        request = Request.login(
            user,
            password,
            access_token=access_token,
            mechanism=mechanism,
            initial_response=initial_response_ok,
        )
        reply = yield self._perform(request)
        return reply

    def _login_by_steps(self, initial_response_ok: bool) -> Steps[Reply]:
        """Through the subclass's own `auth` and authobjects, strongest first."""
        offered = self.esmtp_features["auth"].upper().split()
        for mechanism in ("CRAM-MD5", "PLAIN", "LOGIN"):
            if mechanism in offered:
                answer = getattr(self, "auth_" + mechanism.lower().replace("-", "_"))
                reply: Reply = yield self._own.auth(
                    mechanism, answer, initial_response_ok=initial_response_ok
                )
                return reply
        raise SMTPException("No suitable authentication method found.")

    def _auth(
        self,
        mechanism: str,
        authobject: Callable[..., str | bytes | None],
        *,
        initial_response_ok: bool = True,
    ) -> Steps[Reply]:
        """AUTH by a callable: `authobject(challenge)` answers each challenge
        (bytes), `authobject()` gives the initial response or None.

        Raises SMTPAuthenticationError, and SMTPException if the server does not
        stop asking; what the callable raises cancels the exchange.
        """
        initial = _octets((yield authobject())) if initial_response_ok else None
        answer = yield self._perform(Request.auth(mechanism.upper(), initial))
        asked = 0
        while isinstance(answer, bytes):
            asked += 1
            if asked > _MAX_CHALLENGES:
                yield from self._cancel_auth()
                raise SMTPException(f"Server AUTH mechanism infinite loop. Last response: {(334, answer)!r}")
            try:
                response = _octets((yield authobject(answer)))
            except Exception:
                yield from self._cancel_auth()
                raise
            except BaseException:
                # Whoever was interrupted does not wait for an answer.
                self.close()
                raise
            answer = yield self._talk().perform(Request.response(response), self._observer)
        reply: Reply = answer
        return reply

    def _cancel_auth(self) -> Steps[None]:
        try:
            yield self._talk().perform(Request.response(None), self._observer)
        except SMTPException:
            pass  # The refusal is what was asked for; the cause is on its way up.

    def auth_cram_md5(self, challenge: bytes | None = None) -> str | None:
        """An authobject for CRAM-MD5 (RFC 2195), from `user` and `password`."""
        return None if challenge is None else cram_md5(self.user or "", self.password or "", challenge)

    def auth_plain(self, challenge: bytes | None = None) -> str:
        """An authobject for PLAIN (RFC 4616), from `user` and `password`."""
        return f"\0{self.user}\0{self.password}"

    def auth_login(self, challenge: bytes | None = None) -> str:
        """An authobject for LOGIN, from `user` and `password`."""
        if challenge is None or b"user" in challenge.lower():
            return self.user or ""
        return self.password or ""

    # -- sending --------------------------------------------------------------------

    def _sendmail(
        self,
        from_addr: str,
        to_addrs: str | Iterable[str],
        msg: MessageLike,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> Steps[dict[str, Reply]]:
        """A whole mail transaction (RFC 5321 3.3).

        Args:
            from_addr: the reverse-path; "" is the null reverse-path.
            to_addrs: one address or many.
            msg: bytes, str (sent as UTF-8), or a message. Line ends become CRLF.
                Large bodies are encoded, and attached files read, in small pieces on
                their way out.
            mail_options, rcpt_options: as "BODY=8BITMIME"; SIZE, BODY and
                SMTPUTF8 are added where the message needs and the server offers
                them.

        Returns the refused recipients with (code, text) for each: empty when all
        were accepted. Raises SMTPRecipientsRefused (all of them),
        SMTPSenderRefused, SMTPDataError, SMTPHeloError, SMTPNotSupportedError,
        SMTPServerDisconnected (its `fates` tell whether the message may have
        arrived), SMTPContentError (an attached file could not be read, or was
        changed, while it was being sent); OSError for one that can't be read
        before anything is sent; ValueError for what is not an address or an option.
        """
        yield self._own.ehlo_or_helo_if_needed()
        sending.text("from_addr", from_addr)
        recipients = sending.recipients_of(to_addrs)
        content = sending.content_of(msg)
        if not recipients:
            raise SMTPRecipientsRefused({})
        if self._overrides(*_STEP_BY_STEP, *_LINE_BY_LINE):
            refused: dict[str, Reply] = yield from sending.by_steps(
                self, from_addr, recipients, content, mail_options, rcpt_options
            )
            return refused
        request = Request.transaction(
            from_addr,
            recipients,
            content,
            _options("mail_options", mail_options),
            _options("rcpt_options", rcpt_options),
        )
        refused = yield self._perform(request)
        return refused

    def _send_message(
        self,
        msg: Any,
        from_addr: str | None = None,
        to_addrs: str | Iterable[str] | None = None,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
    ) -> Steps[dict[str, Reply]]:
        """Sends a message (ours or the standard library's) to whom its headers
        name: Sender over From; To, Cc and Bcc, or their Resent- forms. Bcc never
        travels. Returns and raises as `sendmail`, and ValueError for more than
        one block of Resent- fields.
        """
        yield self._own.ehlo_or_helo_if_needed()
        envelope = sending.envelope_of(msg, from_addr, to_addrs)
        utf8 = envelope.needs_smtputf8
        if utf8 and not self.has_extn("smtputf8"):
            raise SMTPNotSupportedError(
                "One or more source or delivery addresses require internationalized email support, "
                "but the server does not advertise the required SMTPUTF8 capability"
            )
        if utf8:
            mail_options = (*mail_options, "SMTPUTF8", "BODY=8BITMIME")
        content = sending.render(msg, utf8=utf8)
        if self._overrides("sendmail"):
            content = bytes(content)  # what a method of one's own knows
        refused: dict[str, Reply] = yield self._own.sendmail(
            envelope.sender, envelope.recipients, content, mail_options, rcpt_options
        )
        return refused

    def _overrides(self, *names: str) -> bool:
        """Whether a subclass or this instance has its own way of one of these."""
        if not vars(self).keys().isdisjoint(names):
            return True
        cls, plain = type(self), self._plain
        # Asked twice a message: most clients are no subclass.
        return cls is not plain and any(getattr(cls, name) is not getattr(plain, name) for name in names)


def named_after(
    script: Callable[..., Steps[Any]], method: Callable[Concatenate[Any, P], R], client: str
) -> Callable[Concatenate[Any, P], R]:
    """The method with the script's name, signature and documentation."""
    signature = inspect.signature(script)
    returned = str(signature.return_annotation).removeprefix("Steps[").removesuffix("]")
    method.__name__ = script.__name__.removeprefix("_")
    method.__qualname__ = f"{client}.{method.__name__}"
    method.__doc__ = script.__doc__
    method.__annotations__ = {**script.__annotations__, "return": returned}
    method.__signature__ = signature.replace(return_annotation=returned)  # type: ignore[attr-defined]
    return method


def blocking(script: Callable[Concatenate[Any, P], Steps[R]]) -> Callable[Concatenate[Any, P], R]:
    """A method that waits: whatever the script yields has come about."""

    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        steps = script(self, *args, **kwargs)
        try:
            step = next(steps)
            while True:
                step = steps.send(step)
        except StopIteration as end:
            result: R = end.value
            return result

    return named_after(script, method, "SmtpClient")


class SmtpClient(Verbs):
    """A client for one SMTP conversation (RFC 5321), smtplib's `SMTP` in shape.

    Args:
        host: name or address, "host:port" too. Connects at once when given; a
            refusing greeting raises SMTPConnectError.
        port: 0 means 25, or 465 with tls="implicit".
        local_hostname: what EHLO says. Default: this machine's name if it is
            fully qualified, its address otherwise; never a DNS look-up.
        timeout: seconds for each stage of the conversation (the whole reply, the
            whole handshake). Default: `socket.getdefaulttimeout()`; without one,
            and for None, the times of RFC 5321 4.5.3.2 (minutes).
        source_address: (host, port) to connect from.
        tls: "none" (default; `starttls()` can be called), "starttls" (EHLO,
            STARTTLS and EHLO follow the greeting) or "implicit" (RFC 8314).
        context: a TlsConfig or an `ssl.SSLContext`, for `tls`. Default: verified
            by the operating system's trust store.
        deadline: seconds for one whole call, whatever it consists of. Default:
            no limit beside `timeout`.
        pipelining: False sends one command at a time, whatever the server offers.
        chunking: False sends mail data by DATA, not BDAT, whatever it offers.
        allow_plaintext_auth: True lets `login` go over a connection without TLS
            that leaves this machine.

    Raises the classes of `rsmtp.errors`; ValueError for input that could not
    stand in a conversation, before anything is sent.
    """

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        timeout: float | None = _UNSET,
        source_address: tuple[str, int] | None = None,
        *,
        tls: str | None = None,
        context: Any = None,
        deadline: float | None = None,
        pipelining: bool = True,
        chunking: bool = True,
        allow_plaintext_auth: bool = False,
    ) -> None:
        super().__init__(
            host,
            port,
            local_hostname,
            timeout,
            source_address,
            tls=tls,
            context=context,
            deadline=deadline,
            pipelining=pipelining,
            chunking=chunking,
            allow_plaintext_auth=allow_plaintext_auth,
        )
        if host:
            self._enter(host, port)

    _enter = blocking(Verbs._arrive)
    _exit = blocking(Verbs._leave)

    connect = blocking(Verbs._connect)
    send = blocking(Verbs._send)
    putcmd = blocking(Verbs._putcmd)
    getreply = blocking(Verbs._getreply)
    docmd = blocking(Verbs._docmd)
    helo = blocking(Verbs._helo)
    ehlo = blocking(Verbs._ehlo)
    ehlo_or_helo_if_needed = blocking(Verbs._ehlo_or_helo_if_needed)
    help = blocking(Verbs._help)
    rset = blocking(Verbs._rset)
    noop = blocking(Verbs._noop)
    verify = blocking(Verbs._verify)
    expn = blocking(Verbs._expn)
    mail = blocking(Verbs._mail)
    rcpt = blocking(Verbs._rcpt)
    data = blocking(Verbs._data)
    quit = blocking(Verbs._quit)
    starttls = blocking(Verbs._starttls)
    login = blocking(Verbs._login)
    auth = blocking(Verbs._auth)
    sendmail = blocking(Verbs._sendmail)
    send_message = blocking(Verbs._send_message)
    vrfy = verify

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit()

    def _begin(self, host: str, port: int, path: str | None = None) -> None:
        settings = self._settings(host)
        self._connected(
            Connection.open(
                host,
                port,
                settings,
                path=path,
                source_address=self.source_address,
                observer=self._observer,
            )
        )


SmtpClient._plain = SmtpClient


def _options(argument: str, options: Sequence[str]) -> list[str]:
    if isinstance(options, str) or not hasattr(options, "__iter__"):
        raise TypeError(f"{argument}: a list of options is wanted, not one {type(options).__name__}")
    return [sending.text(argument, option) for option in options]


def _octets(response: str | bytes | None) -> bytes | None:
    return response.encode() if isinstance(response, str) else response


def _own_name() -> str:
    """This machine's name if it is one that a server can take; no DNS look-up,
    which can take seconds and tell nonsense."""
    name = socket.gethostname()
    fits = "." in name and all(c.isascii() and (c.isalnum() or c in "-.") for c in name)
    return name if fits else "[127.0.0.1]"


def address_literal(address: tuple[str, int] | None) -> str:
    """An address literal (RFC 5321 4.1.3)."""
    host = address[0] if address else "127.0.0.1"
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
