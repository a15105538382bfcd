"""`AsyncSmtpClient`: the client with awaitable verbs. `send` is `rsmtp.asend`.

This module knows nothing about SMTP: the verbs are the scripts of `rsmtp._client.verbs`, and
`rsmtp._transport.asyncio_connection` transfers the octets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import CoroutineType, TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from rsmtp import asend as send
from rsmtp._client.script import named_after
from rsmtp._client.verbs import Verbs
from rsmtp._common import observing
from rsmtp._common.tracebacks import hidden, named, respelled, shortened
from rsmtp._transport.asyncio_connection import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rsmtp._client.script import Steps

__all__ = ["AsyncSmtpClient", "send"]

P = ParamSpec("P")
R = TypeVar("R")


def awaitable(
    script: Callable[Concatenate[Any, P], Steps[R]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """A coroutine method: it awaits what the script yields, if that is awaitable."""

    async def method(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            steps = script(self, *args, **kwargs)
            if observing.observer is not None:
                steps = observing.observer.steps(method.__name__, self, steps)
            step = next(steps)
            while True:
                try:
                    # What a connection is asked is a coroutine: the look for a method costs more than that.
                    came = await step if type(step) is CoroutineType or hasattr(step, "__await__") else step
                except BaseException as raised:
                    step = steps.throw(raised)
                else:
                    step = steps.send(came)
        except StopIteration as end:
            result: R = end.value
            return result
        except BaseException as raised:
            __tracebackhide__ = hidden(raised)
            raise shortened(respelled(raised, script, method.__name__))  # noqa: B904

    return named_after(script, method, "AsyncSmtpClient")


class AsyncSmtpClient(Verbs):
    """`SmtpClient` for asyncio: the same verbs, arguments, results and exceptions, with
    an `await` before each verb that talks to the server.

        async with AsyncSmtpClient("smtp.example.com", 587, tls="starttls") as client:
            await client.login("you@example.com", "app password")
            await client.send_message(message)

    The constructor does not connect. `async with` and `await AsyncSmtpClient(...)` do;
    `connect()` without arguments connects to the constructor's host and port.

    Tasks that share a client take turns, verb by verb. Tasks that enter it by `async with`
    wait for each other, and each has its own session. A verb that is cancelled ends the
    session, because its reply would answer the next command. For a message that was under
    way, `fates` of the CancelledError says what became of each recipient.

    Args:
        host, port, local_hostname, timeout, source_address, tls, context, deadline,
            pipelining, chunking, allow_plaintext_auth, socket_path, proxy, provider: as for
            SmtpClient.
        sock: a `socket.socket` that is connected, to talk over.

    Raises the classes of `rsmtp.errors`, and ValueError for invalid input, before anything
    is sent.
    """

    _rsmtp_connection: Connection | None = None
    # The task that is inside `async with`; the loop, and the lock that other tasks wait for.
    _rsmtp_holder: asyncio.Task[Any] | None = None
    _rsmtp_turns: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    def _rsmtp_made(self, host: str, port: int) -> None:
        self._rsmtp_given = (host or "localhost", port)
        self._rsmtp_connects = bool(host) or self._rsmtp_given_sock is not None

    connect = awaitable(Verbs._rsmtp_connect)
    send = awaitable(Verbs._rsmtp_send)
    putcmd = awaitable(Verbs._rsmtp_putcmd)
    getreply = awaitable(Verbs._rsmtp_getreply)
    docmd = awaitable(Verbs._rsmtp_docmd)
    helo = awaitable(Verbs._rsmtp_helo)
    ehlo = awaitable(Verbs._rsmtp_ehlo)
    ehlo_or_helo_if_needed = awaitable(Verbs._rsmtp_ehlo_or_helo_if_needed)
    help = awaitable(Verbs._rsmtp_help)
    rset = awaitable(Verbs._rsmtp_rset)
    noop = awaitable(Verbs._rsmtp_noop)
    verify = awaitable(Verbs._rsmtp_verify)
    expn = awaitable(Verbs._rsmtp_expn)
    mail = awaitable(Verbs._rsmtp_mail)
    rcpt = awaitable(Verbs._rsmtp_rcpt)
    data = awaitable(Verbs._rsmtp_data)
    quit = awaitable(Verbs._rsmtp_quit)
    starttls = awaitable(Verbs._rsmtp_starttls)
    xclient = awaitable(Verbs._rsmtp_xclient)
    login = awaitable(Verbs._rsmtp_login)
    auth = awaitable(Verbs._rsmtp_auth)
    sendmail = awaitable(Verbs._rsmtp_sendmail)
    send_message = awaitable(Verbs._rsmtp_send_message)
    vrfy = verify

    _rsmtp_enter = awaitable(Verbs._rsmtp_arrive)
    _rsmtp_exit = awaitable(Verbs._rsmtp_leave)

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        if self._rsmtp_holder is not task:
            turn = self._rsmtp_turn()
            await turn.acquire()
            self._rsmtp_holder = task
        try:
            return await self._rsmtp_come()
        except BaseException as raised:
            self._rsmtp_give_way()
            __tracebackhide__ = hidden(raised)
            raise shortened(raised)  # noqa: B904

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is GeneratorExit:
                # The task was destroyed, and nothing can be awaited any more.
                self.close()
            else:
                await self._rsmtp_exit()
        except BaseException as raised:
            __tracebackhide__ = hidden(raised)
            raise shortened(raised)  # noqa: B904
        finally:
            self._rsmtp_give_way()

    def __await__(self) -> Generator[Any, None, Self]:
        return self._rsmtp_come().__await__()

    async def _rsmtp_come(self) -> Self:
        if self._rsmtp_connects and self.sock is None:
            try:
                await self._rsmtp_enter(*self._rsmtp_given)
            except BaseException as raised:
                __tracebackhide__ = hidden(raised)
                raise shortened(raised)  # noqa: B904
        return self

    named(_rsmtp_come, "__await__")

    def _rsmtp_turn(self) -> asyncio.Lock:
        """The lock that a task holds from `async with` to its end."""
        loop = asyncio.get_running_loop()
        if self._rsmtp_turns is None or self._rsmtp_turns[0] is not loop:
            self._rsmtp_turns, self._rsmtp_holder = (loop, asyncio.Lock()), None
        return self._rsmtp_turns[1]

    def _rsmtp_give_way(self) -> None:
        # The block may end in another task, as in a pytest fixture.
        if self._rsmtp_holder is not None and self._rsmtp_turns is not None:
            self._rsmtp_holder = None
            loop, turn = self._rsmtp_turns
            if not loop.is_closed():
                turn.release()

    def __del__(self) -> None:
        if self._rsmtp_connection is not None:
            self._rsmtp_connection.drop()

    async def _rsmtp_ask(self, argument: str, secret: Callable[..., Any], rejected: str | None) -> Any:
        from rsmtp._client import credentials

        seconds = credentials.limit(self._rsmtp_patience, self._rsmtp_deadline)
        return await credentials.ask_in_loop(argument, secret, seconds, rejected)

    async def _rsmtp_ask_for_ticket(self) -> Any:
        from rsmtp._client import credentials

        seconds = credentials.limit(self._rsmtp_patience, self._rsmtp_deadline)
        return await credentials.ask_for_ticket_in_loop(self._host, seconds)

    async def _rsmtp_begin(self, host: str, port: int, path: str | None = None) -> None:
        sock, self._rsmtp_given_sock = self._rsmtp_given_sock, None
        self._rsmtp_connected(
            await Connection.open(
                host,
                port,
                self._rsmtp_settings(sock),
                sock=sock,
                proxy=self._rsmtp_way(host, path) if sock is None else None,
                path=path,
                source_address=self._rsmtp_source,
                observer=self._rsmtp_observer,
            )
        )


AsyncSmtpClient._rsmtp_plain = AsyncSmtpClient
