"""A password or an access token that is a callable: asked when a session is opened, because
tokens expire. What it gives is checked here, before anything is sent."""

from __future__ import annotations

from rsmtp._common import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def is_asynchronous(secret: Any) -> bool:
    """Whether calling it gives something to await, as far as can be told without calling it."""
    import inspect

    call = getattr(secret, "__call__", None)  # noqa: B004  an object may have one that is a coroutine
    return inspect.iscoroutinefunction(secret) or inspect.iscoroutinefunction(call)


def refuse_asynchronous(argument: str, secret: Any) -> None:
    """A blocking caller has no event loop to await it on."""
    if callable(secret) and is_asynchronous(secret):
        raise TypeError(f"{argument}: {_OF_A_LOOP}")


# Seconds for a cancelled callable to end.
_FAREWELL = 0.5

_OF_A_LOOP = (
    "its callable is asynchronous, and nothing here can await it: use AsyncMailer or AsyncSmtpClient, "
    "or give a plain callable"
)


def limit(timeout: float | None, deadline: float | None) -> float | None:
    """The seconds that a callable may take: it is a stage of the conversation, and a part of the
    whole. None: no limit was given."""
    return min((seconds for seconds in (timeout, deadline) if seconds is not None), default=None)


def ask(argument: str, secret: Callable[[], Any], seconds: float | None) -> str:
    """The text that the callable gives. SMTPTimeoutError where that took longer than `seconds`:
    the callable can't be interrupted, but nothing is sent after it."""
    import inspect
    import time

    refuse_asynchronous(argument, secret)
    begun = time.monotonic()
    told = secret()
    if inspect.isawaitable(told):
        if inspect.iscoroutine(told):
            told.close()
        raise TypeError(f"{argument}: {_OF_A_LOOP}")
    if seconds is not None and time.monotonic() - begun > seconds:
        raise _timed_out(argument, seconds)
    return _checked(argument, told)


async def ask_in_loop(argument: str, secret: Callable[[], Any], seconds: float | None) -> str:
    """The same for an event loop: an asynchronous callable is cancelled when its time is up. A
    plain callable is called in a thread, because it may block; what it gives too late is dropped."""
    import asyncio

    asked = asyncio.ensure_future(_told(secret))
    try:
        await asyncio.wait({asked}, timeout=seconds)
    except asyncio.CancelledError:
        asked.cancel()
        await asyncio.wait({asked})
        raise
    if asked.done():
        return _checked(argument, await asked)
    asked.cancel()
    # For what it does when it is cancelled. One that goes on all the same is not waited for.
    await asyncio.wait({asked}, timeout=_FAREWELL)
    asked.add_done_callback(lambda late: late.cancelled() or late.exception())
    raise _timed_out(argument, seconds)


async def _told(secret: Callable[[], Any]) -> Any:
    import inspect

    told = secret() if is_asynchronous(secret) else await _in_thread(secret)
    return await told if inspect.isawaitable(told) else told


async def _in_thread(secret: Callable[[], Any]) -> Any:
    """What it returns. The thread is none of the loop's own, for whose end the loop and the
    interpreter would wait."""
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
    from rsmtp import errors

    message = f"timed out: the callable of {argument} took longer than {seconds:g} s; nothing was sent"
    return errors.from_engine("timeout", message, stage="auth", reply=None, os_error=None, advice=None)


def _checked(argument: str, told: Any) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{argument}: its callable must return a text, not {type(told).__name__}")
    if not told:
        raise ValueError(f"{argument}: its callable returned an empty text")
    return arguments.secret(argument, told)
