"""`rsmtp.send`, and the constructor arguments that aiosmtplib's users know."""

import asyncio
import email.message
import inspect
import re
from pathlib import Path

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors

A, B = "a@example.org", "b@example.org"
LETTER = "Subject: s\n\nhello\n"


def message(kind):
    if kind == "rsmtp":
        return rsmtp.Message("hello", subject="s", from_=A, to=[B], bcc=["c@example.org"])
    letter = email.message.EmailMessage()
    letter["From"], letter["To"], letter["Bcc"], letter["Subject"] = A, B, "c@example.org", "s"
    letter.set_content("hello")
    return letter


@pytest.mark.parametrize("kind", ["rsmtp", "standard library"])
@pytest.mark.parametrize("tls", ["implicit", "starttls"])
@pytest.mark.parametrize("asked", [True, None])
def test_send(kind, tls, asked):
    with rsmtp.Catcher(tls=tls) as catcher:
        options = {"use_tls": True} if tls == "implicit" else {"start_tls": asked}
        refused = asyncio.run(
            rsmtp.send(
                message(kind),
                hostname="localhost",
                port=catcher.port,
                username=catcher.username,
                password=catcher.password,
                tls_context=rsmtp.TlsConfig(ca_file=catcher.ca_file),
                **options,
            )
        )
        assert refused == {}
        assert sorted(catcher.messages[0].rcpt_tos) == [B, "c@example.org"]
        assert "Bcc" not in catcher.messages[0].email
        assert catcher.messages[0].tls is not None


def test_send_takes_text_with_an_envelope():
    with rsmtp.Catcher(tls="none") as catcher:
        where = {"hostname": catcher.host, "port": catcher.port}
        assert asyncio.run(rsmtp.send(LETTER, sender=A, recipients=[B], **where)) == {}
        assert asyncio.run(rsmtp.send(LETTER.encode(), sender="", recipients=B, **where)) == {}
        with pytest.raises(ValueError, match="sender and recipients"):
            asyncio.run(rsmtp.send(LETTER, recipients=[B], **where))
        assert [message.mail_from for message in catcher.messages] == [A, ""]


def test_starttls_that_is_demanded_and_not_offered():
    with serve(answering()) as server:
        with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
            asyncio.run(rsmtp.send(message("rsmtp"), hostname="localhost", port=server.port, start_tls=True))
        server.wait_for_end()
        assert b"MAIL" not in server.heard


def test_the_port_follows_from_tls(monkeypatch):
    from rsmtp import aio

    asked = []

    async def open(host, port, *args, **options):
        asked.append(port)
        raise errors.SMTPConnectionRefused("nobody there")

    monkeypatch.setattr(aio.Connection, "open", open)
    for options in ({}, {"use_tls": True}, {"start_tls": True}, {"start_tls": False}, {"port": 2525}):
        with pytest.raises(ConnectionRefusedError):
            asyncio.run(rsmtp.send(message("rsmtp"), **options))
    assert asked == [25, 465, 587, 25, 2525]


def test_constructor_arguments_of_aiosmtplib():
    async def main(catcher):
        client = rsmtp.AsyncSmtpClient(
            hostname="localhost",
            port=catcher.port,
            start_tls=True,
            tls_context=rsmtp.TlsConfig(ca_file=catcher.ca_file),
            username=catcher.username,
            password=catcher.password,
        )
        async with client:
            assert client.state == "authenticated"
            assert client.tls is not None
        code, _ = await client.connect()
        assert code == 220
        assert client.state == "secured" or client.state == "ready"
        await client.quit()

    with rsmtp.Catcher() as catcher:
        asyncio.run(main(catcher))


# What the constructor and `send` of aiosmtplib 5 take.
TAKEN = ["hostname", "port", "username", "password", "local_hostname", "source_address", "timeout",
         "use_tls", "start_tls", "tls_context"]  # fmt: skip
NOT_TAKEN = ["validate_certs", "client_cert", "client_key", "cert_bundle", "socket_path", "sock",
             "oauth_token_generator"]  # fmt: skip


def test_the_table_for_users_of_aiosmtplib_tells_of_every_argument():
    table = (Path(__file__).parent.parent.parent / "docs" / "asyncio.md").read_text()
    table = table[table.index("aiosmtplib |") :]
    for called in (rsmtp.AsyncSmtpClient, rsmtp.send):
        taken = inspect.signature(called).parameters
        assert [name for name in TAKEN if name not in taken] == []
        assert [name for name in NOT_TAKEN if name in taken] == []
    assert [name for name in TAKEN + NOT_TAKEN if f"{name}=" not in table] == []
    for name in re.findall(r"`(SMTP\w+)`", "".join(line.split("|")[2] for line in table.splitlines())):
        assert hasattr(rsmtp, name), name


@pytest.mark.parametrize(
    "options", [{"use_tls": True, "start_tls": True}, {"tls": "implicit", "start_tls": True}]
)
def test_tls_asked_for_in_two_ways(options):
    with pytest.raises(ValueError, match="use_tls and start_tls"):
        rsmtp.AsyncSmtpClient("localhost", **options)
