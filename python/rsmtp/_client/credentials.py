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


_OF_A_LOOP = (
    "its callable is asynchronous, and nothing here can await it: use AsyncMailer or AsyncSmtpClient, "
    "or give a plain callable"
)


def ask(argument: str, secret: Callable[[], Any]) -> str:
    """The text that the callable gives."""
    import inspect

    refuse_asynchronous(argument, secret)
    told = secret()
    if inspect.isawaitable(told):
        if inspect.iscoroutine(told):
            told.close()
        raise TypeError(f"{argument}: {_OF_A_LOOP}")
    return _checked(argument, told)


async def ask_in_loop(argument: str, secret: Callable[[], Any]) -> str:
    """The same for an event loop. A plain callable is called in a thread: it may block."""
    import asyncio
    import inspect

    told = secret() if is_asynchronous(secret) else await asyncio.to_thread(secret)
    return _checked(argument, await told if inspect.isawaitable(told) else told)


def _checked(argument: str, told: Any) -> str:
    if not isinstance(told, str):
        raise TypeError(f"{argument}: its callable must return a text, not {type(told).__name__}")
    if not told:
        raise ValueError(f"{argument}: its callable returned an empty text")
    return arguments.secret(argument, told)
