"""Passwords and access tokens that are callables. They are called when a session is opened, because
tokens expire. The result is checked here, before anything is sent. `turns` decides which session may
call a callable, and how long its result remains valid."""

from __future__ import annotations

from rsmtp._client.turns import ASK, WAIT, Turns, turns_of
from rsmtp._common import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

    from rsmtp._rsmtp import Login


def is_asynchronous(secret: Any) -> bool:
    """Whether calling it returns an awaitable, as far as can be known without calling it."""
    import inspect

    call = getattr(secret, "__call__", None)  # noqa: B004  an object may have one that is a coroutine
    return inspect.iscoroutinefunction(secret) or inspect.iscoroutinefunction(call)


def refuse_asynchronous(argument: str, secret: Any) -> None:
    """Raises an error, because a blocking caller has no event loop to await it on."""
    if callable(secret) and is_asynchronous(secret):
        raise TypeError(f"{argument}: {_OF_A_LOOP}")


# How many seconds a cancelled callable gets to end.
_FAREWELL = 0.5

_OF_A_LOOP = (
    "its callable is asynchronous, and nothing here can await it: use AsyncMailer or AsyncSmtpClient, "
    "or give a plain callable"
)


def limit(timeout: float | None, deadline: float | None) -> float | None:
    """The seconds that a callable may take: it counts as one stage of the conversation, within the
    limit for the whole call. None means that no limit was given."""
    return min((seconds for seconds in (timeout, deadline) if seconds is not None), default=None)


def ask(argument: str, secret: Callable[..., Any], seconds: float | None, rejected: str | None = None) -> str:
    """The text that the callable returns, or has returned if it is still valid. `rejected` is the
    text that the server refused. If another session is calling it, this one waits. Raises
    SMTPTimeoutError if all this takes longer than `seconds`: the callable can't be interrupted, but
    nothing is sent after it."""
    import _thread
    import inspect
    import time

    refuse_asynchronous(argument, secret)
    begun = time.monotonic()
    turns = turns_of(secret)
    nested = turns.is_nested
    while True:
        gate = _thread.allocate_lock()
        gate.acquire()
        said = turns.next(rejected, gate.release)
        if said is not WAIT:
            break
        left = -1.0 if seconds is None else max(0.0, begun + seconds - time.monotonic())
        try:
            woken = gate.acquire(timeout=min(left, _thread.TIMEOUT_MAX))
        finally:
            turns.leave(gate.release)
        if not woken:
            raise _waited(argument, seconds)
    if said is not ASK:
        return _checked(argument, said)
    try:
        told = turns.called(secret, force=rejected is not None)
        if inspect.isawaitable(told):
            if inspect.iscoroutine(told):
                told.close()
            raise TypeError(f"{argument}: {_OF_A_LOOP}")
        text = _kept(argument, told, turns)
    finally:
        if not nested:
            turns.over()
    if seconds is not None and time.monotonic() - begun > seconds:
        raise _timed_out(argument, seconds)
    return text


async def ask_in_loop(
    argument: str, secret: Callable[..., Any], seconds: float | None, rejected: str | None = None
) -> str:
    """The same for an event loop. An asynchronous callable is cancelled when its time is up. A plain
    callable is called in a thread, because it may block. A result that comes too late is discarded,
    and another session may call it meanwhile."""
    import asyncio

    loop = asyncio.get_running_loop()
    begun = loop.time()
    turns = turns_of(secret)
    nested = turns.is_nested
    while True:
        woken: asyncio.Future[None] = loop.create_future()
        wake = _waker(loop, woken)
        said = turns.next(rejected, wake)
        if said is not WAIT:
            break
        try:
            await asyncio.wait({woken}, timeout=_left(seconds, loop.time() - begun))
        finally:
            turns.leave(wake)
        if not woken.done():
            raise _waited(argument, seconds)
    if said is not ASK:
        return _checked(argument, said)
    try:
        told = await _asked(argument, secret, turns, rejected, seconds, _left(seconds, loop.time() - begun))
        return _kept(argument, told, turns)
    finally:
        if not nested:
            turns.over()


async def login_in_loop(server: Any, rejected: str | None) -> Login | None:
    """The login for a session with this server, from its callable or from Kerberos. None if there
    is nothing to ask for. `rejected` is the secret that the server refused."""
    from rsmtp._rsmtp import Login

    username, mechanism = server.username or "", server.mechanism
    seconds = limit(server.timeout, server.deadline)
    for argument in ("password", "access_token"):
        secret = getattr(server, argument)
        if callable(secret):
            text = await ask_in_loop(argument, secret, seconds, rejected)
            return Login(username, mechanism=mechanism, **{argument: text})
    if mechanism is not None and mechanism.upper() == "GSSAPI":
        ticket = await ask_for_ticket_in_loop(server.host, seconds)
        return Login(username, mechanism=mechanism, ticket=ticket)
    return None


def ask_for_ticket(host: str, seconds: float | None) -> Any:
    """A Kerberos ticket for this host, for GSSAPI. The library that gets it can't be interrupted, but
    nothing is sent if it took longer than `seconds`."""
    import time

    from rsmtp.credentials.kerberos import Ticket

    begun = time.monotonic()
    ticket = Ticket(host)
    if seconds is not None and time.monotonic() - begun > seconds:
        raise _late_ticket(seconds)
    return ticket


async def ask_for_ticket_in_loop(host: str, seconds: float | None) -> Any:
    """The same for an event loop, in a thread."""
    import asyncio
    from functools import partial

    from rsmtp.credentials.kerberos import Ticket

    asked = asyncio.ensure_future(_in_thread(partial(Ticket, host)))
    try:
        await asyncio.wait({asked}, timeout=seconds)
        if asked.done():
            return await asked
    finally:
        asked.cancel()
    raise _late_ticket(seconds)


def _left(seconds: float | None, passed: float) -> float | None:
    return None if seconds is None else max(0.0, seconds - passed)


def _waker(loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> Callable[[], None]:
    """Wakes a task of this loop, from any thread."""

    def settle() -> None:
        if not woken.done():
            woken.set_result(None)

    def wake() -> None:
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:
            pass  # The loop has ended meanwhile, together with its tasks.

    return wake


async def _asked(
    argument: str,
    secret: Callable[..., Any],
    turns: Turns,
    rejected: str | None,
    seconds: float | None,
    left: float | None,
) -> Any:
    """The result of the awaitable, within the remaining time."""
    import asyncio

    asked = asyncio.ensure_future(_told(secret, turns, rejected is not None))
    try:
        await asyncio.wait({asked}, timeout=left)
    except asyncio.CancelledError:
        asked.cancel()
        await asyncio.wait({asked})
        raise
    if asked.done():
        return await asked
    asked.cancel()
    # Time for its clean-up after the cancellation. After that, it is no longer waited for.
    await asyncio.wait({asked}, timeout=_FAREWELL)
    asked.add_done_callback(lambda late: late.cancelled() or late.exception())
    raise _timed_out(argument, seconds)


async def _told(secret: Callable[..., Any], turns: Turns, force: bool) -> Any:
    """Runs it in a task, and so in a context of its own."""
    import inspect
    from functools import partial

    call = partial(turns.call, secret, force=force)
    told = call() if is_asynchronous(secret) else await _in_thread(call)
    return await told if inspect.isawaitable(told) else told


async def _in_thread(secret: Callable[[], Any]) -> Any:
    """The function's result, from a thread. The thread does not belong to the loop's executor, for
    which the loop and the interpreter would wait at their end."""
    import asyncio
    import contextvars
    import threading

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            told, raised = context.run(secret), None
        except BaseException as error:
            told, raised = None, error
        try:
            loop.call_soon_threadsafe(settle, told, raised)
        except RuntimeError:
            pass  # The loop has ended meanwhile.

    def settle(told: Any, raised: BaseException | None) -> None:
        if not answer.done():
            answer.set_result((told, raised))

    threading.Thread(target=work, name="rsmtp-credentials", daemon=True).start()
    told, raised = await answer
    if raised is not None:
        raise raised
    return told


def _timed_out(argument: str, seconds: float | None) -> BaseException:
    return _timeout(f"timed out: the callable of {argument} took longer than {seconds:g} s; nothing was sent")


def _late_ticket(seconds: float | None) -> BaseException:
    return _timeout(f"timed out: getting a Kerberos ticket took longer than {seconds:g} s; nothing was sent")


def _waited(argument: str, seconds: float | None) -> BaseException:
    return _timeout(
        f"timed out: other sessions asked the callable of {argument} for longer than {seconds:g} s; "
        "nothing was sent"
    )


def _timeout(message: str) -> BaseException:
    from rsmtp._common.raising import from_engine

    return from_engine("timeout", message, stage="auth", reply=None, os_error=None, advice=None)


def _kept(argument: str, told: Any, turns: Turns) -> str:
    """The text in the result. It is kept for other sessions as long as it is valid."""
    text, expires_at = _parted(argument, told)
    text = _checked(argument, text)
    turns.keep(text, expires_at)
    return text


def _parted(argument: str, told: Any) -> tuple[Any, float | None]:
    """The text and its time of expiry, from a pair or from an object that has both."""
    if isinstance(told, str):
        return told, None
    if isinstance(told, tuple) and len(told) == 2:
        return told[0], _time(argument, told[1])
    for text, expiry in _PAIRS:
        if hasattr(told, text) and hasattr(told, expiry):
            return getattr(told, text), _time(argument, getattr(told, expiry))
    return told, None


# Attribute names for the two: ours, and those of azure-identity.
_PAIRS = [("text", "expires_at"), ("token", "expires_at"), ("token", "expires_on")]
# Times are seconds since 1970. A smaller number is probably a lifetime, and a larger one milliseconds.
_EARLIEST, _LATEST = 1e9, 1e11


def _time(argument: str, expires_at: Any) -> float | None:
    if expires_at is None:
        return None
    wanted = f"{argument}: its callable gave a time of expiry that"
    if isinstance(expires_at, (int, float)) and not isinstance(expires_at, bool):
        if expires_at < _EARLIEST:
            raise ValueError(
                f"{wanted} is long past: seconds since 1970 are wanted; add a lifetime to time.time()"
            )
        if not expires_at < _LATEST:
            raise ValueError(f"{wanted} is too far away: seconds since 1970 are wanted, not milliseconds")
        return float(expires_at)
    import datetime

    if not isinstance(expires_at, datetime.datetime):
        raise TypeError(
            f"{wanted} is a {type(expires_at).__name__}: seconds since 1970 or a datetime are wanted"
        )
    if expires_at.tzinfo is None:
        raise ValueError(f"{wanted} has no time zone: give a datetime with one, as datetime.now(UTC) has")
    return expires_at.timestamp()


def _checked(argument: str, told: Any) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{argument}: its callable must return a text, not {type(told).__name__}")
    if not told:
        raise ValueError(f"{argument}: its callable returned an empty text")
    return arguments.secret(argument, told)
