"""A callable that returns the password or token is called for each session."""

import asyncio
import contextlib
import threading
import time

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors
from rsmtp._client import credentials

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
UNVERIFIED = rsmtp.TlsConfig(verify=False)

each_mailer = pytest.mark.usefixtures("either_mailer")


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def settings(catcher, **more):
    return {
        "host": catcher.host,
        "port": catcher.port,
        "context": UNVERIFIED,
        "username": catcher.username,
        "retries": 0,
    } | more


@each_mailer
def test_each_new_session_asks_and_one_that_is_used_again_does_not(catcher):
    asked = []

    def password():
        asked.append(None)
        return catcher.password

    with rsmtp.Mailer(**settings(catcher, password=password)) as mailer:
        assert asked == []
        mailer.send(MESSAGE).raise_for_refused()
        mailer.send(MESSAGE).raise_for_refused()
        assert len(asked) == 1
    with rsmtp.Mailer(**settings(catcher, password=password, keep_idle=0)) as mailer:
        mailer.send(MESSAGE).raise_for_refused()
        mailer.send(MESSAGE).raise_for_refused()
    assert len(asked) == 3


@each_mailer
def test_an_access_token(catcher):
    with rsmtp.Mailer(**settings(catcher, access_token=lambda: catcher.token)) as mailer:
        mailer.send(MESSAGE).raise_for_refused()


class Expired(Exception):
    pass


def expired():
    raise Expired("log in to the identity provider again")


BAD = [
    (expired, Expired, "identity provider"),
    (lambda: None, TypeError, "password: its callable must return a text, not NoneType"),
    (lambda: b"bytes", TypeError, "password: its callable must return a text, not bytes"),
    (lambda: "", ValueError, "password: its callable returned an empty text"),
    (lambda: "a\nb", ValueError, "password contains NUL, CR or LF"),
]


@each_mailer
@pytest.mark.parametrize(("password", "error", "why"), BAD)
def test_what_it_gives_is_looked_at_before_anything_is_sent(password, error, why):
    with serve(answering(extensions=["AUTH PLAIN"])) as server:
        given = {"host": server.host, "port": server.port, "tls": "none", "username": "ann"}
        with rsmtp.Mailer(**given, password=password, retries=3, backoff=0.01) as mailer:
            with pytest.raises(error, match=why):
                mailer.send(MESSAGE)
        assert server.heard == b""


@each_mailer
def test_an_error_of_the_network_may_pass(catcher):
    answers = [OSError("the identity provider can't be reached"), catcher.password]

    def password():
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with rsmtp.Mailer(**settings(catcher, password=password, retries=1, backoff=0.01)) as mailer:
        mailer.send(MESSAGE).raise_for_refused()
    assert answers == []


@each_mailer
def test_neither_a_text_nor_a_callable(catcher):
    with pytest.raises(TypeError, match="access_token: a text or a callable is wanted, not int"):
        rsmtp.Mailer(**settings(catcher, access_token=7)).send(MESSAGE)


@each_mailer
@pytest.mark.parametrize("good", [2, None])
def test_a_token_that_has_expired_is_asked_for_once_more(good):
    """The token is requested on a new session, and never a third time."""
    replies = {"AUTH": ("535 5.7.8 expired", "235 welcome" if good else "535 5.7.8 expired")}
    left = {key: list(value) for key, value in replies.items()}
    asked = []

    def script(peer):
        reply = left["AUTH"].pop(0) if len(left["AUTH"]) > 1 else left["AUTH"][0]
        answering({"AUTH": reply}, extensions=["AUTH PLAIN"])(peer)

    def password():
        asked.append(None)
        return f"token {len(asked)}"

    with serve(script) as server:
        given = {"host": server.host, "port": server.port, "tls": "none", "username": "ann"}
        with rsmtp.Mailer(**given, password=password, retries=2, backoff=0.01) as mailer:
            with contextlib.nullcontext() if good else pytest.raises(errors.SMTPAuthenticationError):
                mailer.send(MESSAGE)
        assert len(asked) == len(server.peers) == 2


@each_mailer
def test_a_fixed_password_is_not_tried_again():
    with serve(answering({"AUTH": "535 5.7.8 wrong"}, extensions=["AUTH PLAIN"])) as server:
        given = {"host": server.host, "port": server.port, "tls": "none", "username": "ann"}
        with rsmtp.Mailer(**given, password="p", retries=2, backoff=0.01) as mailer:
            with pytest.raises(errors.SMTPAuthenticationError):
                mailer.send(MESSAGE)
        assert len(server.peers) == 1


# -- a callable that takes its time --------------------------------------------------

LIMITS = [{"timeout": 7}, {"deadline": 7}, {"timeout": 7, "deadline": 60}, {"timeout": 60, "deadline": 7}]
TOO_LONG = r"timed out: the callable of (password|access_token) took longer than .* s; nothing was sent"


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test sets."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize("argument", ["password", "access_token"])
@pytest.mark.parametrize("limits", LIMITS)
def test_what_a_blocking_one_gives_too_late_is_not_used(clock, argument, limits):
    asked = []

    def secret():
        asked.append(None)
        clock[0] += 7.1
        return "secret"

    with serve(answering(extensions=["AUTH PLAIN XOAUTH2"])) as server:
        given = {"host": server.host, "port": server.port, "tls": "none", "username": "ann", **limits}
        with rsmtp.Mailer(**given, **{argument: secret}) as mailer:
            with pytest.raises(errors.SMTPTimeoutError, match=TOO_LONG) as raised:
                mailer.send(MESSAGE)
            assert raised.value.stage == "auth"
        with pytest.raises(errors.SMTPTimeoutError, match=TOO_LONG):
            rsmtp.send(MESSAGE, **given, **{argument: secret})
        with rsmtp.Mailer(**given, **{argument: secret}) as mailer:
            with pytest.raises(errors.SMTPTimeoutError, match=TOO_LONG):
                mailer.send_all([MESSAGE])
        assert server.heard == b""
    # The callable is not called again and again.
    assert len(asked) == 3


def test_what_a_blocking_one_gives_in_time_is_used(clock, catcher):
    def password():
        clock[0] += 6.9
        return catcher.password

    for limits in (*LIMITS, {}):
        with rsmtp.Mailer(**settings(catcher, password=password, **limits)) as mailer:
            mailer.send(MESSAGE)


class Endless:
    """Callables that return nothing until they are released."""

    def __init__(self):
        self.let_go = threading.Event()
        self.ended = threading.Event()

    async def asynchronous(self):
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    def blocking(self):
        self.let_go.wait(50)
        self.ended.set()
        return "secret"

    async def that_holds_on(self):
        """A callable that does not end when it is cancelled."""
        while not self.let_go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("limits", [{"timeout": 0.05}, {"deadline": 0.05}])
@pytest.mark.parametrize("form", ["asynchronous", "blocking", "that_holds_on"])
@pytest.mark.parametrize("way", ["send", "send_all", "asend", "login"])
def test_a_loop_waits_for_a_callable_as_long_as_it_was_told(form, way, limits, monkeypatch):
    monkeypatch.setattr(credentials, "_FAREWELL", 0.05)
    endless = Endless()

    async def main(server):
        given = {"username": "ann", "password": getattr(endless, form)}
        there = {"host": server.host, "port": server.port, "tls": "none", **limits}
        if way == "asend":
            await rsmtp.asend(MESSAGE, **there, **given)
        elif way == "login":
            async with rsmtp.AsyncSmtpClient(server.host, server.port) as client:
                client.deadline = 0.05
                await client.login(**given)
        else:
            async with rsmtp.AsyncMailer(**there, **given) as mailer:
                if way == "send":
                    await mailer.send(MESSAGE)
                else:
                    await mailer.send_all([MESSAGE])

    async def whole(server):
        try:
            await main(server)
        finally:
            if form == "that_holds_on":
                endless.let_go.set()

    with serve(answering(extensions=["AUTH PLAIN"])) as server:
        try:
            with pytest.raises(errors.SMTPTimeoutError, match=TOO_LONG) as raised:
                # The end of the loop does not wait for a thread, either.
                asyncio.run(asyncio.wait_for(whole(server), 40))
            assert raised.value.stage == "auth"
            assert endless.ended.is_set() is (form == "asynchronous")
        finally:
            endless.let_go.set()
        assert b"AUTH" not in server.heard


# -- asynchronous callables ----------------------------------------------------------


class Tokens:
    """An object that is called, and whose result is awaited."""

    def __init__(self, text):
        self.text = text

    async def __call__(self):
        await asyncio.sleep(0)
        return self.text


def asynchronous(text):
    """Each form of an asynchronous callable."""

    async def function():
        await asyncio.sleep(0)
        return text

    return {"function": function, "object": Tokens(text), "lambda": lambda: function()}


@pytest.mark.parametrize("form", ["function", "object", "lambda"])
def test_the_loop_awaits_an_asynchronous_one(catcher, form):
    async def main():
        password = asynchronous(catcher.password)[form]
        async with rsmtp.AsyncMailer(**settings(catcher, password=password)) as mailer:
            (await mailer.send(MESSAGE)).raise_for_refused()
        await rsmtp.asend(MESSAGE, **settings(catcher, password=password))

    asyncio.run(main())
    assert catcher.count == 2


@pytest.mark.parametrize("form", ["function", "object", "lambda"])
def test_a_blocking_mailer_says_that_it_can_not_await(catcher, form):
    with pytest.raises(TypeError, match="password: its callable is asynchronous.*AsyncMailer"):
        password = asynchronous(catcher.password)[form]
        with rsmtp.Mailer(**settings(catcher, password=password)) as mailer:
            mailer.send(MESSAGE)
    assert catcher.conversations == []


@pytest.mark.parametrize(("password", "error", "why"), BAD)
def test_what_an_asynchronous_one_gives_is_looked_at(password, error, why):
    async def awaited():
        return password()

    async def main(server):
        given = {"host": server.host, "port": server.port, "tls": "none", "username": "ann"}
        async with rsmtp.AsyncMailer(**given, password=awaited, retries=3, backoff=0.01) as mailer:
            with pytest.raises(error, match=why):
                await mailer.send(MESSAGE)

    with serve(answering(extensions=["AUTH PLAIN"])) as server:
        asyncio.run(main(server))
        assert server.heard == b""


def test_a_plain_one_does_not_block_the_loop(catcher):
    """The callable waits for something that only the loop can do."""

    async def main():
        go_on, loop = threading.Event(), asyncio.get_running_loop()

        def password():
            loop.call_soon_threadsafe(go_on.set)
            assert go_on.wait(20)
            return catcher.password

        async with rsmtp.AsyncMailer(**settings(catcher, password=password)) as mailer:
            (await mailer.send(MESSAGE)).raise_for_refused()

    asyncio.run(main())


def test_a_cancelled_task_does_not_wait_for_a_token():
    async def main():
        waiting = asyncio.Event()

        async def password():
            waiting.set()
            await asyncio.Event().wait()

        async with rsmtp.AsyncMailer(
            host="127.0.0.1", port=1, username="ann", password=password, retries=0
        ) as mailer:
            task = asyncio.create_task(mailer.send(MESSAGE))
            await waiting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(asyncio.wait_for(main(), 20))


def test_a_callable_that_sends_by_its_own_mailer_waits_for_itself(catcher):
    async def send(**more):
        inner = []

        async def password():
            if not inner:
                inner.append(None)
                inner[0] = await mailer.send(MESSAGE)
            return catcher.password

        async with rsmtp.AsyncMailer(**settings(catcher, password=password, **more)) as mailer:
            async with asyncio.timeout(20):
                if not more:
                    with pytest.raises(errors.SMTPStateError, match="further up in this task"):
                        await mailer.send(MESSAGE)
                inner[:] = inner and [True]
                assert (await mailer.send(MESSAGE)).ok
                assert (await mailer.send(MESSAGE)).ok

    asyncio.run(send())
    asyncio.run(send(connections=2))
