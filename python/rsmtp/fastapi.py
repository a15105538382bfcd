"""Mail for FastAPI and Starlette: one `AsyncMailer` for the application, in its lifespan.

app = FastAPI(lifespan=rsmtp.fastapi.lifespan("smtp://ann@smtp.example.com"))

@app.post("/welcome")
async def welcome(address: str, mailer: rsmtp.fastapi.Mailer):
    await mailer.send(...)
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from starlette.requests import HTTPConnection

from rsmtp._aio.mailer import AsyncMailer
from rsmtp._common.tracebacks import public

_NAME = "rsmtp_mailer"


@public
def lifespan(
    mailer: AsyncMailer | str | dict[str, Any] | None = None,
    *,
    also: Callable[[Any], contextlib.AbstractAsyncContextManager[Any]] | None = None,
) -> Callable[[Any], contextlib.AbstractAsyncContextManager[Mapping[str, Any]]]:
    """A `lifespan` for FastAPI and Starlette: the mailer exists while the application runs, and
    its sessions end with it.

    Args:
        mailer: an AsyncMailer, its URL, or a dict of its arguments. Default: the URL in RSMTP_URL.
        also: the application's own lifespan. What it yields is the state of requests as well.
    """

    @contextlib.asynccontextmanager
    async def running(app: Any) -> AsyncIterator[Mapping[str, Any]]:
        async with contextlib.AsyncExitStack() as stack:
            state = {} if also is None else dict(await stack.enter_async_context(also(app)) or {})
            yield state | {_NAME: await stack.enter_async_context(_made(mailer))}

    return running


def _made(mailer: AsyncMailer | str | dict[str, Any] | None) -> AsyncMailer:
    if isinstance(mailer, AsyncMailer):
        return mailer
    return AsyncMailer(**mailer) if isinstance(mailer, dict) else AsyncMailer(mailer)


@public
def mailer_of(connection: HTTPConnection) -> AsyncMailer:
    """The application's mailer for a request (or a WebSocket): for Starlette, and as a dependency."""
    found = getattr(connection.state, _NAME, None)
    if found is None:
        raise RuntimeError("this application has no mailer: FastAPI(lifespan=rsmtp.fastapi.lifespan(...))")
    mailer: AsyncMailer = found
    return mailer


if TYPE_CHECKING:
    Mailer = Annotated[AsyncMailer, None]
else:

    def __getattr__(name: str) -> Any:
        if name != "Mailer":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # Starlette without FastAPI has no dependencies.
        from fastapi import Depends

        globals()["Mailer"] = found = Annotated[AsyncMailer, Depends(mailer_of)]
        return found
