"""One client's conversation: its settings, its state, and how requests reach the engine."""

from __future__ import annotations

import _socket
import os
import sys

import rsmtp
from rsmtp._client.attributes import Setting, Shown
from rsmtp._client.debug_output import DebugOutput
from rsmtp._client.local_hostname import own_name
from rsmtp._client.script import Announced, Reply
from rsmtp._client.socket_view import SocketView
from rsmtp._client.transcript import Transcript
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import COMPLETED, Login, Request, TlsFacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final

    from rsmtp._client.script import Steps
else:
    later(globals(), "Any Callable Final")

SMTP_PORT: Final = 25
SMTP_SSL_PORT: Final = 465
LMTP_PORT: Final = 2003


class _Unset:
    """The default for a timeout that was not given. As an attribute it has the same value as in
    smtplib, because subclasses pass it to functions that expect that value."""

    def __repr__(self) -> str:
        return "socket.getdefaulttimeout()"

    def __get__(self, client: object, owner: type | None = None) -> Any:
        import socket

        return socket._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]


UNSET: Any = _Unset()
# Methods that a subclass may override. The methods built on them then call the override.
LINE_BY_LINE = ("docmd", "putcmd", "getreply", "send")


def is_unset(timeout: Any) -> bool:
    """Whether this is our default, or smtplib's, which is the `socket` module's."""
    loaded = sys.modules.get("socket")
    return timeout is UNSET or timeout is getattr(loaded, "_GLOBAL_DEFAULT_TIMEOUT", UNSET)


@public
class Conversation(DebugOutput):
    """The base class of all verbs.

    The engine (`rsmtp._rsmtp`) holds the conversation. This class has the arguments and
    attributes known from smtplib. A verb that uses other verbs calls them as methods of
    the client, so that a subclass can override each. Every private name begins with
    `_rsmtp_`, except for those that smtplib's own clients have.
    """

    file: Any = None
    helo_resp: bytes | None = None
    ehlo_msg: str = "ehlo"
    ehlo_resp: bytes | None = None
    does_esmtp: bool = False
    default_port: int = SMTP_PORT
    # The credentials of the last login.
    user: str | None = None
    password: str | None = None

    timeout: Any = UNSET
    context: Setting[rsmtp.typing.Context | None] = Setting("A TlsConfig or an `ssl.SSLContext`, for `tls`.")
    deadline: Setting[float | None] = Setting("Seconds for one whole call; None: no limit.")
    pipelining: Setting[bool] = Setting("False sends one command at a time.")
    chunking: Setting[bool] = Setting("False sends mail data by DATA, not BDAT.")
    allow_plaintext_auth: Setting[bool] = Setting("True lets `login` go over a connection without TLS.")

    # These names are our settings after the constructor has run, and not a subclass's own
    # attributes.
    _rsmtp_settable = frozenset({"context", "deadline", "pipelining", "chunking", "allow_plaintext_auth"})

    # The line that a subclass's `send` is about to get.
    _rsmtp_announced: Announced | None = None
    # A connection of `rsmtp._rsmtp`, or of `rsmtp._transport.asyncio_connection`.
    _rsmtp_connection: Any = None
    # The host and port for `connect()` without arguments.
    _rsmtp_given: tuple[str, int] = ("localhost", 0)
    # The Unix socket, and the port, of the last connection.
    _rsmtp_there: tuple[str | None, int] = (None, 0)
    # The caller's connected socket, for the next session.
    _rsmtp_given_sock: Any = None
    # Seconds for each stage of the current session.
    _rsmtp_patience: float | None = None
    _rsmtp_tls_mode = "none"
    # The class whose methods no subclass has overridden.
    _rsmtp_plain: type[Conversation]
    # Whether the caller has chosen how TLS starts, instead of leaving it to the default.
    _rsmtp_tls_is_said = False
    # Whether the current session may be used for a login and for mail without further steps.
    _rsmtp_is_settled = False
    # The login to perform while connecting.
    _rsmtp_login_at_once: Login | None = None
    # The provider, if the caller has named one.
    _rsmtp_provider: rsmtp.providers.Provider | None = None
    # Whether to send exactly what smtplib would send.
    _rsmtp_like_smtplib = False

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        timeout: float | None = UNSET,
        source_address: tuple[str, int] | str | None = None,
        *,
        tls: rsmtp.typing.Tls | None = None,
        context: rsmtp.typing.Context | None = None,
        deadline: float | None = None,
        pipelining: bool = True,
        chunking: bool = True,
        allow_plaintext_auth: bool = False,
        sock: Any = None,
        socket_path: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        provider: str | rsmtp.providers.Provider | None = None,
    ) -> None:
        super().__init__()
        if provider is not None:
            host, port, tls = self._rsmtp_of_provider(provider, host, port, tls, socket_path)
        if socket_path is not None:
            if host or sock is not None:
                raise ValueError("socket_path: it can't be combined with a host or with sock")
            host = os.path.abspath(arguments.path("socket_path", socket_path))
        if tls is not None:
            self._rsmtp_tls_mode = arguments.one_of("tls", tls, ("none", "starttls", "implicit"))
        self._rsmtp_tls_is_said = tls is not None or self._rsmtp_like_smtplib
        if self._rsmtp_tls_mode == "implicit" and self.default_port == SMTP_PORT:
            self.default_port = SMTP_SSL_PORT
        self._host = host
        if timeout is UNSET:
            vars(self).pop("timeout", None)
        else:
            self.timeout = timeout
        self.esmtp_features: dict[str, str] = {}
        self.command_encoding = "ascii"
        self.source_address = source_address
        self._rsmtp_context = arguments.context("context", context)
        self._rsmtp_deadline = deadline
        self._rsmtp_pipelining = pipelining
        self._rsmtp_chunking = chunking
        self._rsmtp_allow_plaintext_auth = allow_plaintext_auth
        self._rsmtp_learnt: dict[str, str] = {}
        self._rsmtp_names_itself = local_hostname is None
        if local_hostname is None:
            local_hostname = own_name()
        self.local_hostname: str = arguments.text("local_hostname", local_hostname)
        if proxy is not None:
            if sock is not None or str(host).startswith("/"):
                raise ValueError("proxy: it can't be combined with sock or with a Unix socket")
            from rsmtp._transport import proxies

            proxies.check(arguments.secret("proxy", proxy))
        self._rsmtp_proxy = proxy
        self._rsmtp_given_sock = arguments.socket("sock", sock)
        if not self._rsmtp_like_smtplib:
            self._rsmtp_check()
        self._rsmtp_made(host, port)

    def _rsmtp_of_provider(
        self,
        provider: str | rsmtp.providers.Provider,
        host: str,
        port: int,
        tls: rsmtp.typing.Tls | None,
        socket_path: Any,
    ) -> tuple[str, int, rsmtp.typing.Tls | None]:
        """Completes the arguments with the provider's values."""
        if socket_path is not None or str(host).startswith("/"):
            raise ValueError("provider: it has no Unix socket")
        from rsmtp import providers

        row = self._rsmtp_provider = providers.find(provider)
        return (host or row.host, *row.way(port, tls))

    def _rsmtp_check(self) -> None:
        """Raises an error for an invalid setting."""
        arguments.maybe_number("timeout", self._rsmtp_timeout(None))
        arguments.maybe_number("deadline", self._rsmtp_deadline)
        arguments.flag("pipelining", self._rsmtp_pipelining)
        arguments.flag("chunking", self._rsmtp_chunking)
        arguments.flag("allow_plaintext_auth", self._rsmtp_allow_plaintext_auth)
        arguments.source("source_address", self.source_address)

    def _rsmtp_made(self, host: str, port: int) -> None:
        """Called by the constructor with the host and port that it was given."""

    @property
    def _rsmtp_own(self) -> Any:
        """The client's verbs, blocking or awaitable, with a subclass's overrides."""
        return self

    # -- where it is ----------------------------------------------------------

    @property
    def _rsmtp_state(self) -> str:
        return "disconnected" if self._rsmtp_connection is None else self._rsmtp_connection.state

    @property
    def _rsmtp_legal_requests(self) -> list[str]:
        return [] if self._rsmtp_connection is None else self._rsmtp_connection.legal_requests

    @property
    def _rsmtp_transcript(self) -> Transcript:
        return Transcript(() if self._rsmtp_connection is None else self._rsmtp_connection.transcript)

    @property
    def _rsmtp_tls(self) -> TlsFacts | None:
        return None if self._rsmtp_connection is None else self._rsmtp_connection.tls

    @Shown
    def state(self: Conversation) -> str:
        """The state of the conversation: "disconnected", "connected", "greeted",
        "rejected", "ready", "securing", "secured", "authenticating",
        "authenticated", "mail", "recipients", "data", "closed" or "broken"."""
        return self._rsmtp_state

    @Shown
    def legal_requests(self: Conversation) -> list[str]:
        """The verbs that RFC 5321 allows in this state and that the server supports. Other
        verbs are refused only if replies could then no longer be matched to commands."""
        return self._rsmtp_legal_requests

    @Shown
    def transcript(self: Conversation) -> Transcript:
        """The last lines of the conversation (up to 2,000 lines or 1 MiB) with times.
        Secrets are masked, control characters escaped, bodies cut to a few lines. It
        outlives the connection."""
        return self._rsmtp_transcript

    @Shown
    def tls(self: Conversation) -> TlsFacts | None:
        """What the TLS handshake settled; None without TLS."""
        return self._rsmtp_tls

    @property
    def sock(self) -> Any:
        """The connection as a socket-like object, or None. A socket that the caller passed is
        returned itself until our TLS runs over it. Setting this to None closes the connection."""
        connection = self._rsmtp_connection
        if connection is None or connection.is_over:
            return None
        own = getattr(connection, "sock", None)
        return SocketView(self, connection) if own is None or self._rsmtp_tls else own

    @sock.setter
    def sock(self, value: Any) -> None:
        self._rsmtp_hang_up()
        if value is not None:
            self._rsmtp_start_anew(self._host)
            self._rsmtp_adopt(value)

    def _rsmtp_timeout(self, default: float | None) -> float | None:
        """The `timeout` that was given, or that was set since."""
        timeout = vars(self).get("timeout", UNSET)
        return default if is_unset(timeout) else timeout

    def _rsmtp_start_anew(self, host: str) -> None:
        """Prepares for a new connection and forgets what was learned from the old one."""
        self._rsmtp_hang_up()
        self._rsmtp_forget()
        self._rsmtp_is_settled = self._rsmtp_tls_is_said
        self._host = host
        self._rsmtp_patience = self._rsmtp_timeout(_socket.getdefaulttimeout())

    def _rsmtp_adopt(self, sock: Any) -> None:
        """Uses a socket that the caller has already connected."""
        raise TypeError("sock: give it to the constructor; only None can be set, to close the connection")

    def __repr__(self) -> str:
        tls = self._rsmtp_tls
        where = f" {self._host}" if self._host else ""
        return f"<{type(self).__name__}{where} {self._rsmtp_state}{f' {tls.version}' if tls else ''}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the state machine, the server, and how safe the connection is."""
        from rsmtp.display import client

        return client.bundle(self)

    @property
    def _rsmtp_source(self) -> tuple[str, int] | None:
        source = self.source_address
        return (source, 0) if isinstance(source, str) else source

    @property
    def _rsmtp_speaks_lmtp(self) -> bool:
        return self.ehlo_msg.lower() == "lhlo"

    def close(self) -> None:
        """Closes the connection without QUIT. The transcript stays."""
        self._rsmtp_hang_up()

    def _rsmtp_hang_up(self) -> None:
        """Closes the connection where smtplib does not call `close`: a subclass's own may need
        attributes that it does not have yet, or set `sock` itself."""
        if self._rsmtp_connection is not None:
            self._rsmtp_connection.close()

    def _rsmtp_forget(self) -> None:
        """Forgets the server's extensions, because they apply to one session only."""
        self.helo_resp = self.ehlo_resp = None
        self.does_esmtp = False
        self.esmtp_features = {}
        self._rsmtp_learnt = {}

    def _rsmtp_introduced(self, reply: Reply) -> None:
        """Called when EHLO has been answered, or HELO if EHLO was refused."""
        refused = self._rsmtp_talk().refused_ehlo
        if refused is None:
            self._rsmtp_take_offer(reply)
        else:
            self.ehlo_resp, self.helo_resp = refused[1], reply[1]

    def _rsmtp_take_offer(self, reply: Reply) -> None:
        self.ehlo_resp = reply[1]
        self._rsmtp_learnt = dict(self._rsmtp_talk().extensions)
        if self._rsmtp_like_smtplib and "auth" in self._rsmtp_learnt:
            # smtplib puts a space before each line's mechanisms.
            self._rsmtp_learnt["auth"] = " " + self._rsmtp_learnt["auth"]
        self.esmtp_features = dict(self._rsmtp_learnt)
        self.does_esmtp = reply[0] == COMPLETED

    def has_extn(self, opt: str) -> bool:
        """Whether the server offers this extension. Upper and lower case make no difference."""
        return arguments.text("opt", opt).lower() in self.esmtp_features

    def _rsmtp_ask(self, argument: str, secret: Callable[..., Any], rejected: str | None) -> Any:
        """The result of a callable for a password or a token."""
        raise NotImplementedError

    # -- requests ---------------------------------------------------------------

    def _rsmtp_talk(self) -> Any:
        if self._rsmtp_connection is None:
            raise rsmtp.errors.SMTPServerDisconnected("please run connect() first")
        if self.esmtp_features != self._rsmtp_learnt:
            # Callers may edit the dict to control which extensions are used.
            self._rsmtp_connection.assume(list(self.esmtp_features.items()))
            self._rsmtp_learnt = dict(self.esmtp_features)
        return self._rsmtp_connection

    @property
    def _rsmtp_is_to_be_introduced(self) -> bool:
        """Whether EHLO has to be sent."""
        introduced = self.helo_resp is not None or self.ehlo_resp is not None
        return not introduced or self._rsmtp_overrides("ehlo_or_helo_if_needed")

    def _rsmtp_told(self, error: rsmtp.errors.SMTPException) -> rsmtp.errors.SMTPException:
        """Adds the facts to this error that the engine's own errors have."""
        if self._rsmtp_connection is not None:
            from rsmtp._common.raising import tell_conversation

            tell_conversation(error, self._rsmtp_connection.path, self._rsmtp_connection.transcript[-20:])
        return error

    def _rsmtp_perform_seen(self, line: str, request: Request) -> Steps[Any]:
        """Performs a request. A subclass's `send` gets its line, as in smtplib. The engine still knows
        what the line means: it reads the server's extensions, starts the handshake that follows, and
        masks secrets.

        The result is None if that `send` has sent something else instead.
        """
        if not self._rsmtp_overrides("send"):
            return (yield self._rsmtp_talk().perform(request, self._rsmtp_observer))
        announced = self._rsmtp_announced = Announced(f"{line}\r\n".encode(), request)
        try:
            yield self._rsmtp_own.send(f"{line}\r\n")
        finally:
            self._rsmtp_announced = None
        return announced.answer

    def _rsmtp_perform(self, request: Request) -> Any:
        if self._rsmtp_overrides(*LINE_BY_LINE) and request.line is not None:
            verb, _, arguments = request.line.partition(" ")
            return self._rsmtp_own.docmd(verb, arguments)
        return self._rsmtp_talk().perform(request, self._rsmtp_observer)

    def _rsmtp_overrides(self, *names: str) -> bool:
        """Whether a subclass or this instance overrides one of these methods."""
        if not self.__dict__.keys().isdisjoint(names):
            return True
        cls, plain = type(self), self._rsmtp_plain
        # Called for each message; most clients are not subclasses.
        return cls is not plain and any(getattr(cls, name) is not getattr(plain, name) for name in names)
