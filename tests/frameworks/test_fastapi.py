"""`rsmtp.fastapi`, with the real FastAPI and Starlette."""

import contextlib

import pytest
from fastapi import FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import rsmtp
import rsmtp.fastapi


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def letter(address):
    return rsmtp.Message("Good to have you.", subject="Welcome", from_="shop@example.org", to=address)


def application(**options):
    app = FastAPI(lifespan=rsmtp.fastapi.lifespan(**options))

    @app.post("/welcome")
    async def welcome(address: str, mailer: rsmtp.fastapi.Mailer):
        return {"sent": (await mailer.send(letter(address))).sent}

    @app.websocket("/socket")
    async def socket(socket: WebSocket, mailer: rsmtp.fastapi.Mailer):
        await socket.accept()
        receipt = await mailer.send(letter(await socket.receive_text()))
        await socket.send_json(receipt.sent)

    return app


def test_sessions_are_kept_between_requests_and_end_with_the_application(catcher):
    mailer = rsmtp.AsyncMailer(f"smtp://{catcher.host}:{catcher.port}")
    with TestClient(application(mailer=mailer)) as browser:
        for name in ("ann", "ben"):
            answer = browser.post(f"/welcome?address={name}@example.org")
            assert answer.json() == {"sent": [f"{name}@example.org"]}
        with browser.websocket_connect("/socket") as socket:
            socket.send_text("carol@example.org")
            assert socket.receive_json() == ["carol@example.org"]
        assert mailer.idle == 1
    assert len({message.peer for message in catcher.messages}) == 1
    assert "QUIT" in str(catcher.conversations[-1])


def test_url_and_arguments(catcher):
    for given in (
        f"smtp://{catcher.host}:{catcher.port}",
        {"host": catcher.host, "port": catcher.port, "rate": 9},
    ):
        with TestClient(application(mailer=given)) as browser:
            assert browser.post("/welcome?address=ann@example.org").status_code == 200
    assert catcher.count == 2


def test_the_applications_own_lifespan(catcher):
    seen = []

    @contextlib.asynccontextmanager
    async def own(app):
        seen.append("begun")
        yield {"shop": "ours"}
        seen.append("ended")

    async def shop(request):
        receipt = await rsmtp.fastapi.mailer_of(request).send(letter("ann@example.org"))
        return JSONResponse({"shop": request.state.shop, "sent": receipt.sent})

    app = Starlette(
        routes=[Route("/", shop)],
        lifespan=rsmtp.fastapi.lifespan(f"smtp://{catcher.host}:{catcher.port}", also=own),
    )
    with TestClient(app) as browser:
        assert browser.get("/").json() == {"shop": "ours", "sent": ["ann@example.org"]}
        assert seen == ["begun"]
    assert seen == ["begun", "ended"]


def test_without_a_lifespan():
    app = FastAPI()

    @app.get("/")
    async def view(mailer: rsmtp.fastapi.Mailer):
        return None

    with TestClient(app) as browser, pytest.raises(RuntimeError, match="this application has no mailer"):
        browser.get("/")


def test_no_other_name():
    with pytest.raises(AttributeError, match="Mail"):
        rsmtp.fastapi.Mail  # noqa: B018
