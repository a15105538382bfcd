"""`rsmtp.send`."""

import asyncio
import email.message

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


def test_tls_asked_for_in_two_ways():
    with pytest.raises(ValueError, match="use_tls and start_tls"):
        asyncio.run(rsmtp.send(message("rsmtp"), use_tls=True, start_tls=True))
