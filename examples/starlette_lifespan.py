"""Starlette: one client for the life of the application, logged in once.

Requests that send at the same time take turns. The server may have closed the
connection meanwhile (most do, after some minutes without mail), so the client looks
before it sends, and connects anew.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import rsmtp


class Post:
    """A client that connects when there is something to send."""

    def __init__(self) -> None:
        self._client = rsmtp.AsyncSmtpClient(
            os.environ.get("SMTP_HOST", "localhost"),
            int(os.environ.get("SMTP_PORT", "587")),
            tls="starttls",
            timeout=30,
            username=os.environ["SMTP_USER"],
            password=os.environ["SMTP_PASSWORD"],
        )
        self._one_at_a_time = asyncio.Lock()

    async def send(self, message: rsmtp.Message) -> dict[str, tuple[int, bytes]]:
        async with self._one_at_a_time:
            try:
                if self._client.sock is not None:
                    await self._client.noop()
            except rsmtp.SMTPServerDisconnected:
                pass  # it went while nobody looked
            if self._client.sock is None:
                await self._client
            return await self._client.send_message(message)

    async def close(self) -> None:
        if self._client.sock is not None:
            await self._client.quit()


class State(TypedDict):
    post: Post


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[State]:
    post = Post()
    yield {"post": post}
    await post.close()


async def welcome(request: Request) -> JSONResponse:
    post: Post = request.state.post
    message = rsmtp.Message(
        "Good to have you with us.",
        subject="Welcome",
        from_=os.environ.get("SMTP_FROM", "ann@example.org"),
        to=[request.query_params["address"]],
    )
    try:
        refused = await post.send(message)
    except (rsmtp.SMTPException, OSError) as error:
        return JSONResponse({"not sent": str(error)}, 502)
    return JSONResponse({"refused": {address: code for address, (code, _) in refused.items()}})


app = Starlette(lifespan=lifespan, routes=[Route("/welcome", welcome, methods=["POST"])])
