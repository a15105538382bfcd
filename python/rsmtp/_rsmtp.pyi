"""
The engine under `rsmtp`. The shapes that people know stand in the package
around it.
"""

import collections
import collections.abc
import email
import email.message
import email.policy
import os
import typing
from collections.abc import Iterator
from datetime import datetime
from email.message import EmailMessage
from os import PathLike
from typing import Any, Final, Self, SupportsFloat, SupportsIndex, final

from _typeshed import SupportsGetItem
from typing_extensions import disjoint_base

import rsmtp
import rsmtp.email
import rsmtp.email.policy
import rsmtp.typing
from rsmtp.advice import Advice

__all__ = [
    "AUTH_CONTINUES",
    "COMPLETED",
    "CREDENTIALS_INVALID",
    "EXCEEDED_STORAGE",
    "LOGIN_REQUIRED",
    "SERVICE_CLOSING",
    "SERVICE_NOT_AVAILABLE",
    "SERVICE_READY",
    "STAGES",
    "START_MAIL_INPUT",
    "STATES",
    "WILL_FORWARD",
    "__version__",
    "Answer",
    "ArmedFault",
    "Catcher",
    "CaughtConversation",
    "CaughtLine",
    "CaughtMessage",
    "CaughtTls",
    "Certificate",
    "Connection",
    "DeliveryOptions",
    "Dkim",
    "DkimChoice",
    "DnsRecord",
    "Edge",
    "Engine",
    "Exchange",
    "Login",
    "Message",
    "Opened",
    "Operation",
    "Receipt",
    "Recipient",
    "RenderedMessage",
    "Request",
    "Sending",
    "Settings",
    "StateMachine",
    "Templates",
    "TlsConfig",
    "TlsFacts",
    "TranscriptLine",
    "TransportPump",
    "Worker",
    "_Style",
    "_before_warning",
    "_encode_word",
    "_encode_words",
    "_envelope",
    "_envelope_addresses",
    "_fold_field",
    "_fold_runs",
    "_fold_tokens",
    "_new_dkim_key",
    "_quoted_printable",
    "_read_address",
    "_read_addresses",
    "_ready",
    "_rendered",
    "_username",
    "ascii_host",
    "cram_md5",
    "enhanced_code",
    "formataddr",
    "html_of_markdown",
    "needs_smtputf8",
    "refuses_mechanism",
    "severity",
    "state_machine",
    "text_of_html",
]

AUTH_CONTINUES: Final[int]
COMPLETED: Final[int]
CREDENTIALS_INVALID: Final[int]
EXCEEDED_STORAGE: Final[int]
LOGIN_REQUIRED: Final[int]
SERVICE_CLOSING: Final[int]
SERVICE_NOT_AVAILABLE: Final[int]
SERVICE_READY: Final[int]
STAGES: Final[list[str]]
START_MAIL_INPUT: Final[int]

STATES: Final[list[str]]
"""
What `state` can be, and what the `stage` of an exception can be.
"""

WILL_FORWARD: Final[int]
__version__: Final[str]

@final
class Answer:
    """
    Is done when a request is settled. Has what a task asks of a future (`asyncio.isfuture`).
    """
    def __await__(self, /) -> Answer: ...
    def __iter__(self, /) -> Answer: ...
    def __new__(cls, /, event_loop: Any) -> Answer: ...
    def __next__(self, /) -> Answer: ...
    def __repr__(self, /) -> str: ...
    @property
    def _asyncio_future_blocking(self, /) -> bool: ...
    @_asyncio_future_blocking.setter
    def _asyncio_future_blocking(self, /, blocking: bool) -> None: ...
    def add_done_callback(self, /, callback: typing.Any, *, context: object = None) -> None: ...
    def cancel(self, /, msg: object = None) -> bool: ...
    def cancelled(self, /) -> bool: ...
    def come(self, /, *, at_once: bool = False) -> None:
        """
        Ends the wait. `at_once`: the event loop is the caller, and does nothing after this call. Then
        the task continues in this same turn of the loop; otherwise, as with all futures, in the next.
        """
    def done(self, /) -> bool: ...
    def exception(self, /) -> None:
        """
        None. Raises as `result`.
        """
    def get_loop(self, /) -> typing.Any: ...
    def remove_done_callback(self, /, callback: typing.Any) -> int:
        """
        How many were removed.
        """
    def result(self, /) -> None:
        """
        None. Raises CancelledError if it was cancelled, and InvalidStateError before it is done.
        """

@final
class ArmedFault:
    """
    A fault as it stands.
    """
    def __repr__(self, /) -> str: ...
    @property
    def address(self, /) -> str | None:
        """
        The address or domain that it is for; None: for all.
        """
    @property
    def number(self, /) -> int:
        """
        Which fault of the catcher's it is, from 1 on.
        """
    @property
    def skip(self, /) -> int:
        """
        How many times the stage will still be passed unharmed.
        """
    @property
    def stage(self, /) -> str:
        """
        One of `Catcher.stages()`.
        """
    @property
    def text(self, /) -> str:
        """
        What it does, in words.
        """
    @property
    def times(self, /) -> int | None:
        """
        How many times it will still strike; None: always.
        """

@final
class Catcher:
    """
    An SMTP server for first runs and tests: it takes mail, shows it, and
    delivers it nowhere. Told to, it misbehaves.

    It listens as soon as it is made and until it is closed; use it in a `with`
    statement. It works on threads of its own, without Python's lock.

    Args:
        host: the address to bind. One that other machines can reach is refused
            unless allow_remote is true.
        port: the port to bind; 0 takes a free one.
        tls: "starttls" (RFC 3207), "implicit" (TLS from the first byte on), or
            "none".
        protocol: "smtp" (RFC 5321), or "lmtp" (RFC 2033).
        unix: listen on a Unix socket of this path instead.
        username: the one login; "catcher" by default. `user` is another name of it.
        password: its password for SCRAM, CRAM-MD5, PLAIN and LOGIN; random by default.
        token: its token for XOAUTH2 and OAUTHBEARER; random by default.
        any_login: accept every name with every password or token; username, password
            and token are then only what a client may be told.
        require_auth: MAIL is answered with 530 before AUTH.
        require_tls: MAIL is answered with 530 before STARTTLS.
        auth_before_tls: AUTH is allowed before STARTTLS too; 538 by default.
        extensions: the service extensions that are offered; all by default:
            STARTTLS AUTH PIPELINING CHUNKING 8BITMIME SMTPUTF8 SIZE DSN
            ENHANCEDSTATUSCODES HELP FUTURERELEASE DELIVERBY MT-PRIORITY BINARYMIME
            RRVS XVERP, by TLS REQUIRETLS, and LIMITS where max_messages is given.
        without: extensions that are not offered.
        mechanisms: the SASL mechanisms that are offered, in this order; by default
            SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN
            XOAUTH2 OAUTHBEARER EXTERNAL. A -PLUS is offered under TLS alone, EXTERNAL to a client
            that shows a certificate (`client_certificate`), and SCRAM is left out where any_login
            is true: its server has to know the password.
        max_size: the longest mail data, in octets (552 above it).
        max_recipients: the most recipients of a message (452 above it).
        max_messages: the most messages of one connection (421 after it).
        max_connections: the most open connections (421 to the next one).
        idle_timeout: seconds of silence after which a client is closed (421).
        keep: how many messages are kept; older ones make room, count stays
            exact. With 0 the mail data isn't even gathered.
        hostname: how it calls itself.
        authority: a folder that keeps the certificate authority, so that `ca_file` is
            the same at every start. Without one, each catcher has its own. It
            vouches for localhost, 127.0.0.0/8 and ::1 alone.
        allow_remote: let a host be bound that other machines can reach.
        xclient: offer XCLIENT to clients on this machine, as Postfix does to its gateways: they
            say for whom they speak.

    Raises ValueError for arguments that make no sense, OSError if it can't
    listen.
    """
    def __enter__(self, /) -> Catcher: ...
    def __exit__(self, /, *_exception: object) -> None: ...
    def __new__(
        cls,
        /,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: typing.Literal["starttls", "implicit", "none"] = "starttls",
        protocol: typing.Literal["smtp", "lmtp"] = "smtp",
        unix: str | os.PathLike[str] | None = None,
        username: str | None = None,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        any_login: bool = False,
        require_auth: bool = False,
        require_tls: bool = False,
        auth_before_tls: bool = False,
        extensions: collections.abc.Sequence[str] | None = None,
        without: collections.abc.Sequence[str] | None = None,
        mechanisms: collections.abc.Sequence[str] | None = None,
        max_size: int = 33554432,
        max_recipients: int = 1000,
        max_messages: int | None = None,
        max_connections: int = 1000,
        idle_timeout: float = 300.0,
        keep: int = 1000,
        hostname: str = "localhost",
        authority: str | os.PathLike[str] | None = None,
        allow_remote: bool = False,
        xclient: bool = False,
    ) -> Catcher: ...
    def __repr__(self, /) -> str: ...
    def _repr_mimebundle_(self, /, include: object = None, exclude: object = None) -> dict[str, str]:
        """
        For notebooks: where it listens, and the last messages with links to its inbox.
        """
    @property
    def ca_file(self, /) -> str | None:
        """
        A PEM file with the certificate of the authority that has issued the
        catcher's own: trust it to verify the catcher. It is removed when the
        catcher is closed, unless it is kept (`authority`). None without TLS.
        """
    @property
    def changes(self, /) -> int:
        """
        How often something has changed: a message came or was forgotten, a
        connection began or ended.
        """
    def clear(self, /) -> None:
        """
        Forgets the messages, and the conversations of closed connections;
        count is 0 again.
        """
    def clear_faults(self, /) -> None:
        """
        Behaves well again.
        """
    @property
    def client_certificate(self, /) -> str | None:
        """
        A PEM file with a certificate that names `username`, issued by the catcher's authority,
        and its key: for `TlsConfig(client_certificate=...)`, so that a client can log in by
        EXTERNAL. Only its owner can read it, and it is removed when the catcher is closed. None
        without TLS. Raises OSError where it can't be written.
        """
    def close(self, /) -> None:
        """
        Stops listening and ends all connections. The messages stay. Closing
        again does nothing.
        """
    @property
    def connections(self, /) -> int:
        """
        How many connections are open.
        """
    @property
    def conversations(self, /) -> list[CaughtConversation]:
        """
        What was said on the latest 1000 connections, oldest first, whether they
        brought a message or not.
        """
    @property
    def count(self, /) -> int:
        """
        How many messages were accepted, kept or not.
        """
    def delete(self, /, number: int) -> bool:
        """
        Forgets one message; count stays. Returns whether it was there.
        """
    def fault(
        self,
        /,
        stage: str,
        *,
        reply: tuple[int, str | collections.abc.Sequence[str]]
        | bytes
        | typing.Literal["usual"]
        | None = None,
        address: str | None = None,
        times: int | None = None,
        skip: int = 0,
        delay: float = 0.0,
        drip: float | None = None,
        extra: tuple[int, str | collections.abc.Sequence[str]] | bytes | None = None,
        endless: bool = False,
        stall: bool = False,
        disconnect: bool | typing.Literal["fin", "reset", "half-close"] | None = None,
        accept: bool | None = None,
        after: int = 0,
        certificate: typing.Literal["wrong-name", "expired", "not-yet-valid", "untrusted", "self-signed"]
        | None = None,
    ) -> int:
        """
        Misbehaves from now on when `stage` is reached.

        Of several faults that fit, the first one added acts. Without any other
        argument than `stage`, nothing changes. Returns the fault's number.

        Args:
            stage: one of Catcher.stages().
            reply: what is said in place of the usual reply: (code, text), with a
                list of lines or line feeds for a reply of several lines; bytes,
                to be sent exactly so; "usual" for the usual reply. A reply of
                another class than the usual one takes the command's effect
                away; after (421, text) the catcher disconnects.
            address: only for this address, or for the domain if it starts with
                "@": the recipient at "RCPT" and (LMTP) "end-of-data", the
                sender at "MAIL".
            times: so many times; None: always.
            skip: so many times the stage is passed unharmed before that.
            delay: seconds before the reply.
            drip: the reply goes out octet by octet, with so many seconds between.
            extra: a second reply, right behind the first one: (code, text) or
                bytes.
            endless: the reply is repeated until the client leaves.
            stall: no reply ever, and the connection stays open.
            disconnect: True or "fin" (in order), "reset" (TCP's RST), or
                "half-close" (the catcher says no more but reads on); after the
                reply if one is given, instead of it otherwise.
            accept: whether the command takes effect all the same: True keeps a
                message whose 250 is never heard.
            after: at "mail-data": only after so many octets.
            certificate: at "handshake": "wrong-name", "expired",
                "not-yet-valid", "untrusted" or "self-signed".

        Raises ValueError for arguments that make no sense.
        """
    @property
    def faults(self, /) -> list[ArmedFault]:
        """
        The faults that were added, used-up ones too, in their order.
        """
    @property
    def host(self, /) -> str:
        """
        The address that it listens on; the path of a Unix socket.
        """
    def message(self, /, number: int) -> CaughtMessage | None:
        """
        The message of this number (`CaughtMessage.number`); None if it is not kept.
        """
    @property
    def messages(self, /) -> list[CaughtMessage]:
        """
        The messages that were accepted, oldest first; at most `keep`.
        """
    @property
    def password(self, /) -> str:
        """
        The password of the one login.
        """
    @property
    def port(self, /) -> int:
        """
        The port that it listens on; 0 for a Unix socket.
        """
    @property
    def protocol(self, /) -> str:
        """
        "smtp" or "lmtp".
        """
    def remove_fault(self, /, number: int) -> bool:
        """
        Takes one fault away, by its number. Returns whether it was there.
        """
    def restore(
        self,
        /,
        number: SupportsIndex,
        data: SupportsGetItem[int, SupportsIndex],
        *,
        received_at: datetime,
        mail_from: str,
        rcpt_tos: SupportsGetItem[int, str],
        mail_parameters: dict[str, str | None] | None = None,
        rcpt_parameters: SupportsGetItem[int, dict[str, str | None]] | None = None,
        peer: str = "",
        helo: str = "",
        username: str | None = None,
        user: str | None = None,
        tls: tuple[str, str, str | None] | None = None,
        chunked: bool = False,
        timeline: SupportsGetItem[int, tuple[SupportsFloat | SupportsIndex | None, str, str]] | None = None,
    ) -> bool:
        """
        Keeps a message of an earlier run, as `rsmtp catch --store` does: it is in
        `messages` again, in its place, and the next one that comes has a higher number.

        The arguments are what `CaughtMessage` tells; `tls` is its version, cipher and
        server name, `timeline` what was said, as (at, direction, text). Returns False
        where the number is taken or there is no room (`keep`). `count` stays.

        Raises ValueError for a number below 1 or a direction that is not "C", "S" or "*".
        """
    @staticmethod
    def stages() -> list[str]:
        """
        Every stage at which a fault can strike, by name.
        """
    @property
    def tls(self, /) -> str:
        """
        "starttls", "implicit" or "none".
        """
    @property
    def token(self, /) -> str:
        """
        The OAuth token of the one login.
        """
    @property
    def user(self, /) -> str:
        """
        Another name of `username`.
        """
    @property
    def username(self, /) -> str:
        """
        The name of the one login.
        """
    def wait_for(self, /, count: int = 1, timeout: float = 10.0) -> list[CaughtMessage]:
        """
        Waits until count is at least `count`, and returns the messages.

        Ctrl-C ends the wait. Raises TimeoutError after `timeout` seconds.
        """
    def wait_for_change(self, /, seen: int, timeout: float = 10.0) -> int:
        """
        Waits until `changes` is another number than `seen`, at most `timeout`
        seconds. Returns `changes`. Ctrl-C ends the wait.
        """

@final
class CaughtConversation:
    """
    What was said on one connection, secrets masked.

    Iterating gives the lines: `C: EHLO me`, `S: 250 ok`, and `-- ...` for what
    was done and not said. Long conversations are cut in the middle.
    """
    def __iter__(self, /) -> Iterator[str]: ...
    def __len__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    def _repr_mimebundle_(self, /, include: object = None, exclude: object = None) -> dict[str, str]:
        """
        For notebooks: the same as text and as static HTML.
        """
    @property
    def closed(self, /) -> bool:
        """
        Whether the connection has ended.
        """
    @property
    def helo(self, /) -> str:
        """
        The name that the client gave with EHLO, HELO or LHLO; empty before that.
        """
    @property
    def lines(self, /) -> list[str]:
        """
        The lines, in order.
        """
    @property
    def number(self, /) -> int | None:
        """
        Which connection of the catcher's it is, from 1 on; None where it is what
        one message was said with.
        """
    @property
    def peer(self, /) -> str:
        """
        The client's socket address, as `127.0.0.1:40000`; `unix` for a Unix
        socket.
        """
    @property
    def timeline(self, /) -> list[CaughtLine]:
        """
        The lines with their times.
        """
    @property
    def tls(self, /) -> CaughtTls | None:
        """
        What was agreed on in the TLS handshake; None without TLS.
        """
    @property
    def user(self, /) -> str | None:
        """
        Another name of `username`.
        """
    @property
    def username(self, /) -> str | None:
        """
        The user name that the client has logged in with; None without a login.
        """

@final
class CaughtLine:
    """
    One line of a conversation with the catcher, secrets masked.
    """
    def __repr__(self, /) -> str: ...
    @property
    def at(self, /) -> float | None:
        """
        Seconds since the connection was begun; None for a note about lines that
        were not kept.
        """
    @property
    def direction(self, /) -> str:
        """
        "C" for the client, "S" for the catcher, "*" for what happened besides.
        """
    @property
    def text(self, /) -> str:
        """
        Without the line end; bytes that are not UTF-8 are shown as U+FFFD.
        """

@final
class CaughtMessage:
    """
    A message that the catcher has accepted: its envelope, its mail data, and
    how it came.
    """
    def __repr__(self, /) -> str: ...
    def _repr_mimebundle_(self, /, include: object = None, exclude: object = None) -> dict[str, str]:
        """
        For notebooks: the same as text and as static HTML.
        """
    @property
    def chunked(self, /) -> bool:
        """
        Whether the mail data came by BDAT (RFC 3030) and not by DATA.
        """
    @property
    def conversation(self, /) -> CaughtConversation:
        """
        What was said: how the connection was opened, and this message's own
        transaction. Secrets are masked, the mail data is left out.
        """
    @property
    def data(self, /) -> bytes:
        """
        The mail data exactly as it came, except that the stuffed dots of DATA
        are taken away again (RFC 5321 section 4.5.2).
        """
    @property
    def email(self, /) -> EmailMessage:
        """
        The mail data as an `email.message.EmailMessage`, parsed by the standard
        library when it is first asked for. Its lines end with LF, as that
        library's own do; `data` has the CRLF that were sent. Of parts
        nested deeper than it can read, some hundred, that is the header alone.
        """
    @property
    def helo(self, /) -> str:
        """
        The name that the client gave with EHLO, HELO or LHLO.
        """
    @property
    def mail_from(self, /) -> str:
        """
        The reverse-path of MAIL; empty for the null reverse-path `<>`.
        """
    @property
    def mail_parameters(self, /) -> dict[str, str | None]:
        """
        MAIL's parameters (SIZE, BODY, SMTPUTF8, AUTH, RET, ENVID, REQUIRETLS, HOLDFOR, HOLDUNTIL,
        BY, MT-PRIORITY, XVERP): keywords in capitals, values as they came, None for a keyword without a
        value.
        """
    @property
    def number(self, /) -> int:
        """
        Which message of the catcher's it is, from 1 on.
        """
    @property
    def peer(self, /) -> str:
        """
        The client's socket address, as `127.0.0.1:40000`; `unix` for a Unix
        socket; what XCLIENT has said instead.
        """
    @property
    def queue_id(self, /) -> str:
        """
        The queue id that the client was told: `250 2.0.0 Ok: queued as 1F`.
        """
    @property
    def rcpt_parameters(self, /) -> list[dict[str, str | None]]:
        """
        RCPT's parameters (NOTIFY, ORCPT, RRVS), one dict for each of rcpt_tos.
        """
    @property
    def rcpt_tos(self, /) -> list[str]:
        """
        The forward-paths that were accepted, in order. In LMTP: those accepted
        after the mail data too.
        """
    @property
    def received_at(self, /) -> datetime:
        """
        When its mail data had come in, in UTC.
        """
    @property
    def size(self, /) -> int:
        """
        The octets of the mail data.
        """
    @property
    def tls(self, /) -> CaughtTls | None:
        """
        What was agreed on in the TLS handshake; None without TLS.
        """
    @property
    def user(self, /) -> str | None:
        """
        Another name of `username`.
        """
    @property
    def username(self, /) -> str | None:
        """
        The user name that the client had logged in with; None without a login.
        """
    @property
    def xclient(self, /) -> dict[str, str]:
        """
        What the client has said by XCLIENT of the one that it speaks for: NAME, ADDR, PORT, PROTO,
        HELO, LOGIN, DESTADDR, DESTPORT, as far as it has. Empty without XCLIENT.
        """

@final
class CaughtTls:
    """
    What the catcher and a client agreed on in a TLS handshake.
    """
    def __repr__(self, /) -> str: ...
    @property
    def cipher(self, /) -> str:
        """
        The cipher suite's IANA name.
        """
    @property
    def server_name(self, /) -> str | None:
        """
        The host that the client asked for (SNI); None if it named none.
        """
    @property
    def version(self, /) -> str:
        """
        As `TLSv1.3`.
        """

@final
class Certificate:
    """
    A server's certificate (RFC 5280), whether it was verified or not.

    All but `der` raise ValueError where the certificate can't be read.
    """
    def __repr__(self, /) -> str: ...
    def _repr_mimebundle_(self, /, include: object = None, exclude: object = None) -> dict[str, str]:
        """
        For notebooks: the same as text and as static HTML.
        """
    @property
    def der(self, /) -> bytes:
        """
        The certificate itself, DER.
        """
    @property
    def issuer(self, /) -> str:
        """
        Who has signed it, in the same form.
        """
    @property
    def names(self, /) -> list[str]:
        """
        The DNS names and IP addresses that it is for (RFC 5280 4.2.1.6).
        """
    @property
    def not_after(self, /) -> datetime:
        """
        Until when it is valid, in UTC.
        """
    @property
    def not_before(self, /) -> datetime:
        """
        From when on it is valid, in UTC.
        """
    @property
    def subject(self, /) -> str:
        """
        The subject, as `CN=mail.example.org, O=Example`.
        """

@final
class Connection(Operation):
    """
    A connection and the session on it.

    Methods wait without the GIL, look at signals at least every 100 ms, and
    raise from `rsmtp.errors`. A second thread waits its turn.
    """
    def close(self, /) -> None:
        """
        Ends the connection without a word; another thread that waits on it is
        told so.
        """
    def fileno(self, /) -> int:
        """
        The socket's number; -1 when it is closed.
        """
    def getpeername(self, /) -> tuple[str, int] | None:
        """
        `(host, port)` of the peer; None for a Unix socket.
        """
    def getsockname(self, /) -> tuple[str, int] | None:
        """
        `(host, port)` of this side; None for a Unix socket.
        """
    @staticmethod
    def open(
        host: str,
        port: SupportsIndex,
        settings: Settings,
        *,
        path: str | PathLike[str] | None = None,
        source_address: tuple[str, SupportsIndex] | None = None,
        proxy: typing.Any = None,
        observer: object = None,
    ) -> Connection:
        """
        Connects to `host` and `port`, or to the Unix socket at `path`, through a proxy (a
        `rsmtp._transport.proxies.Proxy`) if there is one. The greeting is the first reply to be read.
        """
    def perform(self, /, request: Request, observer: object = None) -> typing.Any:
        """
        Carries a request out: `(code, text)` for a reply, the dict of the refused
        recipients for a transaction, the challenge (bytes) of an AUTH exchange
        that the caller answers, None where no reply is waited for.
        """

@final
class DeliveryOptions:
    """
    Parameters of MAIL and RCPT that `rsmtp.Envelope` stands for.

    Raises ValueError, naming the argument, for a value that its RFC does not allow. Times are
    seconds since 1970.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __new__(
        cls,
        /,
        *,
        ret: str | None = None,
        envid: str | None = None,
        require_tls: bool = False,
        hold_for: SupportsIndex | None = None,
        hold_until: SupportsIndex | None = None,
        deliver_by: tuple[SupportsIndex, bool, bool] | None = None,
        priority: SupportsIndex | None = None,
        binary: bool = False,
        xverp: str | None = None,
        notify: SupportsGetItem[int, str] | None = None,
        own: list[tuple[str, list[str] | None, str | None, int | None]] | None = None,
        if_offered: bool = False,
    ) -> DeliveryOptions: ...
    def __repr__(self, /) -> str: ...
    @property
    def binary(self, /) -> bool:
        """
        Whether BINARYMIME is asked for.
        """
    @staticmethod
    def from_dict(told: dict[str, typing.Any]) -> DeliveryOptions:
        """
        What `to_dict` has written. ValueError for anything else.
        """
    @property
    def mail(self, /) -> list[str]:
        """
        The parameters of MAIL, as they go out where they are offered.
        """
    def rcpt(self, /, address: str) -> list[str]:
        """
        The parameters of RCPT for an address.
        """
    def to_dict(self, /) -> dict[str, typing.Any]:
        """
        For JSON; `from_dict` reads it.
        """
    def with_xverp(self, /, delimiters: str) -> DeliveryOptions:
        """
        These options, and XVERP with these delimiters.
        """

@final
class Dkim:
    """
    A DKIM signature (RFC 6376): for which domain, and by which key.

    Args:
        domain: the signing domain (`d=`), which DMARC compares with that of From.
        selector: which of the domain's keys it is (`s=`): verifiers look for
            `selector._domainkey.domain`.
        key: the private key, RSA of 2048 bits at least or Ed25519: the path of a PEM file, or
            PEM as text or bytes. For a key in an HSM or a KMS, a function: it gets the octets to
            sign and returns the signature, for RSA RSASSA-PKCS1-v1_5 with SHA-256, for Ed25519
            PureEdDSA (the octets are a SHA-256 digest already, RFC 8463). It may be called by
            several threads at once.
        algorithm: "rsa-sha256" (default) or "ed25519-sha256", for a key that is a function.
        public_key: PEM, for a key that is a function: `dns_record` needs it, and each signature
            is checked by it.
        canonicalization: what may change on the way without breaking the signature, for the
            header and the body: "relaxed/relaxed" (default), "relaxed/simple", "simple/relaxed"
            or "simple/simple" (RFC 6376 3.4).
        fields: the names of the fields that are signed, as far as a message has them. Default:
            those that say who sent what to whom, and how to read it; List-Unsubscribe and
            List-Unsubscribe-Post among them.
        oversign: of those, the ones that are named once more than they occur: adding another one
            on the way breaks the signature. Default: From, To, Cc, Subject and Reply-To; Date and
            Message-ID where they are there, as servers add missing ones.
        identity: on whose behalf it is signed (`i=`), as "@news.example.com".
        expires: seconds after which the signature is no longer good (`x=`). Default: never.
        seven_bit: whether what a message says in 8-bit is re-encoded in 7-bit lines before it is
            signed. Servers without 8BITMIME would do it later, and break the signature. Given
            octets are signed as they are.

    An internationalized domain is written as A-labels. The key is read at once, and never shown:
    raises ValueError for one that can't sign (encrypted, too short, a public one, of another
    type), OSError for a file that can't be read, and ValueError for what can't stand in a
    signature.
    """
    def __copy__(self, /) -> Dkim: ...
    def __deepcopy__(self, /, _memo: dict) -> Dkim: ...
    def __new__(
        cls,
        /,
        domain: str,
        selector: str,
        key: str | bytes | bytearray | os.PathLike[str] | collections.abc.Callable[[bytes], bytes],
        *,
        algorithm: str | None = None,
        public_key: str | bytes | bytearray | os.PathLike[str] | None = None,
        canonicalization: str = "relaxed/relaxed",
        fields: collections.abc.Iterable[str] | None = None,
        oversign: collections.abc.Iterable[str] | None = None,
        identity: str | None = None,
        expires: int | None = None,
        seven_bit: bool = True,
    ) -> Dkim: ...
    def __reduce__(self, /) -> str: ...
    def __repr__(self, /) -> str: ...
    @property
    def algorithm(self, /) -> str:
        """
        "rsa-sha256" or "ed25519-sha256".
        """
    def dns_record(self, /) -> DnsRecord:
        """
        What to publish in the DNS for this key: `name` and `value` of a TXT record, and as text
        the line of a zone file. Raises ValueError for a key that is a function, without its
        `public_key`.
        """
    @property
    def domain(self, /) -> str:
        """
        The signing domain, as A-labels.
        """
    @property
    def selector(self, /) -> str:
        """
        Which of the domain's keys it is.
        """
    def sign(
        self,
        /,
        message: bytes
        | bytearray
        | memoryview
        | RenderedMessage
        | email.message.Message[typing.Any, typing.Any],
        *,
        utf8: bool | None = None,
    ) -> bytes | RenderedMessage:
        """
        The message with this signature before it, ready to be sent, as `Message.sign` gives it:
        of any message, or of octets, which are signed as they are.
        """

@final
class DkimChoice:
    """
    Who signs which message, as it was given: what a mailer keeps of its `dkim=`.
    """
    def __new__(cls, /, dkim: rsmtp.typing.DkimKeys) -> DkimChoice:
        """
        ValueError or TypeError for what is neither one nor several `Dkim`, nor any by domain.
        """

@final
class DnsRecord:
    """
    A TXT record of the DNS.
    """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str:
        """
        A line for a zone file, whose strings are 255 octets at most (RFC 1035 3.3).
        """
    @property
    def name(self, /) -> str:
        """
        As "s2026._domainkey.example.com", without a dot at its end.
        """
    @property
    def value(self, /) -> str:
        """
        As "v=DKIM1; k=rsa; p=...", in one piece.
        """

@final
class Edge:
    """
    One edge of the state machine.
    """
    def __repr__(self, /) -> str: ...
    @property
    def cause(self, /) -> str:
        """
        A verb, "greeting", "TLS handshake", "end of data" or "failure".
        """
    @property
    def codes(self, /) -> str:
        """
        The reply codes that take it: "220", "2yz"; "other" for those that no edge
        beside it takes; "" where any does, or none is involved.
        """
    @property
    def source(self, /) -> str:
        """
        The state it leaves.
        """
    @property
    def target(self, /) -> str:
        """
        The state it leads to.
        """

@final
class Engine:
    """
    Sessions, limits and rules of a mailer. `rsmtp.mailer` says what they mean.
    """
    def __new__(
        cls,
        /,
        servers: list[typing.Any],
        *,
        connections: SupportsIndex,
        window: SupportsIndex,
        keep_idle: SupportsFloat | SupportsIndex,
        max_age: SupportsFloat | SupportsIndex,
        max_messages: SupportsIndex | None = None,
        rate: SupportsFloat | SupportsIndex | None = None,
        rate_per_connection: SupportsFloat | SupportsIndex | None = None,
        per_day: SupportsIndex | None = None,
        of_recipients: bool = False,
        retries: SupportsIndex = 2,
        give_up_after: SupportsFloat | SupportsIndex | None = None,
        backoff: SupportsFloat | SupportsIndex = 1.0,
        resend_unknown: bool = False,
        dkim: DkimChoice | None = None,
    ) -> Engine:
        """
        A mailer by these servers, in the order of preference.
        """
    def close(self, /) -> None:
        """
        Ends the sessions at rest; nothing can be sent any more.
        """
    def forget(self, /) -> None:
        """
        The sessions at rest have gone with their event loop.
        """
    @property
    def idle(self, /) -> int:
        """
        Idle sessions.
        """
    @property
    def is_closed(self, /) -> bool: ...
    @staticmethod
    def local(
        kind: str,
        path: str | PathLike[str] | None = None,
        *,
        rate: SupportsFloat | SupportsIndex | None = None,
        per_day: SupportsIndex | None = None,
        dkim: DkimChoice | None = None,
    ) -> Engine:
        """
        A mailer that stores messages in a folder ("file"), gives them to a program
        ("sendmail") or throws them away ("null").
        """
    @property
    def next_in_line(self, /) -> int | None:
        """
        Whose turn it is to have a session: a number that a worker queues by.
        """
    def send(
        self,
        /,
        item: Any,
        prepared: tuple[str, list[str], bytes | RenderedMessage, list[str], DeliveryOptions | None],
        suppressed: list[tuple[str, str]] | None = None,
        *,
        timed: bool = False,
    ) -> Receipt:
        """
        Sends one message in this thread, as `rsmtp._client.outgoing.prepare` has made it ready.
        `suppressed` are recipients that are held back, each with the reason. `timed`: the receipt
        has the course of the conversation.
        """
    def send_all(
        self,
        /,
        every: bool,
        kept: SupportsIndex,
        recorded: bool,
        note: typing.Callable[[list[int], dict[int, list[Recipient]]], bool] | None = None,
        nudge: typing.Callable[[], None] | None = None,
        *,
        timed: bool = False,
    ) -> Sending:
        """
        Begins to send many. With `every`, `go_on` returns a receipt for each;
        otherwise for each that did not go to every recipient, and for the first `kept`
        of the others.
        `recorded`: each line of the conversations is kept for the errors, and not only their
        beginnings.
        `note(indexes, settled)` is called before the ends of these messages are said, in a
        session's own thread or in the loop's: True, they are written down; False, not yet.
        `settled` has the recipients of each that were settled since it was noted last.
        `nudge` is given where an event loop moves the sessions, and not `go_on`: it is called by
        threads that sign, when there is more to send.
        `timed`: receipts have the course of the conversation, as far as it is recorded.
        """
    def settings(self, /, server: SupportsIndex) -> Settings:
        """
        How a session with this server is to be held, for an event loop.
        """
    @property
    def tally(self, /) -> tuple[int, int, int, int, int]:
        """
        Numbers of messages so far, of all calls: sent to every recipient, refused for one at
        least, unknown for one at least, not sent, suppressed for all.
        """

@final
class Exchange:
    """
    What a session answers within AUTH, as an authobject of smtplib's: called without a
    challenge it gives the initial response, or None.
    """
    def __call__(self, /, challenge: bytes | None = None) -> bytes | None: ...
    def conclude(self, /, text: bytes) -> None:
        """
        The server says that we are in, with this text: raises SMTPProtocolError if it has not
        proven what it had to.
        """

@final
class Login:
    """
    A username and a password, or an OAuth 2.0 access token, that were asked for.
    """
    def __new__(
        cls,
        /,
        username,
        *,
        password=None,
        access_token=None,
        ticket: Any | None = None,
        mechanism: str | None = None,
    ) -> Login:
        """
        ValueError for what could not stand in a login, and for a mechanism that the secret does
        not fit.
        """
    def exchange(self, /, mechanism) -> Exchange:
        """
        An authobject for this mechanism, which knows nothing of TLS.
        """
    def mechanisms(self, /, offered: SupportsGetItem[int, str]) -> list[str]:
        """
        The mechanisms of `offered` that fit it, in smtplib's order, and behind those the ones
        that smtplib does not know.
        """

@disjoint_base
class Message:
    """
    An email message, or a part of one.

    `Message(text, subtype="plain", charset=None)` has `email.mime`'s shape; header
    fields are items: `message["Subject"] = "Hello"`. Keyword arguments cover the
    common case: `subject`, `from_`, `to`, `cc`, `bcc`, `reply_to`, `html` (beside
    `text`, or alone), `attachments`, `headers` (a mapping or pairs) and `policy`.

    `text="auto"` is made from the HTML. `markdown` gives both, text and HTML; HTML in it
    is shown as text. `html` and `markdown` are a text, or the `Path` of a file.

    Pictures in the HTML become parts that it shows (RFC 2387, RFC 2392): those in `data:`
    URLs, which many programs don't show, always; `inline={"plot": figure}` gives
    what `src="cid:plot"` means, a path, bytes, an open file, a figure of matplotlib or
    plotly, a PIL image or anything else with a `_repr_png_`; `inline="auto"` takes the files
    that the HTML names, pictures alone, from the folder `inline_from` and from nowhere
    else (default: the folder of the HTML's file, or else the current one). Nothing is ever
    fetched. `inline=False` leaves the HTML as it is. `css="inline"` writes the rules of
    `<style>` into the elements (`pip install rsmtp[css]`).

    Addresses are a text (`"Ann <ann@example.org>, bob@example.org"`), a `(name,
    address)` pair, or a list of either. A tuple of two texts is always a pair: what
    stands in the name is no recipient, whatever it looks like. An address without a
    domain, as `root`, is a mailbox of the server itself; in a text with several addresses
    it has to be meant, by `local=True`: `Smith, John <john@example.org>` is refused.

    Attachments are a list of paths, binary file objects, messages, `(filename,
    content)` and `(filename, content, type)` with bytes, text, a `Path` or a file
    object as content; or one of these alone; or a mapping of names to contents. A text
    is a path where it stands in a list by itself, and a content elsewhere.

    Files stay on their disk: they are read and encoded in small pieces while the
    message is sent, whatever their size. A path means the file as it is when the
    message is sent, a file object what follows its present position. A file object
    has to be able to seek, and to stay open until the message is sent; it is not
    closed. A file that changes while it is being sent ends that with
    SMTPContentError: no recipient gets half of it. Enclosed messages (`.eml`) are read
    at once.

    Text is UTF-8 unless `charset` says otherwise. Whatever 7-bit lines of at most
    998 bytes can't carry is transfer-encoded; display names and subjects become
    encoded-words (RFC 2047), domains A-labels (RFC 5890), file names both RFC 2231
    parameters and encoded-words. Bcc is never written. Date and Message-ID are supplied
    when the message is sent, and stand in it from then on: sent again it is the same
    message. A change of its fields or its content makes another of it, which gets new
    ones.

    More keywords write the fields that people look up, each checked: `sender` (RFC 5322),
    `date` (a datetime with a time zone), `message_id`, `in_reply_to` (a message, or
    Message-IDs), `priority` ("high" or "low"), `read_receipt` (an address, or True for
    From's; RFC 8098), `unsubscribe` (an https URL for one click, RFC 8058, an address, or
    a list of both), `list_id` (RFC 2919), `auto_submitted` (True, or a keyword of RFC
    3834), `feedback_id` (Gmail's), `tags` and `metadata` with the `provider` that reads
    them ("mailgun", "postmark", "sendgrid", "ses", ...).

    `calendar` is an invitation: an `rsmtp.Invite`, an object of the package icalendar, or a
    calendar's octets, text (`BEGIN:VCALENDAR...`) or `Path`. It becomes the last form of the
    content and the file invite.ics (RFC 6047). A message without a text or a subject gets them
    from an `Invite`.

    Raises ValueError, naming the argument, for control characters (RFC 5322), for a
    second value of a field that may stand only once, and for a pipe, a device or a
    file object that can't seek as an attachment; OSError for a file that can't be
    read, TypeError for one that is open as text.
    """

    _is_plain: Final[bool]
    _is_read_by_methods: Final[bool]
    def __bool__(self, /) -> bool: ...
    def __bytes__(self, /) -> bytes: ...
    def __contains__(self, name: str, /) -> bool: ...
    def __delitem__(self, name: str, /) -> None: ...
    def __eq__(self, other: object, /) -> Any: ...
    def __getitem__(self, name: Any, /) -> Any: ...
    def __getstate__(self, /) -> dict[str, Any]: ...
    def __hash__(self, /) -> int:
        """
        By identity: a message changes, and people keep messages in sets.
        """
    def __init__(
        self,
        /,
        text: str | None = None,
        subtype: str = "plain",
        charset: str | None = None,
        *,
        subject: str | None = None,
        from_: rsmtp.typing.Addresses | None = None,
        to: rsmtp.typing.Addresses | None = None,
        cc: rsmtp.typing.Addresses | None = None,
        bcc: rsmtp.typing.Addresses | None = None,
        reply_to: rsmtp.typing.Addresses | None = None,
        html: str | os.PathLike[str] | None = None,
        markdown: str | os.PathLike[str] | None = None,
        inline: rsmtp.typing.Pictures | typing.Literal["auto", False] | None = None,
        inline_from: str | os.PathLike[str] | None = None,
        css: typing.Literal["inline"] | None = None,
        attachments: rsmtp.typing.Attachments | None = None,
        headers: collections.abc.Mapping[str, object]
        | collections.abc.Iterable[tuple[str, object]]
        | None = None,
        policy: rsmtp.email.policy.Policy | email.policy.Policy[typing.Any] | None = None,
        local: bool = False,
        sender: rsmtp.typing.Mailbox | None = None,
        date: datetime | None = None,
        message_id: str | None = None,
        in_reply_to: rsmtp.typing.AnyMessage | str | list[str] | None = None,
        priority: typing.Literal["high", "normal", "low"] | None = None,
        read_receipt: rsmtp.typing.Addresses | bool | None = None,
        unsubscribe: str | tuple[str, ...] | list[str] | None = None,
        list_id: str | None = None,
        auto_submitted: bool | typing.Literal["auto-generated", "auto-replied", "no"] | None = None,
        feedback_id: str | list[str] | tuple[str, ...] | None = None,
        tags: str | collections.abc.Collection[str] | None = None,
        metadata: collections.abc.Mapping[str, str | float] | None = None,
        provider: str | None = None,
        calendar: rsmtp.typing.Calendar | None = None,
    ) -> None: ...
    @classmethod
    def __init_subclass__(cls, /, **_kwargs: object) -> None: ...
    def __iter__(self, /) -> Iterator[Any]: ...
    def __len__(self, /) -> int: ...
    def __new__(cls, /, *_args: object, **_kwargs: object) -> Self: ...
    def __reduce_ex__(self, /, _protocol: SupportsIndex) -> tuple[Any, ...]: ...
    def __repr__(self, /) -> Any: ...
    def __setitem__(self, name: Any, value: Any, /) -> None: ...
    def __setstate__(self, /, state: dict[str, Any]) -> None: ...
    def __str__(self, /) -> str: ...
    def _become_data(self, /, data: Any) -> None: ...
    def _become_file(self, /, file: object) -> None: ...
    def _become_part(
        self, /, maintype: str, subtype: object, params: dict[str, Any] | None = None
    ) -> None: ...
    def _become_text(self, /, text: object, subtype: object, charset: object = None) -> None: ...
    @property
    def _charset(self, /) -> Any | None: ...
    @_charset.setter
    def _charset(self, /, charset: Any | None) -> None: ...
    def _content_for_sending(self, /, *, utf8: bool = False) -> bytes | RenderedMessage:
        """
        What goes to a server: what `as_bytes()` says, with CRLF line ends, without Bcc,
        with Date and Message-ID where the policy is ours.

        Fields are ASCII only, unless `utf8` asks for the form of RFC 6531 and RFC 6532,
        which needs a server that offers SMTPUTF8. Raises ValueError for an address that
        can't be written in ASCII.

        Where bodies are large they are still to be encoded, and files to be read. Where
        they are 8-bit, a server without 8BITMIME gets them re-encoded.
        """
    @property
    def _default_type(self, /) -> Any: ...
    @_default_type.setter
    def _default_type(self, /, kind: Any) -> None: ...
    def _encode_base64(self, /) -> None: ...
    def _flatten(
        self,
        /,
        policy: Any,
        *,
        linesep: str | None = None,
        max_width: int | None = None,
        mangle_from: bool = False,
        binary: bool = True,
        unixfrom: bool = False,
    ) -> Any:
        """
        The message as a generator writes it: `bytes` if `binary`, else `str`.
        """
    @property
    def _headers(self, /) -> list[Any]:
        """
        The fields as (name, value) tuples. What is done with the list is done with the
        fields, as programs that sign messages expect it.
        """
    @_headers.setter
    def _headers(self, /, pairs: Any) -> None: ...
    def _keep_origin(
        self, /, text: bytes, begin: SupportsIndex, body: SupportsIndex, end: SupportsIndex
    ) -> None:
        """
        For parsers: what the message was read from, its body and its end there.
        """
    @property
    def _payload(self, /) -> Any: ...
    @_payload.setter
    def _payload(self, /, payload: Any) -> None: ...
    def _replace_fields(self, /, pairs: Any) -> None: ...
    def _repr_mimebundle_(self, /, include: object = None, exclude: object = None) -> dict[str, str]:
        """
        For notebooks: the mail as its reader will see it. HTML stands in a frame in
        which no script runs and nothing is loaded from elsewhere.
        """
    def _reset(self, /, policy: object = None) -> None:
        """
        Forget everything and take this policy.
        """
    @property
    def _supplied(self, /) -> list[tuple[str, str]]: ...
    @_supplied.setter
    def _supplied(self, /, supplied: SupportsGetItem[int, tuple[str, str]]) -> None: ...
    @property
    def _unixfrom(self, /) -> Any | None: ...
    @_unixfrom.setter
    def _unixfrom(self, /, line: Any | None) -> None: ...
    def add_attachment(
        self,
        /,
        content: rsmtp.typing.Content | rsmtp.typing.Attachment,
        maintype: str | None = None,
        subtype: str | None = None,
        *,
        filename: str | None = None,
    ) -> None:
        """
        Add a file beside what the message has already.

        `content` is bytes, text (a content too, not a path), a `Path`, a binary file
        object, a message or a part, or a tuple as `attachments=` takes it. The type is
        told by the name where it is not given; the name is the file's own where it has
        one.
        """
    def add_header(
        self, /, _name: str, _value: str | None, **_params: str | tuple[str, str | None, str] | None
    ) -> None:
        """
        Add a field with parameters: `name: value; key="parameter"`.

        Underscores in keys become hyphens. A parameter that is None is written
        without a value; one that isn't ASCII, or is a (charset, language, text)
        tuple, is written as RFC 2231 says.
        """
    def as_bytes(self, /, unixfrom: bool = False, policy: object = None) -> bytes:
        """
        The whole message as bytes, with LF line ends (or those of the policy).
        """
    def as_string(
        self, /, unixfrom: bool = False, maxheaderlen: int | None = None, policy: object = None
    ) -> str:
        """
        The whole message as text, with LF line ends (or those of the policy).

        `unixfrom` puts an mbox line before it. `maxheaderlen` is the width at which
        classic policies fold fields; 0, their default here, means not at all.
        """
    def attach(self, /, payload: object) -> None:
        """
        Add a part. A message that has a text already becomes multipart/mixed with the
        text as its first part. Raises TypeError where that can't be.
        """
    @property
    def defects(self, /) -> list[Any]:
        """
        What a parser found wrong.
        """
    @defects.setter
    def defects(self, /, defects: list[Any]) -> None: ...
    def del_param(self, /, param: str, header: str = "content-type", requote: bool = True) -> None:
        """
        Remove a parameter of a field.
        """
    @property
    def epilogue(self, /) -> Any | None:
        """
        Text after the last boundary of a multipart (RFC 2046 section 5.1.1).
        """
    @epilogue.setter
    def epilogue(self, /, text: Any | None) -> None: ...
    @classmethod
    def from_stdlib(cls, /, message: Any) -> Self:
        """
        The same message as one of ours, rendered by the same kind of policy.
        """
    def get(self, /, name: str, failobj: Any = None) -> Any:
        """
        The value of the first field of that name; `failobj` if there is none.
        """
    def get_all(self, /, name: str, failobj: Any = None) -> Any:
        """
        The values of all fields of that name; `failobj` if there are none.
        """
    def get_boundary(self, /, failobj: Any = None) -> Any: ...
    def get_charset(self, /) -> Any | None:
        """
        The `Charset` of the content, if one was set.
        """
    def get_charsets(self, /, failobj: Any = None) -> list[Any]:
        """
        The charset parameters of this message and of all parts in it.
        """
    def get_content_charset(self, /, failobj: Any = None) -> Any:
        """
        The charset parameter in lower case.
        """
    def get_content_disposition(self, /) -> str | None:
        """
        `inline`, `attachment` or None (RFC 2183).
        """
    def get_content_maintype(self, /) -> str: ...
    def get_content_subtype(self, /) -> str: ...
    def get_content_type(self, /) -> str:
        """
        `maintype/subtype` in lower case (RFC 2045 section 5).
        """
    def get_default_type(self, /) -> str:
        """
        The type of a message without a Content-Type.
        """
    def get_filename(self, /, failobj: Any = None) -> Any:
        """
        The file name in Content-Disposition, or else in Content-Type (RFC 2183).
        """
    def get_param(
        self, /, param: str, failobj: Any = None, header: str = "content-type", unquote: bool = True
    ) -> Any:
        """
        A parameter of a field: text, or a (charset, language, text) tuple where
        RFC 2231 was used.
        """
    def get_params(self, /, failobj: Any = None, header: str = "content-type", unquote: bool = True) -> Any:
        """
        All parameters of a field as (name, value); its main value comes first, with
        an empty value of its own.
        """
    def get_payload(self, /, i: int | None = None, decode: bool = False) -> Any:
        """
        The content: a list of parts, or text.

        With `i`, that part; with `decode=True`, the bytes without their transfer
        encoding (None for a multipart). Raises TypeError for `i` where there are no
        parts.
        """
    def get_unixfrom(self, /) -> str | None:
        """
        The line that an mbox file has before a message.
        """
    def is_multipart(self, /) -> bool:
        """
        Whether the message consists of parts.
        """
    def items(self, /) -> list[tuple[str, Any]]:
        """
        All fields as (name, value), in order.
        """
    def keys(self, /) -> list[str]:
        """
        The names of all fields, in order, as often as they stand there.
        """
    @property
    def policy(self, /) -> Any:
        """
        The policy that says how the message is kept and rendered.
        """
    @policy.setter
    def policy(self, /, policy: Any) -> None: ...
    @property
    def preamble(self, /) -> Any | None:
        """
        Text before the first boundary of a multipart (RFC 2046 section 5.1.1).
        """
    @preamble.setter
    def preamble(self, /, text: Any | None) -> None: ...
    def preview(self, /, *, remote: bool = False) -> rsmtp.MessagePreview:
        """
        One look before it goes: the mail on a desktop and on a phone, as plain text, in dark mode
        and without its pictures, and what is attached.

        In a notebook the result shows itself, as the message does; `.open()` opens it in the
        browser, `.save(path)` writes it. Nothing in it runs, and nothing is loaded from
        elsewhere, unless `remote=True` asks for the pictures of `https:` addresses.
        """
    def raw_items(self, /) -> Iterator[tuple[str, Any]]:
        """
        The fields as they are stored: for generators.
        """
    def replace_header(self, /, _name: str, _value: object) -> None:
        """
        Replace the first field of that name, in its place. Raises KeyError if there
        is none.
        """
    def set_boundary(self, /, boundary: str) -> None:
        """
        Set the boundary of a multipart. Raises HeaderParseError if there is no
        Content-Type.
        """
    def set_charset(self, /, charset: object) -> None:
        """
        Set the character set of the content: a `Charset`, its name, or None to
        remove it.
        """
    def set_default_type(self, /, ctype: str) -> None: ...
    def set_param(
        self,
        /,
        param: str,
        value: object,
        header: str = "Content-Type",
        requote: bool = True,
        charset: str | None = None,
        language: str = "",
        replace: bool = False,
    ) -> None:
        """
        Set a parameter of a field. With `charset`, it is written as RFC 2231 says.
        """
    def set_payload(self, /, payload: object, charset: object = None) -> None:
        """
        Replace the content; with a charset, encode it and say so in the fields.
        """
    def set_raw(self, /, name: str, value: object) -> None:
        """
        Store a field without asking the policy: for parsers.
        """
    def set_type(self, /, type: str, header: str = "Content-Type", requote: bool = True) -> None:
        """
        Replace the type and keep its parameters. Raises ValueError for anything but
        `maintype/subtype`.
        """
    def set_unixfrom(self, /, unixfrom: str | None) -> None: ...
    def sign(self, /, dkim: rsmtp.typing.DkimKeys, *, utf8: bool | None = None) -> bytes | RenderedMessage:
        """
        The message as it goes to a server, with DKIM signatures before it (RFC 6376): octets, or
        what makes them while they are sent, for a client's `sendmail`, a `Mailer` (with its
        envelope) and any other sender, which has to leave them as they are. A Mailer with `dkim`
        signs by itself.

        Args:
            dkim: an `rsmtp.Dkim`, a list of them, or a dict of them by the domain of From.
            utf8: write fields in UTF-8, for servers that offer SMTPUTF8. Default: as the
                message's policy says.

        Date and Message-ID are added first, where the policy is ours. Attached files are read
        now, and once more when they are sent: one that has changed meanwhile is an error then.
        Raises ValueError for a message that can't be signed, and what the key raises.
        """
    def to_stdlib(self, /) -> Any:
        """
        The same message as an object of the standard library's `email` package.
        """
    def values(self, /) -> list[Any]:
        """
        The values of all fields, in order.
        """
    def walk(self, /) -> Iterator[Any]:
        """
        This message and all parts in it, depth first.
        """

@final
class Opened:
    """
    What opening a session has come to.
    """
    @property
    def greeting(self, /) -> tuple[int, bytes] | None:
        """
        (code, text); None where it had come before, or never came.
        """
    @property
    def hello(self, /) -> tuple[int, bytes] | None:
        """
        The reply to the last EHLO, LHLO or HELO; None where none was said.
        """
    @property
    def offered_in_plaintext(self, /) -> list[tuple[str, str]] | None:
        """
        What the server offered before STARTTLS: lower-case keywords with their parameters.
        None where STARTTLS was not asked for.
        """
    @property
    def trouble(self, /) -> BaseException | None:
        """
        Why the session is not ready for mail; None: it is.
        """

@disjoint_base
class Operation:
    """
    A session, its TLS and its clock, without a socket.

    The clock of connecting starts with it. After `connected`: `begin` a request,
    send what `output` gives and say so by `sent`, tell what comes by `received`,
    until `is_settled`; then `result` gives, once, what it has come to.
    """
    def __new__(cls, /, host: str, settings: Settings) -> Operation: ...
    def address_failed(
        self, /, place: SupportsIndex, errno: SupportsIndex | None, observer: object = None
    ) -> None:
        """
        There is no connection to the address at this place, by this `errno` (None: it did
        not answer).
        """
    def assume(self, /, extensions: SupportsGetItem[int, tuple[str, str]]) -> None:
        """
        Takes these extensions for the server's: keywords with their parameters.
        """
    def begin(self, /, request: Request, observer: object = None) -> None:
        """
        Begins a request. One that can't be made raises here, and nothing is sent.
        """
    def begin_serving(self, /, worker: Worker, literal: str | None, login: Login | None = None) -> None:
        """
        Begins to converse for a worker: on a session that is to be opened, whose own
        address literal is given, or on one that was at rest. `login` is what was asked for.
        """
    def check_time(self, /) -> None:
        """
        Looks at the clock: a request whose time is up is settled by that.
        """
    def connected(
        self, /, peer: tuple[str, SupportsIndex] | None, observer: object = None, *, elsewhere: bool = False
    ) -> None:
        """
        The connection stands: to the peer at this address and port, or, with None, to
        a Unix socket or something else that has no address. `elsewhere`: what the peer
        hears may leave this machine, wherever the peer is.
        """
    def dial(self, /, host: str, addresses: SupportsGetItem[int, str], port: SupportsIndex) -> None:
        """
        These addresses of `host` are to be tried.
        """
    def end(self, /) -> None:
        """
        Ends the session without a word; a request under way is settled by that.
        """
    def end_serving(self, /) -> int | None:
        """
        Ends the conversation, however it went: the number by which to keep the session,
        None where it is to be ended by QUIT, or -1 where it is over.
        """
    def end_tls(self, /) -> bytes | None:
        """
        What ends TLS (close_notify, RFC 8446 6.1), once: for a transport that is about to be
        closed.
        """
    @property
    def extensions(self, /) -> list[tuple[str, str]]:
        """
        What the server offers: lower-case keywords with their parameters, in its
        order.
        """
    @property
    def final_reply(self, /) -> tuple[int, bytes] | None:
        """
        The server's reply to the end of the mail data of the last transaction that sent
        something: (code, text). It often names the message in the server's queue.
        """
    def interrupt(self, /, exception: Any) -> None:
        """
        The caller has left, by this exception: the session ends, and the exception
        is told what became of a message that was under way (`fates`).
        """
    @property
    def is_exposed(self, /) -> bool:
        """
        Whether what is said can be read on its way: it leaves this machine, without TLS.
        """
    @property
    def is_of_another_process(self, /) -> bool:
        """
        Whether this is a forked child's copy of its parent's connection.
        """
    @property
    def is_over(self, /) -> bool:
        """
        Whether nothing can be said any more, in this process.
        """
    @property
    def is_quiet(self, /) -> bool:
        """
        Whether the session is open and silent, and may be used again.
        """
    @property
    def is_settled(self, /) -> bool: ...
    @property
    def legal_requests(self, /) -> list[str]:
        """
        The verbs that are legal in this state (RFC 5321 4.1.4) and offered.
        """
    def looked_up(self, /, addresses: SupportsGetItem[int, str], observer: object = None) -> None:
        """
        For the transcript: the host's name has these addresses.
        """
    def lost(self, /, errno: SupportsIndex | None) -> None:
        """
        The connection is gone; `errno` is the operating system's number.
        """
    def next_address(self, /, observer: object = None) -> tuple[int | None, float]:
        """
        What to do with them: the place of one to be tried, or None, and the seconds to wait for
        those under way. Raises when none of them could be connected to, or time is up.
        """
    def output(self, /) -> bytes | None:
        """
        The octets that are to be sent now. None: there is something to wait for, or
        the request is settled.
        """
    @property
    def path(self, /) -> list[str]:
        """
        The states gone through so far, the present one last, as far as the last
        2,000 lines show.
        """
    def received(self, /, octets: bytes | bytearray) -> int:
        """
        Octets have come; none at all is the end of them. What comes while nothing is
        asked is kept for the next request; gives how many octets are kept.
        """
    @property
    def refused_ehlo(self, /) -> tuple[int, bytes] | None:
        """
        The server's reply to EHLO, (code, text), where HELO followed because EHLO was refused.
        """
    def result(self, /) -> typing.Any:
        """
        What the request has come to: `(code, text)` for a reply, the dict of the
        refused recipients for a transaction, the challenge (bytes) of an AUTH
        exchange that the caller answers, None where no reply was waited for.
        """
    def said_options(
        self, /, options: DeliveryOptions, recipients: SupportsGetItem[int, str], needs_binary: bool
    ) -> tuple[list[str], list[list[str]]]:
        """
        What the server is told of delivery options, for a transaction that is said step by step:
        the parameters of MAIL, and of RCPT for each of these recipients. Raises
        SMTPNotSupportedError where it can't have the message. `needs_binary`: the content can't be
        sent but as BINARYMIME.
        """
    def seconds_left(self, /) -> float | None:
        """
        Seconds until the time of what is waited for is up (RFC 5321 4.5.3.2); None
        when nothing is.
        """
    def sent(self, /, octets: SupportsIndex) -> None:
        """
        So many octets of the output are with the operating system.
        """
    def set_patience(
        self, /, timeout: SupportsFloat | SupportsIndex | None, deadline: SupportsFloat | SupportsIndex | None
    ) -> None:
        """
        Limits in seconds: for each stage (None: those of RFC 5321 4.5.3.2) and
        for one whole operation (None: no limit).
        """
    @property
    def speaks_esmtp(self, /) -> bool:
        """
        Whether the server took an EHLO or LHLO, not a HELO.
        """
    @property
    def state(self, /) -> str:
        """
        The name of the session's state, also while another thread talks.
        """
    @property
    def tls(self, /) -> TlsFacts | None: ...
    @property
    def transcript(self, /) -> list[TranscriptLine]:
        """
        The last lines that were said (2,000, or a MiB of them), secrets masked.
        """
    def tunnel(
        self, /, proxy: typing.Any, port: SupportsIndex, addresses: SupportsGetItem[int, str] | None = None
    ) -> None:
        """
        The connection is to a proxy (a `rsmtp._transport.proxies.Proxy`), which is asked for this port
        of the server, and for the best of the addresses that were found here, if any were.
        """
    def unknown_host(self, /, host: str, why: str) -> None:
        """
        Raises what it means that `host` has no address.
        """
    def unreachable(self, /, path: str, errno: SupportsIndex | None) -> None:
        """
        Raises what it means that there is no connection to the Unix socket at this path.
        """
    @property
    def unread(self, /) -> int:
        """
        Octets that have come and are not taken in.
        """

@final
class Receipt:
    """
    What became of one message. `ok` is true only if it was sent to every recipient, and so
    is the receipt itself; `print` shows a line for each recipient, in the server's words.
    """
    def __bool__(self, /) -> bool:
        """
        As `ok`.
        """
    def __reduce__(self, /) -> tuple[typing.Any, ...]:
        """
        With its message, which has to be one that can be pickled.
        """
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str:
        """
        A line for each recipient, with the server's words, and one for what else went wrong.
        """
    @property
    def _course(self, /) -> tuple[float, list[TranscriptLine]] | None:
        """
        Where the sending was `timed`: seconds since its connection was begun, from which the times
        of the lines count, and the lines.
        """
    def _repr_mimebundle_(self, /, include: object = None, exclude: object = None) -> dict[str, str]:
        """
        For notebooks: a table of the recipients, refused and unknown first.
        """
    @staticmethod
    def _restored(told: dict[str, typing.Any], message: object, error: BaseException | None) -> Receipt:
        """
        One out of a pickle.
        """
    @staticmethod
    def _runs(
        told: list[tuple[int, Receipt]],
    ) -> tuple[list[tuple[int, str | None, int, list[str]]], list[tuple[int, Receipt]]]:
        """
        Divides receipts of numbered messages into runs and others, each in order. A run has
        consecutive messages, each of which one reply accepted for all recipients with nothing
        more to tell, by one server and with one code. Of two receipts for one message, the first
        counts.
        """
    @staticmethod
    def _suppressed(message: object, suppressed: list[tuple[str, str]]) -> Receipt:
        """
        For a message that no recipient is to get.
        """
    @property
    def _times(self, /) -> tuple[float, float] | None:
        """
        Seconds since the last answer, and those from the first attempt to it.
        """
    @property
    def attempts(self, /) -> int:
        """
        How often a server was asked.
        """
    @property
    def error(self, /) -> BaseException | None:
        """
        What went wrong beside refusals: an exception, not raised, or None.
        """
    @property
    def from_addr(self, /) -> str:
        """
        The sender in the envelope; "" is the null reverse-path.
        """
    @staticmethod
    def from_dict(told: dict[str, typing.Any]) -> Receipt:
        """
        One that `to_dict` has written. Its `message` is None, and its `error` an
        SMTPException with the same words. ValueError or TypeError for anything
        else.
        """
    @property
    def index(self, /) -> int:
        """
        Which message of the call it was, from 0 on.
        """
    @property
    def message(self, /) -> Any:
        """
        The caller's own object: a message, or (from_addr, to_addrs, data).
        """
    @property
    def message_id(self, /) -> str | None:
        """
        The Message-ID that the message went out with; None where it has none.
        """
    @property
    def not_sent(self, /) -> list[str]:
        """
        The addresses for which the message was not handed over.
        """
    @property
    def ok(self, /) -> bool:
        """
        Whether the message was sent to every recipient, but for those that are suppressed.
        """
    @property
    def options(self, /) -> list[str]:
        """
        The delivery options of the message that the server was told, as "RET=HDRS": those of an
        `rsmtp.Envelope`. Each recipient has its own `options`.
        """
    @property
    def options_left_out(self, /) -> list[str]:
        """
        The extensions whose options the message went without, as "DSN": the server does not offer
        them, and the envelope has said `if_offered`.
        """
    @property
    def queue_id(self, /) -> str | None:
        """
        The name under which the server took the message, where its answer tells.
        """
    def raise_for_refused(self, /) -> None:
        """
        Raises if the message did not go to every recipient: SMTPRecipientsRefused,
        SMTPSenderRefused or SMTPDataError for a refusal, `error` otherwise. The
        exception's `fates` has the fate of each recipient.
        """
    @property
    def recipients(self, /) -> list[Recipient]:
        """
        What became of each recipient.
        """
    @property
    def refused(self, /) -> list[str]:
        """
        The addresses that the server refused.
        """
    @property
    def sent(self, /) -> list[str]:
        """
        The addresses that it was sent to.
        """
    def sent_bytes(self, /) -> bytes:
        """
        The message as it went out: CRLF line ends, Date and Message-ID, no Bcc. For a copy in
        a folder of sent messages.

        It is written anew each time and takes no memory until then. Raises what reading an
        attached file raises, when that has changed since. A server without 8BITMIME may
        have got parts of the message in another encoding. ValueError for a receipt that was
        read back: it has no content.

        With BINARYMIME it is as binary as it went out.
        """
    @property
    def server(self, /) -> str | None:
        """
        The server that was asked last, as "host:port"; None: none was.
        """
    @property
    def suppressed(self, /) -> list[str]:
        """
        The addresses that the mailer's own rules kept the message from.
        """
    def to_dict(self, /) -> dict[str, typing.Any]:
        """
        What it tells, for JSON: everything but the message. `error` is there in words.
        """
    @property
    def unknown(self, /) -> list[str]:
        """
        The addresses whose fate is unknown: the connection was lost after the end of
        the message and before the answer.
        """

@final
class Recipient:
    """
    What became of one recipient of a message.
    """
    def __reduce__(self, /) -> tuple[typing.Any, ...]: ...
    def __repr__(self, /) -> str: ...
    @property
    def _is_about_the_server(self, /) -> bool:
        """
        Whether it was refused because the server can take nothing now, whatever the message.
        """
    @property
    def address(self, /) -> str:
        """
        As it went into the envelope.
        """
    @property
    def advice(self, /) -> Advice | None:
        """
        What the server's words mean, what to do, and where that is written. None where they are
        not known, and for a recipient that was not refused.
        """
    @property
    def code(self, /) -> int | None:
        """
        The server's reply that decided it: its code; None where there was none.
        """
    @property
    def enhanced_code(self, /) -> str | None:
        """
        As "5.1.1" (RFC 3463), where the server gave one.
        """
    @property
    def fate(self, /) -> str:
        """
        "sent", "refused", "unknown" (the connection was lost after the end of the
        message), "not sent", or "suppressed": the mailer's own rules (`suppression`, `allow`,
        `redirect`) kept the message from it.
        """
    @staticmethod
    def from_dict(told: dict[str, typing.Any]) -> Recipient:
        """
        One that `to_dict` has written. ValueError or TypeError for anything else.
        """
    @property
    def options(self, /) -> list[str]:
        """
        The delivery options that the server was told with it, as "NOTIFY=SUCCESS".
        """
    @property
    def reply(self, /) -> tuple[int, bytes] | None:
        """
        `(code, text)` as smtplib has replies.
        """
    @property
    def stage(self, /) -> str | None:
        """
        Where it was refused: "mail", "rcpt", "data", "mail data" or "end of data".
        """
    @property
    def text(self, /) -> str | None:
        """
        The server's words, its lines joined by LF; of one that is suppressed, the reason.
        """
    def to_dict(self, /) -> dict[str, typing.Any]:
        """
        What it tells, for JSON: address, fate, stage, code, text, transient and
        options.
        """
    @property
    def transient(self, /) -> bool:
        """
        Whether the same may succeed later: it was refused for the time being (4yz), or
        not handed over, for a reason that was not the message.
        """

@final
class RenderedMessage:
    """
    A message as it travels, whose large bodies are encoded, and whose files are
    read, while it is sent. `len()` is its size, `bytes()` the whole of it.
    """
    def __bytes__(self, /) -> bytes: ...
    def __eq__(self, other: object, /) -> bool:
        """
        Whether both have the same octets.
        """
    def __len__(self, /) -> int: ...
    def __reduce__(self, /) -> tuple[typing.Any, ...]:
        """
        With all its octets, those of files included. Encoded parts stay encoded.
        """
    def __repr__(self, /) -> str: ...
    @property
    def _has_utf8_fields(self, /) -> bool:
        """
        Whether a field of it is in UTF-8 (RFC 6532).
        """
    def _in_seven_bits(self, /) -> bytes:
        """
        The same for a server that does not offer 8BITMIME. Raises SMTPNotSupportedError
        for what is signed, and so has to stay as it is.
        """

@final
class Request:
    """
    What a client asks of a session, once.

    Every constructor parses its arguments; ValueError names the one that could
    not stand in the conversation (RFC 5321 4.1.2), before anything is sent.
    """
    @staticmethod
    def auth(mechanism: str, initial_response: SupportsGetItem[int, SupportsIndex] | None = None) -> Request:
        """
        AUTH whose responses the caller gives to each challenge.
        """
    @staticmethod
    def data(msg: bytes | RenderedMessage) -> Request:
        """
        DATA and the mail data (RFC 5321 4.1.1.4). Line ends become CRLF and dots
        are stuffed on the way out.
        """
    @staticmethod
    def ehlo(name: str, *, fall_back: bool = False, lmtp: bool = False) -> Request:
        """
        EHLO, or LHLO in an LMTP session. With `fall_back`, HELO follows if the
        server refuses EHLO (RFC 5321 3.2).
        """
    @staticmethod
    def expn(address: str) -> Request:
        """
        EXPN (RFC 5321 4.1.1.7).
        """
    @staticmethod
    def free(line: str) -> Request:
        """
        A command line of the caller's own. Its reply is not waited for: `reply` is.
        """
    @staticmethod
    def helo(name: str) -> Request:
        """
        HELO (RFC 5321 4.1.1.1).
        """
    @staticmethod
    def help(args: str = "") -> Request:
        """
        HELP (RFC 5321 4.1.1.8).
        """
    @property
    def is_private(self, /) -> bool:
        """
        Whether it is a command of a login or of mail, which is not for others to read.
        """
    @property
    def line(self, /) -> str | None:
        """
        The command line of a request that is a single command, in smtplib's
        letters: for clients that have their own way of sending one.
        """
    @staticmethod
    def login(
        user,
        password=None,
        *,
        access_token=None,
        ticket: Any | None = None,
        mechanism: str | None = None,
        initial_response: bool = True,
    ) -> Request:
        """
        AUTH (RFC 4954) by the session itself: with `mechanism`, or with the first
        that the server offers and the secret fits: under TLS PLAIN, otherwise the
        strongest, SCRAM before all. Either a password or an OAuth 2.0 access token; neither for
        EXTERNAL.
        """
    @staticmethod
    def mail(sender: str, options: SupportsGetItem[int, str] | None = None) -> Request:
        """
        MAIL (RFC 5321 4.1.1.2). An empty sender is the null reverse-path.
        """
    @staticmethod
    def noop() -> Request:
        """
        NOOP (RFC 5321 4.1.1.9).
        """
    @staticmethod
    def of_message(
        msg: object,
        mail_options: SupportsGetItem[int, str] | None = None,
        rcpt_options: SupportsGetItem[int, str] | None = None,
        delivery: DeliveryOptions | None = None,
    ) -> Request | None:
        """
        The transaction of a plain message of ours, its envelope named by its fields. None for
        anything else: `transaction` sends what `rsmtp._client.outgoing` has made of it.
        """
    @staticmethod
    def opening(name: str, security: str, *, context: object = None, login: Login | None = None) -> Request:
        """
        Gets the session ready for mail, from where it stands: greeting, EHLO as `name`,
        STARTTLS by `security` ("none", "starttls", "implicit"; "default": unless the connection
        does not leave this machine; "opportunistic": where it is offered), EHLO again, AUTH. It
        comes to an `Opened`, also where it fails.
        """
    @staticmethod
    def quit() -> Request:
        """
        QUIT (RFC 5321 4.1.1.10).
        """
    @staticmethod
    def raw(octets: bytes | bytearray) -> Request:
        """
        Octets as they are. A run of them is expected to earn one reply.
        """
    @staticmethod
    def rcpt(recip: str, options: SupportsGetItem[int, str] | None = None) -> Request:
        """
        RCPT (RFC 5321 4.1.1.3).
        """
    @staticmethod
    def reply() -> Request:
        """
        The next reply.
        """
    @staticmethod
    def response(response: SupportsGetItem[int, SupportsIndex] | None) -> Request:
        """
        Answers the challenge of an AUTH exchange; None cancels it.
        """
    @staticmethod
    def rset() -> Request:
        """
        RSET (RFC 5321 4.1.1.5).
        """
    @staticmethod
    def starttls(context: object = None, host: str | None = None) -> Request:
        """
        STARTTLS (RFC 3207) and the handshake behind a 220. `host` is the name
        that the certificate must be for; default: the one connected to.
        """
    @staticmethod
    def transaction(
        from_addr: str,
        to_addrs: SupportsGetItem[int, str],
        msg: bytes | RenderedMessage,
        mail_options: SupportsGetItem[int, str] | None = None,
        rcpt_options: SupportsGetItem[int, str] | None = None,
        delivery: DeliveryOptions | None = None,
    ) -> Request:
        """
        A whole mail transaction (RFC 5321 3.3). SIZE, BODY and SMTPUTF8 are
        added where the server offers and the message needs them.
        """
    @staticmethod
    def vrfy(address: str) -> Request:
        """
        VRFY (RFC 5321 4.1.1.6).
        """
    @staticmethod
    def xclient(attributes: SupportsGetItem[int, tuple[str, str]]) -> Request:
        """
        XCLIENT (Postfix): (name, value) for each attribute. Raises ValueError naming the one whose
        value can't be meant.
        """

@final
class Sending:
    def fail(self, /, why: BaseException) -> None:
        """
        A worker could not be started: this ends the sending.
        """
    @property
    def failure(self, /) -> BaseException | None:
        """
        The exception that says why nothing could be sent any more, or None.
        """
    def finish(self, /) -> None:
        """
        There is no more to come; `go_on` tells of the rest.
        """
    def go_on(self, /, told: list[Receipt], wait: bool = True) -> bool:
        """
        Sends, and adds receipts to the list as they come; returns after a moment in any
        case. False: all is told. The list is the caller's own, so that an interrupt can't
        lose what is told. Without `wait` it returns at once: the caller waits, in the way
        that greenlets want it.
        """
    @property
    def is_fed(self, /) -> bool:
        """
        Whether nothing more is to come from the caller.
        """
    @property
    def is_of_another_process(self, /) -> bool:
        """
        A forked child has neither the threads nor the sessions.
        """
    def put(self, /, item: Any) -> bool | None:
        """
        Takes one message. True: the next one, please. False: that is enough for now.
        None: it has to be prepared first, and is kept until it is.
        """
    def put_aside(self, /, why: BaseException) -> bool:
        """
        The one that was kept can't be sent as it is: a receipt says so.
        """
    def put_each(self, /, iterator: collections.abc.Iterator[typing.Any]) -> bool | None:
        """
        Takes one after the other, from an iterator that runs no code of the caller's. True: that
        is enough for now. False: there are no more. None: one has to be prepared first, and is
        kept until it is.
        """
    def put_prepared(
        self, /, prepared: tuple[str, list[str], bytes | RenderedMessage, list[str], DeliveryOptions | None]
    ) -> bool:
        """
        The one that was kept, as `rsmtp._client.outgoing.prepare` has made it ready.
        """
    def stop(self, /) -> None:
        """
        Ends it at once. `go_on` tells of what was in flight as unknown, and of what
        waited as not sent.
        """
    @property
    def tally(self, /) -> tuple[int, int, int, int, int]:
        """
        Numbers of messages so far: sent to every recipient, refused for one at least,
        unknown for one at least, not sent, suppressed for all.
        """
    def tell(self, /, told: list[Any]) -> bool:
        """
        Adds the receipts that have come. Whether all is told.
        """
    @property
    def unprepared(self, /) -> Any | None:
        """
        The one that was kept.
        """
    @property
    def wants_more(self, /) -> bool:
        """
        Whether there is room for messages, and more to come.
        """
    def work_here(self, /) -> None:
        """
        Works in this thread until nothing is left to do: files and programs.
        """
    def worker(self, /, asked: bool) -> Worker | None:
        """
        Another worker; None: there are enough for what is not settled. `asked`: for a sending
        by a callable that a session of this mailer waits for.
        """

@final
class Settings:
    """
    How a conversation is to be held.

    Args:
        timeout: seconds for each stage; None: those of RFC 5321 4.5.3.2.
        deadline: seconds for one whole operation; None: no limit.
        lmtp: LMTP (RFC 2033).
        pipelining, chunking: whether to use what the server offers of them.
        plaintext: what may go without TLS: "nothing", "local" (what stays on this machine) or
            "mail" (besides, mail to any server).
        plaintext_auth: with "mail", passwords too may leave this machine without TLS.
        like_smtplib: send exactly what smtplib would send.
        implicit_tls: TLS comes before the greeting (RFC 8314), by `context`.
        encrypted: the connection is encrypted already, by the code that made it.
        largest: octets that the server is known to take at most; None: only what it says itself.
    """
    def __new__(
        cls,
        /,
        *,
        timeout: SupportsFloat | SupportsIndex | None = None,
        deadline: SupportsFloat | SupportsIndex | None = None,
        lmtp: bool = False,
        pipelining: bool = True,
        chunking: bool = True,
        plaintext: str = "mail",
        plaintext_auth: bool = False,
        like_smtplib: bool = False,
        implicit_tls: bool = False,
        encrypted: bool = False,
        context: object = None,
        largest: SupportsIndex | None = None,
    ) -> Settings: ...

@final
class StateMachine:
    """
    The state machine that every session is.
    """
    @property
    def edges(self, /) -> list[Edge]: ...
    @property
    def endings(self, /) -> list[str]:
        """
        The states in which nothing can be said any more.
        """
    @property
    def rests(self, /) -> list[str]:
        """
        The states from which a transaction starts and to which it comes back.
        """
    @property
    def states(self, /) -> list[str]:
        """
        The names of all states.
        """
    @property
    def verbs(self, /) -> list[str]:
        """
        The verbs of all commands.
        """

@final
class Templates:
    """
    Parts of a message, compiled.
    """
    def __new__(
        cls,
        /,
        parts: list[tuple[str, str, str]],
        library: dict[str, str],
        filters: list[tuple[str, typing.Any]],
        context: dict[str, typing.Any],
        given: list[tuple[int, str]],
    ) -> Templates:
        """
        `parts` are (name, source, kind); the kind is "text", "html", "markdown" or "line". `library` are
        templates that they include, by name. `given` are parts that the others have as values: their
        places and names. ValueError for a template that can't be compiled.
        """
    @property
    def names(self, /) -> list[str]:
        """
        The names that the parts ask for.
        """
    def render(
        self, /, rows: list[dict[str, typing.Any]]
    ) -> list[list[str | tuple[str, str, str, str, int]]]:
        """
        For each row, what each part says of it: a text, or (kind of fault, what was asked for, what it
        was, name of the template, line).
        """

@final
class TlsConfig:
    """
    How TLS is to be done, for every `context=` beside an `ssl.SSLContext`.

    Args:
        ca_file: PEM file; the only authorities that are trusted then. Default:
            the operating system's trust store, or SSL_CERT_FILE.
        client_certificate: PEM file with chain and key, or a pair of files.
        server_name: the name that the certificate must be for. Default: the
            host that was connected to.
        minimum_version: "1.2" (default) or "1.3".
        verify: False accepts any certificate: then an attacker in the network can
            read and change what is sent.

    Files are read at once. Raises ValueError where one can't be used, and for a name
    that no certificate can be checked against.
    """
    def __new__(
        cls,
        /,
        ca_file: str | os.PathLike[str] | None = None,
        client_certificate: str
        | os.PathLike[str]
        | tuple[str | os.PathLike[str], str | os.PathLike[str]]
        | None = None,
        server_name: str | None = None,
        minimum_version: str | None = None,
        verify: bool = True,
    ) -> TlsConfig: ...
    def __repr__(self, /) -> str: ...
    @property
    def _verify(self, /) -> bool: ...

@final
class TlsFacts:
    """
    What a TLS handshake settled.
    """
    def __repr__(self, /) -> str: ...
    def _repr_mimebundle_(self, /, include: object = None, exclude: object = None) -> dict[str, str]:
        """
        For notebooks: the same as text and as static HTML.
        """
    @property
    def certificate(self, /) -> Certificate | None:
        """
        The server's certificate; None where an `ssl.SSLContext` does not show it.
        """
    @property
    def cipher(self, /) -> str: ...
    @property
    def server_name(self, /) -> str:
        """
        The name that the certificate was asked for.
        """
    @property
    def verified(self, /) -> bool:
        """
        Whether name, chain and dates were checked.
        """
    @property
    def version(self, /) -> str:
        """
        As "TLSv1.3".
        """

@final
class TranscriptLine:
    """
    One line of a conversation, secrets masked.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def at(self, /) -> float:
        """
        Seconds since the connection was begun.
        """
    @property
    def direction(self, /) -> str:
        """
        "C" for the client, "S" for the server, "*" for what happened besides.
        """
    @property
    def state(self, /) -> str:
        """
        The session's state when it was said.
        """
    @property
    def text(self, /) -> str:
        """
        Without the line end; bytes that are not UTF-8 are shown as U+FFFD.
        """

@disjoint_base
class TransportPump(Operation):
    """
    An operation whose octets an asyncio transport carries.

    A subclass gives what is rarely done: `_write_by_transport`, `_fail_to_write`, `_left`, `_schedule`,
    `_set_clock`, `_hear_ahead`, `_acknowledge`, `_resume_reading` and `_hang_up`.
    """
    def __new__(cls, /, host: str, settings: Settings) -> TransportPump: ...
    def answer(self, /) -> collections.abc.Awaitable[None]:
        """
        A future that is done when the request is settled.
        """
    def attach(self, /, poll: object, socket: SupportsIndex | None) -> None:
        """
        The transport stands. `poll`: `poll.poll` of a poll of its socket; `socket`: the number of a socket
        that may be written to past the transport.
        """
    def buffer_updated(self, /, nbytes: SupportsIndex) -> None: ...
    def conclusion(self, /) -> typing.Any:
        """
        Like `result`. A session that is over is hung up before.
        """
    def converse(self, /, request: Request, observer: object = None) -> bool:
        """
        Begins a request, and sends as much of it as the transport takes. Whether it is settled.
        """
    def detach(self, /) -> None:
        """
        The transport takes no more octets.
        """
    def get_buffer(self, /, sizehint: SupportsIndex) -> bytearray: ...
    def go_on(self, /) -> None:
        """
        `proceed`; the task that waits continues if the request is settled.
        """
    def has_input(self, /) -> bool | None:
        """
        Whether octets wait in the socket that the loop has not read. None: there are no polls.
        """
    def nudge(self, /) -> None:
        """
        Tells a worker without work that there is more to send. If nothing can be written at the moment,
        sending continues as soon as it can.
        """
    def proceed(self, /) -> bool:
        """
        Sends pending octets, as many as the transport takes. Whether the request is settled.
        """
    def set_paused(self, /) -> None:
        """
        Reading was paused, until something is waited for.
        """
    def set_timer(self, /, seconds: SupportsFloat | SupportsIndex | None) -> None:
        """
        For how many seconds the timer was set; None: there is none.
        """
    def set_told(self, /, told: object) -> None:
        """
        Called after each step of a worker's conversation, until it is None.
        """
    @property
    def unsent(self, /) -> int:
        """
        How many octets are still in the transport's buffer.
        """
    @unsent.setter
    def unsent(self, /, unsent: SupportsIndex) -> None: ...
    def wake(self, /) -> None:
        """
        The task that waits continues in the next turn of the loop.
        """

@final
class Worker:
    """
    What opens sessions and sends by them, one after the other, as long as there is work.
    """
    def gone(self, /) -> None:
        """
        The session that was to be used again has gone.
        """
    @property
    def is_working(self, /) -> bool:
        """
        Whether it has a session that is ready for mail.
        """
    def leave(self, /) -> None:
        """
        It ends, and gives back what it holds.
        """
    def next(self, /) -> tuple[str, int, float]:
        """
        What to do next, with which server, session or number, and for how many seconds:
        "dial", "reuse", "queue", "pause", "wait" or "leave".
        """
    def not_opened(self, /, why: BaseException) -> None:
        """
        There is no connection, for this reason.
        """
    def not_told(self, /, why: BaseException) -> None:
        """
        There are no credentials, because of what the callable has raised.
        """
    @property
    def rejected(self, /) -> str | None:
        """
        The password or token that the server to be dialled has rejected: another is wanted.
        """

@final
class _Style:
    """
    A [`Style`] where Python can keep it.
    """

def _before_warning(set_up: Any) -> None:
    """
    Calls `set_up` once, before the first warning in `rsmtp.mail`. A command that shows warnings
    then loads `logging` only if there is one: that takes longer than to send a message.
    """

def _encode_word(text: str, encoding: SupportsIndex | None, codec: str) -> str:
    """
    One encoded-word (RFC 2047 section 2); plain text where the encoding is None.
    """

def _encode_words(
    text: str, encoding: SupportsIndex | None, codec: str, output_charset: str, widths: Any
) -> list[str | None]:
    """
    Encoded-words that fit the widths which the iterator gives, in characters. The
    first is None where nothing fits.
    """

def _envelope(from_addr: str, to_addrs: SupportsGetItem[int, str]) -> tuple[str, list[str]]:
    """
    The addresses of an envelope as receipts tell them. ValueError naming the argument for one
    that can't stand there (RFC 5321 4.1.2).
    """

def _envelope_addresses(what: str, text: str, local: bool = False) -> list[str]:
    """
    The addresses in a header field or an argument, for an envelope. ValueError names it,
    and the piece, where anything can't be read.
    """

def _fold_field(name: str, value: str, linesep: str, utf8: bool) -> bytes:
    """
    A field as `rsmtp.Message` writes it, with its line end. ValueError for what
    can't be written.
    """

def _fold_runs(
    runs: SupportsGetItem[int, tuple[str, SupportsIndex | None, str, str]],
    name_width: SupportsIndex,
    max_width: SupportsIndex,
    linesep: str,
    split_chars: str,
    indent: str,
) -> str:
    """
    Fold a header value made of runs, each in a character set of its own.

    `runs` are `(text, header_encoding, codec, output_charset)` with the encoding 1
    (Q), 2 (B), 3 (whichever is shorter) or None. `max_width` counts characters;
    0 means no limit. Raises HeaderParseError when the result would be read as
    another field, UnicodeError when a codec can't encode its text (RFC 2047).
    """

def _fold_tokens(
    name: str,
    token: tuple[Any, ...] | None,
    linesep: str,
    width: SupportsIndex,
    utf8: bool,
    blank_stays: bool,
) -> str:
    """
    Folds a field whose value is in tokens `(kind, text, [tokens])`, each of one of the
    kinds of `token`; also `text` and `identifiers`, which are cut at white space
    here. A width of 0 means no limit.
    """

def _new_dkim_key(algorithm: str = "rsa-sha256", bits: SupportsIndex = 2048) -> str:
    """
    A new private key, in PEM: "rsa-sha256" with 2048, 3072 or 4096 bits, or "ed25519-sha256".
    """

def _quoted_printable(body: Any, width: SupportsIndex = 76, linesep: str = "\n") -> str:
    """
    The bytes in quoted-printable, lines at most `width` wide (RFC 2045 section 6.7).
    """

def _read_address(value: Any, strict: bool) -> tuple[str, str]:
    """
    The one address of a header value as a (name, address) tuple; ("", "") where there
    is none.
    """

def _read_addresses(values: Any, strict: bool) -> list[tuple[str, str]]:
    """
    All addresses of some header values as (name, address) tuples.

    With `strict`, whatever isn't plainly a list of addresses is one ("", "").
    """

def _ready(item: object) -> tuple[str, list[str], bytes | RenderedMessage, list[str], None] | None:
    """
    What `rsmtp._client.outgoing.prepare` returns, of a plain message of ours; None for anything
    else.
    """

def _rendered(
    octets: bytes, originals: list[bytes], has_utf8_fields: bool, is_kept: bool = False
) -> bytes | RenderedMessage:
    """
    A message that another library has rendered, as it travels: where it is more than
    ASCII in short lines, it may have to be re-encoded. `originals` are contents that are
    no text, as they were before they were given line ends. `is_kept`: its parts may be asked for
    without their encoding.
    """

def _username(username: Any | None, user: Any | None) -> Any | None:
    """
    The one that was given, of two names of the same argument.
    """

def ascii_host(host: str) -> str:
    """
    The name that is asked for at the resolver: A-labels (RFC 5891).
    """

def cram_md5(user, password, challenge: bytes) -> str:
    """
    The response to a CRAM-MD5 challenge (RFC 2195).
    """

def enhanced_code(code: SupportsIndex, text: bytes) -> str | None:
    """
    The enhanced status code that the text of a reply begins with, as "5.1.1", if it
    agrees with the reply code (RFC 3463, RFC 2034 4).
    """

def formataddr(pair: Any, charset: Any | None = None) -> str:
    """
    `(name, address)` as a mailbox: `Name <address>`, the name quoted or encoded as
    it needs (RFC 5322 section 3.4, RFC 2047).

    `charset` is the name of a character set, or an object with a `header_encode`
    method. A domain that isn't ASCII becomes A-labels (RFC 5890). Raises UnicodeError for a
    local part that isn't: it has no such form.
    """

def html_of_markdown(text: str, language: str | None = None) -> str:
    """
    A page of HTML that shows this Markdown, in the language that a tag names.
    """

def needs_smtputf8(address: str) -> bool:
    """
    Whether an address can be said only with SMTPUTF8 (RFC 6531): a domain never
    needs it, a local part that is not ASCII does.

    Raises ValueError for what is not an address.
    """

def refuses_mechanism(code: SupportsIndex) -> bool:
    """
    Whether a reply to AUTH refuses the mechanism, and says nothing about the credentials: another
    mechanism may be tried.
    """

def severity(code: SupportsIndex) -> str | None:
    """
    What a reply code says by its first digit (RFC 5321 4.2.1): "completion", "intermediate",
    "transient" or "permanent"; None for what is no reply code.
    """

def state_machine() -> StateMachine:
    """
    The transition table of the engine, read off the rules that it obeys.
    """

def text_of_html(html: str) -> str:
    """
    The text that says what this HTML says.
    """
