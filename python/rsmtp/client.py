"""`SmtpClient`: one conversation, step by step, in smtplib's shape.

The engine (`rsmtp._rsmtp`) holds the conversation. The names, defaults, return values and
attributes that people know from smtplib are in `rsmtp._client.verbs`. This module makes them block.
"""

from __future__ import annotations

from rsmtp._client.conversation import is_unset
from rsmtp._client.script import named_after
from rsmtp._client.transcript import Transcript
from rsmtp._client.verbs import Verbs
from rsmtp._common import observing
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import hidden, respelled, shortened
from rsmtp._rsmtp import Connection
from rsmtp._transport import python_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType, TracebackType
    from typing import Any, Concatenate, ParamSpec, Self, TypeVar

    from rsmtp._client.script import Steps

    P = ParamSpec("P")
    R = TypeVar("R")

    from rsmtp._transport.proxies import Proxy
else:
    later(globals(), "Any Callable ModuleType Self TracebackType")

__all__ = ["SmtpClient", "Transcript"]


def blocking(script: Callable[Concatenate[Any, P], Steps[R]]) -> Callable[Concatenate[Any, P], R]:
    """A blocking method: what the script yields is complete already."""

    def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            steps = script(self, *args, **kwargs)
            if observing.observer is not None:
                steps = observing.observer.steps(method.__name__, self, steps)
            step = next(steps)
            while True:
                step = steps.send(step)
        except StopIteration as end:
            result: R = end.value
            return result
        except BaseException as raised:
            __tracebackhide__ = hidden(raised)
            raise shortened(respelled(raised, script, method.__name__))  # noqa: B904

    return named_after(script, method, "SmtpClient")


class SmtpClient(Verbs):
    """A client for one SMTP conversation (RFC 5321), smtplib's `SMTP` in shape.

    Args:
        host: a name or an address, or "host:port". If it is given, the constructor
            connects, and a greeting that refuses raises SMTPConnectError.
        port: 0 means 25, or 465 with tls="implicit".
        local_hostname: the name for EHLO. Default: this machine's name if it is
            fully qualified, its address otherwise; without a DNS look-up.
        timeout: seconds for each stage of the conversation (a whole reply, the
            whole handshake). Default: `socket.getdefaulttimeout()`. If that is None,
            and for None, the times of RFC 5321 4.5.3.2 (minutes).
        source_address: (host, port) to connect from.
        tls: "none" (`starttls()` can be called), "starttls" (EHLO, STARTTLS and
            EHLO follow the greeting) or "implicit" (RFC 8314). Default: "implicit"
            with port 465. Otherwise STARTTLS is required before a login and before
            mail: if `starttls()` has not been called by then, it is done first, and a
            server that does not offer it is an SMTPNotSupportedError. A connection that
            stays on this machine (loopback, a Unix socket) goes without, unless
            `context` is given.
        context: a TlsConfig or an `ssl.SSLContext`, for `tls` and `starttls()`. Default:
            verified by the operating system's trust store.
        deadline: seconds for one whole call, with all its stages. Default:
            no limit besides `timeout`.
        pipelining: False sends one command at a time, even if the server offers more.
        chunking: False sends mail data by DATA, even if the server offers BDAT.
        allow_plaintext_auth: True lets `login` go over a connection without TLS
            that leaves this machine, with tls="none".
        sock: a connected socket to use: any object with `recv`, `settimeout` and
            `send` or `sendall`. `host` is then the name that the server's
            certificate must be for. A proxy or TLS inside it is not rsmtp's concern.
        socket_path: a Unix socket to connect to, instead of a host. A `host` that
            begins with "/" is one too.
        proxy: `socks5h://user:password@host:1080` (the proxy looks up the server's
            name), `socks5://` (rsmtp looks it up), `http://host:3128` (CONNECT), or
            "environment" for the proxy in ALL_PROXY. A proxy that can't be reached is
            an error: rsmtp never connects without it.
        provider: "gmail" or another name in `rsmtp.providers`, or a `Provider` of one's own: host,
            port and `tls` where they are not given. A message that is larger, or has more
            recipients, than it takes is refused before it is sent.

    Raises the classes of `rsmtp.errors`, and ValueError for invalid input, before
    anything is sent.
    """

    def _rsmtp_made(self, host: str, port: int) -> None:
        if host or self._rsmtp_given_sock is not None:
            self._rsmtp_enter(host, port)

    _rsmtp_enter = blocking(Verbs._rsmtp_arrive)
    _rsmtp_exit = blocking(Verbs._rsmtp_leave)

    connect = blocking(Verbs._rsmtp_connect)
    send = blocking(Verbs._rsmtp_send)
    putcmd = blocking(Verbs._rsmtp_putcmd)
    getreply = blocking(Verbs._rsmtp_getreply)
    docmd = blocking(Verbs._rsmtp_docmd)
    helo = blocking(Verbs._rsmtp_helo)
    ehlo = blocking(Verbs._rsmtp_ehlo)
    ehlo_or_helo_if_needed = blocking(Verbs._rsmtp_ehlo_or_helo_if_needed)
    help = blocking(Verbs._rsmtp_help)
    rset = blocking(Verbs._rsmtp_rset)
    noop = blocking(Verbs._rsmtp_noop)
    verify = blocking(Verbs._rsmtp_verify)
    expn = blocking(Verbs._rsmtp_expn)
    mail = blocking(Verbs._rsmtp_mail)
    rcpt = blocking(Verbs._rsmtp_rcpt)
    data = blocking(Verbs._rsmtp_data)
    quit = blocking(Verbs._rsmtp_quit)
    starttls = blocking(Verbs._rsmtp_starttls)
    xclient = blocking(Verbs._rsmtp_xclient)
    login = blocking(Verbs._rsmtp_login)
    auth = blocking(Verbs._rsmtp_auth)
    sendmail = blocking(Verbs._rsmtp_sendmail)
    send_message = blocking(Verbs._rsmtp_send_message)
    vrfy = verify

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._rsmtp_exit()
        except BaseException as raised:
            __tracebackhide__ = hidden(raised)
            raise shortened(raised)  # noqa: B904

    def _get_socket(self, host: str, port: int, timeout: Any) -> Any:
        """A socket connected to `host`. A subclass may override it, as with smtplib: the
        conversation uses the socket that it returns."""
        return python_sockets.connected(host, port, timeout, self._rsmtp_source, self._rsmtp_sockets())

    def _rsmtp_sockets(self) -> ModuleType | None:
        """The module whose sockets are to be used, if it is not Python's own."""
        return None

    def _rsmtp_ask(self, argument: str, secret: Callable[..., Any], rejected: str | None) -> Any:
        from rsmtp._client import credentials

        seconds = credentials.limit(self._rsmtp_patience, self._rsmtp_deadline)
        return credentials.ask(argument, secret, seconds, rejected)

    def _rsmtp_ask_for_ticket(self) -> Any:
        from rsmtp._client import credentials

        seconds = credentials.limit(self._rsmtp_patience, self._rsmtp_deadline)
        return credentials.ask_for_ticket(self._host, seconds)

    def _rsmtp_begin(self, host: str, port: int, path: str | None = None) -> None:
        sock, self._rsmtp_given_sock = self._rsmtp_given_sock, None
        if sock is not None:
            self._rsmtp_adopt(sock)
            return
        proxy = self._rsmtp_way(host, path)
        there = (host, port) if proxy is None else (proxy.host, proxy.port)
        sock = self._rsmtp_dial(*there, path)
        if sock is not None:
            found = python_sockets.resolved(host, port) if proxy and proxy.resolves_here else []
            self._rsmtp_adopt(sock, None if proxy is None else (proxy, port, found))
            return
        self._rsmtp_connected(
            Connection.open(
                host,
                port,
                self._rsmtp_settings(),
                path=path,
                source_address=self._rsmtp_source,
                proxy=proxy,
                observer=self._rsmtp_observer,
            )
        )

    def _rsmtp_dial(self, host: str, port: int, path: str | None) -> Any:
        """A Python socket, where one is needed; None lets the engine make its own."""
        if path is None and self._rsmtp_overrides("_get_socket"):
            return self._get_socket(host, port, self.timeout)
        module = self._rsmtp_sockets()
        if not python_sockets.are_replaced(module):
            return None
        with python_sockets.told_as_ours(path or host):
            if path is not None:
                return python_sockets.connected_to_path(path, self._rsmtp_patience, module)
            return python_sockets.connected(host, port, self.timeout, self._rsmtp_source, module)

    def _rsmtp_adopt(self, sock: Any, tunnel: tuple[Proxy, int, list[str]] | None = None) -> None:
        from rsmtp._transport.socket_connection import SocketConnection

        if "timeout" in vars(self) and not is_unset(self.timeout):
            sock.settimeout(self.timeout)
        elif hasattr(sock, "gettimeout"):
            self._rsmtp_patience = sock.gettimeout()
        self._rsmtp_connected(
            SocketConnection.adopt(
                sock,
                self._host,
                self._rsmtp_settings(sock),
                timeout=self._rsmtp_patience,
                deadline=self._rsmtp_deadline,
                tunnel=tunnel,
                observer=self._rsmtp_observer,
            )
        )


SmtpClient._rsmtp_plain = SmtpClient
