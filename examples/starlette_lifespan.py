"""Starlette: one mailer for the lifetime of the application.

The mailer keeps a few sessions open and logged in, for requests that send at the same time. If
the server has closed a session, the mailer opens a new one.
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
        # For example an address with a line end. Nothing of it reaches the mail server.
        return JSONResponse({"error": rsmtp.errors.words(error)}, 422)
    try:
        receipt = await mailer.send(message, check=False)  # a refusal is reported below
    except (rsmtp.SMTPException, OSError) as error:
        return JSONResponse({"error": rsmtp.errors.words(error)}, 502)
    return JSONResponse({one.address: one.fate for one in receipt.recipients})


app = Starlette(lifespan=lifespan, routes=[Route("/welcome", welcome, methods=["POST"])])
