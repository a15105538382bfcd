"""`login` with a callable that returns the password or the token."""

import asyncio
import contextlib
import threading
import time

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import errors

either = pytest.mark.usefixtures("either_driver")


def expired():
    raise RuntimeError("log in to the identity provider again")


@either
@pytest.mark.parametrize("argument", ["password", "access_token"])
def test_it_is_asked_at_each_login(argument):
    asked = []

    def secret():
        asked.append(None)
        return "secret"

    with serve(answering(extensions=["AUTH PLAIN XOAUTH2"])) as server:
        for _ in range(2):
            with rsmtp.SmtpClient(server.host, server.port) as client:
                assert client.login("ann", **{argument: secret})[0] == 235
    assert len(asked) == 2


@either
@pytest.mark.parametrize("argument", ["password", "access_token"])
@pytest.mark.parametrize(
    ("secret", "error", "why"),
    [
        (expired, RuntimeError, "identity provider"),
        (lambda: None, TypeError, "its callable must return a text, not NoneType"),
        (lambda: 7, TypeError, "its callable must return a text, not int"),
        (lambda: "", ValueError, "its callable returned an empty text"),
    ],
)
def test_what_it_gives_is_looked_at_before_anything_is_sent(argument, secret, error, why):
    with serve(answering(extensions=["AUTH PLAIN XOAUTH2"])) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            with pytest.raises(error, match=why):
                client.login("ann", **{argument: secret})
            assert server.heard == b""


@either
@pytest.mark.parametrize("good", [True, False])
def test_one_that_was_rejected_is_asked_for_once_more(good):
    last = "235 welcome" if good else "535 5.7.8 no"
    script = answering({"AUTH": ("535 5.7.8 expired", last, "235 too late")}, extensions=["AUTH PLAIN"])
    asked = []

    def password():
        asked.append(None)
        return "secret"

    with serve(script) as server, rsmtp.SmtpClient(server.host, server.port) as client:
        with contextlib.nullcontext() if good else pytest.raises(errors.SMTPAuthenticationError):
            client.login("ann", password)
        assert len(asked) == 2


@either
@pytest.mark.parametrize("reply", ["454 4.7.0 later", "530 5.7.0 STARTTLS first"])
def test_other_refusals_end_it(reply):
    asked = []

    def password():
        asked.append(None)
        return "secret"

    with serve(answering({"AUTH": reply}, extensions=["AUTH PLAIN"])) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            with pytest.raises(errors.SMTPAuthenticationError):
                client.login("ann", password)
    assert len(asked) == 1


def test_a_blocking_client_says_that_it_can_not_await():
    async def password():
        return "secret"

    with serve(answering(extensions=["AUTH PLAIN"])) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            with pytest.raises(TypeError, match="password: its callable is asynchronous.*AsyncSmtpClient"):
                client.login("ann", password)
            with pytest.raises(TypeError, match="password: its callable is asynchronous"):
                client.login("ann", lambda: password())
            assert server.heard == b""


def test_the_loop_awaits_an_asynchronous_one_and_is_not_blocked_by_another():
    async def main(server):
        go_on, loop = threading.Event(), asyncio.get_running_loop()

        async def awaited():
            await asyncio.sleep(0)
            return "secret"

        def blocking():
            loop.call_soon_threadsafe(go_on.set)
            assert go_on.wait(20)
            return "secret"

        for password in (awaited, blocking):
            async with rsmtp.AsyncSmtpClient(server.host, server.port) as client:
                assert (await client.login("ann", password))[0] == 235

    with serve(answering(extensions=["AUTH PLAIN"])) as server:
        asyncio.run(main(server))


@pytest.mark.parametrize("limit", ["timeout", "deadline"])
def test_what_it_gives_too_late_is_not_sent(limit, monkeypatch):
    """The session is unchanged, because nothing was sent."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def secret():
        now[0] += 30.1
        return "secret"

    with serve(answering(extensions=["AUTH PLAIN"])) as server:
        with rsmtp.SmtpClient(server.host, server.port, **{limit: 30}) as client:
            with pytest.raises(errors.SMTPTimeoutError, match="callable of password took longer") as raised:
                client.login("ann", secret)
            assert raised.value.stage == "auth" and b"AUTH" not in server.heard
            assert client.login("ann", "secret")[0] == 235
