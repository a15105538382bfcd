"""`username` and `user` are two names of one argument, wherever credentials are given."""

import asyncio
import contextlib
import io

import pytest

import rsmtp
from rsmtp import smtplib
from rsmtp.cli import main
from rsmtp.testing import SmtpServer

LETTER = ("a@example.org", ["b@example.org"], "Subject: s\n\nhello\n")


def by_client(port, **login):
    with rsmtp.SmtpClient("localhost", port, tls="none", allow_plaintext_auth=True) as client:
        client.login(password="secret", **login)
        client.sendmail(*LETTER)


def by_mirror(port, **login):
    with smtplib.SMTP("localhost", port) as server:
        server.login(password="secret", **login)
        server.sendmail(*LETTER)


def by_async_client(port, **login):
    async def main():
        async with rsmtp.AsyncSmtpClient("localhost", port, tls="none") as client:
            await client.login(password="secret", **login)
            await client.sendmail(*LETTER)

    asyncio.run(main())


def by_mailer(port, **login):
    with rsmtp.Mailer(host="localhost", port=port, tls="none", password="secret", **login) as mailer:
        mailer.send(LETTER)


def by_async_mailer(port, **login):
    async def main():
        async with rsmtp.AsyncMailer(
            host="localhost", port=port, tls="none", password="secret", **login
        ) as mailer:
            await mailer.send(LETTER)

    asyncio.run(main())


def in_one_call(port, **login):
    rsmtp.send(LETTER, host="localhost", port=port, tls="none", password="secret", **login)


def in_one_awaited_call(port, **login):
    asyncio.run(rsmtp.asend(LETTER, host="localhost", port=port, tls="none", password="secret", **login))


WAYS = [
    *(by_client, by_mirror, by_async_client, by_mailer, by_async_mailer),
    *(in_one_call, in_one_awaited_call),
]


@pytest.fixture(scope="module")
def catcher():
    with rsmtp.Catcher(
        tls="none", username="ann", password="secret", auth_before_tls=True, require_auth=True
    ) as catcher:
        yield catcher


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_login(way, catcher):
    catcher.clear()
    for name in ("user", "username"):
        way(catcher.port, **{name: "ann"})
    assert [message.username for message in catcher.messages] == ["ann", "ann"]
    with pytest.raises(ValueError, match="^username and user: two names of the same argument"):
        way(catcher.port, user="ann", username="ann")
    assert catcher.count == 2 or len(catcher.messages) == 2


def test_a_login_without_a_name(catcher):
    with rsmtp.SmtpClient("localhost", catcher.port, tls="none") as client:
        with pytest.raises(TypeError, match="needs a username"):
            client.login(password="secret")
        with pytest.raises(TypeError, match="user: a str is wanted, not 5"):
            client.login(5, "secret")
    with pytest.raises(ValueError, match="^username: is missing: a password alone can't log in"):
        in_one_call(catcher.port)


@pytest.mark.parametrize("make", [rsmtp.Catcher, SmtpServer], ids=["Catcher", "SmtpServer"])
def test_a_server_of_ones_own(make):
    for name in ("user", "username"):
        with make(tls="none", **{name: "ann"}) as server:
            assert (server.username, server.user) == ("ann", "ann")
    with pytest.raises(ValueError, match="^username and user: two names"):
        make(user="ann", username="ann")


def test_who_had_logged_in():
    with SmtpServer(username="ann", password="secret", auth_before_tls=True) as server:
        by_client(server.port, username="ann")
        sent, caught = server.messages.only(), server.catcher.messages[0]
        for each in (sent, caught, caught.conversation):
            assert (each.username, each.user) == ("ann", "ann")


@pytest.mark.parametrize("option", ["--user", "--username"])
def test_an_option_of_the_command_line(option, catcher, monkeypatch):
    monkeypatch.setenv("RSMTP_PASSWORD", "secret")
    catcher.clear()
    server = ["--host", "localhost", "--port", str(catcher.port), "--tls", "none"]
    letter = ["--from", "a@example.org", "--to", "b@example.org", "--text", "hello"]
    with contextlib.redirect_stdout(io.StringIO()):
        assert main(["send", *server, *letter, option, "ann"]) == 0
    assert catcher.messages[0].username == "ann"
    with contextlib.redirect_stderr(io.StringIO()) as said, pytest.raises(SystemExit):
        main(["send", *server, *letter, "--user", "ann", "--username", "bob"])
    assert "--username and --user are the same option: give it once" in said.getvalue()
