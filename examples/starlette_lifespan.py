"""Starlette: one mailer for the life of the application.

It keeps a few sessions, logged in, for the requests that send at the same time; what the
server has closed meanwhile is opened anew.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import rsmtp


class State(TypedDict):
    mailer: rsmtp.AsyncMailer


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[State]:
    async with rsmtp.AsyncMailer(
        host=os.environ.get("SMTP_HOST", "localhost"),
        port=int(os.environ.get("SMTP_PORT", "587")),
        username=os.environ["SMTP_USER"],
        password=os.environ["SMTP_PASSWORD"],
        connections=2,
        timeout=30,
    ) as mailer:
        yield {"mailer": mailer}


async def welcome(request: Request) -> JSONResponse:
    mailer: rsmtp.AsyncMailer = request.state.mailer
    try:
        message = rsmtp.Message(
            "Good to have you with us.",
            subject="Welcome",
            from_=os.environ.get("SMTP_FROM", "ann@example.org"),
            to=[request.query_params["address"]],
        )
    except ValueError as error:
        # An address with a line end in it, say: nothing of it reaches the mail server.
        return JSONResponse({"error": rsmtp.errors.words(error)}, 422)
    try:
        receipt = await mailer.send(message, check=False)  # what was refused is told below
    except (rsmtp.SMTPException, OSError) as error:
        return JSONResponse({"error": rsmtp.errors.words(error)}, 502)
    return JSONResponse({one.address: one.fate for one in receipt.recipients})


app = Starlette(lifespan=lifespan, routes=[Route("/welcome", welcome, methods=["POST"])])
