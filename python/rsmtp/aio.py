"""`AsyncSmtpClient`: the client's verbs, awaitable, and `send`, one message in one call.

No line about SMTP stands here: the verbs are the scripts of `rsmtp.verbs`, and
`async_connection.py` moves the octets.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from rsmtp.async_connection import Connection
from rsmtp.verbs import Verbs
from rsmtp.verbs.conversation import SMTP_PORT, SMTP_SSL_PORT, UNSET
from rsmtp.verbs.script import Reply, Steps, named_after

__all__ = ["AsyncSmtpClient", "send"]

P = ParamSpec("P")
R = TypeVar("R")

SUBMISSION_PORT: Final = 587


def awaitable(
    script: Callable[Concatenate[Any, P], Steps[R]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """A coroutine method: what the script yields is awaited, if it is awaitable."""

    async def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        steps = script(self, *args, **kwargs)
        try:
            step = next(steps)
            while True:
                try:
                    came = await step if hasattr(step, "__await__") else step
                except BaseException as raised:
                    step = steps.throw(raised)
                else:
                    step = steps.send(came)
        except StopIteration as end:
            result: R = end.value
            return result

    return named_after(script, method, "AsyncSmtpClient")


class AsyncSmtpClient(Verbs):
    """`SmtpClient` for asyncio: the same verbs, arguments, results and exceptions, with
    an `await` before each verb that talks.

        async with AsyncSmtpClient("smtp.example.com", 587, tls="starttls") as client:
            await client.login("you@example.com", "app password")
            await client.send_message(message)

    The constructor connects nothing. `async with` does, and `await AsyncSmtpClient(...)`,
    where `SmtpClient(...)` does; `connect()` without arguments goes where the constructor
    was told.

    Tasks that use one client take turns, verb by verb. A verb that is cancelled ends the
    session, because nobody would hear the answer; the CancelledError tells what became of
    each recipient of a message that was under way, by `fates`.

    Args:
        host, port, local_hostname, timeout, source_address, tls, context, deadline,
            pipelining, chunking, allow_plaintext_auth: as for SmtpClient.
        hostname: another name of `host`.
        use_tls: True is tls="implicit".
        start_tls: True is tls="starttls".
        tls_context: another name of `context`.
        username, password: for a login after connecting by `async with` or `await`.

    Raises the classes of `rsmtp.errors`; ValueError for input that could not stand in a
    conversation, before anything is sent.
    """

    _connection: Connection | None = None

    def __init__(
        self,
        host: str = "",
        port: int = 0,
        local_hostname: str | None = None,
        timeout: float | None = UNSET,
        source_address: tuple[str, int] | None = None,
        *,
        tls: str | None = None,
        context: Any = None,
        deadline: float | None = None,
        pipelining: bool = True,
        chunking: bool = True,
        allow_plaintext_auth: bool = False,
        hostname: str | None = None,
        use_tls: bool = False,
        start_tls: bool | None = None,
        tls_context: Any = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        super().__init__(
            host or hostname or "",
            port,
            local_hostname,
            timeout,
            source_address,
            tls=_one_tls(tls, use_tls, start_tls),
            context=tls_context if context is None else context,
            deadline=deadline,
            pipelining=pipelining,
            chunking=chunking,
            allow_plaintext_auth=allow_plaintext_auth,
        )
        self.user, self.password = username, password
        self._logs_in = username is not None

    def _made(self, host: str, port: int) -> None:
        self._given = (host or "localhost", port)
        self._connects = bool(host)

    connect = awaitable(Verbs._connect)
    send = awaitable(Verbs._send)
    putcmd = awaitable(Verbs._putcmd)
    getreply = awaitable(Verbs._getreply)
    docmd = awaitable(Verbs._docmd)
    helo = awaitable(Verbs._helo)
    ehlo = awaitable(Verbs._ehlo)
    ehlo_or_helo_if_needed = awaitable(Verbs._ehlo_or_helo_if_needed)
    help = awaitable(Verbs._help)
    rset = awaitable(Verbs._rset)
    noop = awaitable(Verbs._noop)
    verify = awaitable(Verbs._verify)
    expn = awaitable(Verbs._expn)
    mail = awaitable(Verbs._mail)
    rcpt = awaitable(Verbs._rcpt)
    data = awaitable(Verbs._data)
    quit = awaitable(Verbs._quit)
    starttls = awaitable(Verbs._starttls)
    login = awaitable(Verbs._login)
    auth = awaitable(Verbs._auth)
    sendmail = awaitable(Verbs._sendmail)
    send_message = awaitable(Verbs._send_message)
    vrfy = verify

    _enter = awaitable(Verbs._arrive)
    _exit = awaitable(Verbs._leave)

    async def __aenter__(self) -> Self:
        if self._connects and self.sock is None:
            await self._enter(*self._given)
            if self._logs_in:
                try:
                    await self.login(self.user or "", self.password)
                except BaseException:
                    self.close()
                    raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit()

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.drop()

    async def _begin(self, host: str, port: int, path: str | None = None) -> None:
        settings = self._settings(host)
        self._connected(
            await Connection.open(
                host,
                port,
                settings,
                path=path,
                source_address=self.source_address,
                observer=self._observer,
            )
        )


AsyncSmtpClient._plain = AsyncSmtpClient


def _one_tls(tls: str | None, use_tls: bool, start_tls: bool | None) -> str | None:
    """The one of the ways to ask for TLS that was used."""
    asked = [way for way in (tls, use_tls and "implicit", start_tls and "starttls") if way]
    if len(set(asked)) > 1:
        raise ValueError("tls, use_tls and start_tls: TLS comes before the greeting or after it, not both")
    return asked[0] if asked else None


async def send(
    message: Any,
    /,
    *,
    sender: str | None = None,
    recipients: str | Iterable[str] | None = None,
    hostname: str = "localhost",
    port: int = 0,
    username: str | None = None,
    password: str | None = None,
    local_hostname: str | None = None,
    source_address: tuple[str, int] | None = None,
    timeout: float | None = UNSET,
    deadline: float | None = None,
    use_tls: bool = False,
    start_tls: bool | None = None,
    context: Any = None,
    tls_context: Any = None,
    mail_options: Sequence[str] = (),
    rcpt_options: Sequence[str] = (),
) -> dict[str, Reply]:
    """Sends one message over a connection of its own, from the greeting to QUIT.

    Args:
        message: a message, or bytes or str with `sender` and `recipients`.
        sender, recipients: the envelope. Default: whom the headers name.
        hostname: the server.
        port: 0 means 465 with use_tls, 587 with start_tls, 25 otherwise.
        username, password: for a login, if given.
        use_tls: TLS from the first byte (RFC 8314).
        start_tls: True demands STARTTLS, False does without it. Default: where the
            server offers it. Whoever sits on the way can hide the offer, so say True
            where you know the server; a password needs TLS in any case, unless the
            server is on this machine.
        context, tls_context: a TlsConfig or an `ssl.SSLContext`. Default: verified by
            the operating system's trust store.
        local_hostname, source_address, timeout, deadline: as for AsyncSmtpClient.
        mail_options, rcpt_options: as for `AsyncSmtpClient.sendmail`.

    Returns the refused recipients, as `AsyncSmtpClient.sendmail` does, and raises as it
    does.
    """
    by_headers = hasattr(message, "get_all")
    if not by_headers and (sender is None or recipients is None):
        raise ValueError("sender and recipients: bytes and str need both; only a message names them itself")
    if not port:
        port = SMTP_SSL_PORT if use_tls else SUBMISSION_PORT if start_tls else SMTP_PORT
    client = AsyncSmtpClient(
        hostname,
        port,
        local_hostname,
        timeout,
        source_address,
        context=context,
        tls_context=tls_context,
        deadline=deadline,
        use_tls=use_tls,
        start_tls=start_tls,
    )
    async with client:
        if start_tls is None and not use_tls:
            await client.ehlo_or_helo_if_needed()
            if client.has_extn("starttls"):
                await client.starttls(context=client.context)
        if username is not None:
            await client.login(username, password)
        if by_headers:
            return await client.send_message(message, sender, recipients, mail_options, rcpt_options)
        return await client.sendmail(sender or "", recipients or [], message, mail_options, rcpt_options)
