"""A message without From or To raises a ValueError with the same text, however it is sent."""

import asyncio
import email.message

import pytest

import rsmtp
from rsmtp import aiosmtplib, smtplib

NO_FROM = "the message has no From field, and no from_addr was given"
NO_TO = "the message has no To, Cc or Bcc field, and no to_addrs was given"


def by_client(message, port):
    with rsmtp.SmtpClient("localhost", port, tls="none") as client:
        return client.send_message(message)


def by_async_client(message, port):
    async def main():
        async with rsmtp.AsyncSmtpClient("localhost", port, tls="none") as client:
            return await client.send_message(message)

    return asyncio.run(main())


def by_mirror(message, port):
    with smtplib.SMTP("localhost", port) as server:
        return server.send_message(message)


def by_async_mirror(message, port):
    return asyncio.run(aiosmtplib.send(message, hostname="localhost", port=port, start_tls=False))


def by_mailer(message, port):
    with rsmtp.Mailer(host="localhost", port=port, tls="none") as mailer:
        return mailer.send(message)


def by_async_mailer(message, port):
    async def main():
        async with rsmtp.AsyncMailer(host="localhost", port=port, tls="none") as mailer:
            return await mailer.send(message)

    return asyncio.run(main())


def in_a_batch(message, port):
    with rsmtp.Mailer(host="localhost", port=port, tls="none") as mailer:
        (receipt,) = mailer.send_all([message]).receipts
    if receipt.error is not None:
        raise receipt.error


def in_one_call(message, port):
    return rsmtp.send(message, host="localhost", port=port, tls="none")


def in_one_awaited_call(message, port):
    return asyncio.run(rsmtp.asend(message, host="localhost", port=port, tls="none"))


WAYS = [
    *(by_client, by_async_client, by_mirror, by_async_mirror),
    *(by_mailer, by_async_mailer, in_a_batch, in_one_call, in_one_awaited_call),
]


@pytest.fixture(scope="module")
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_missing_field(way, catcher):
    catcher.clear()
    with pytest.raises(ValueError, match="^" + NO_FROM):
        way(rsmtp.Message("hi", to="b@example.org"), catcher.port)
    with pytest.raises(ValueError, match="^" + NO_TO):
        way(rsmtp.Message("hi", from_="a@example.org"), catcher.port)
    assert catcher.messages == []
    for field in ("cc", "bcc"):
        way(rsmtp.Message("hi", from_="a@example.org", **{field: "b@example.org"}), catcher.port)
    assert [message.rcpt_tos for message in catcher.messages] == [["b@example.org"]] * 2


@pytest.mark.parametrize("way", [way for way in WAYS if way is not by_mirror], ids=lambda way: way.__name__)
def test_a_message_of_the_standard_library(way, catcher):
    message = email.message.EmailMessage()
    message["From"] = "a@example.org"
    with pytest.raises(ValueError, match="^" + NO_TO):
        way(message, catcher.port)
    message["To"] = "undisclosed-recipients:;"
    with pytest.raises(ValueError, match="^the message has no address in To, and no to_addrs was given"):
        way(message, catcher.port)


def test_a_resent_message(catcher):
    message = rsmtp.Message("hi", from_="a@example.org", to="b@example.org")
    message["Resent-Date"] = "Thu, 26 Nov 2026 18:00:00 +0000"
    message["Resent-From"] = "c@example.org"
    with pytest.raises(ValueError, match="the message has no Resent-To, Resent-Cc or Resent-Bcc field"):
        by_mailer(message, catcher.port)


def test_a_ported_program_gets_smtplibs_exception(catcher):
    message = email.message.EmailMessage()
    message["From"] = "a@example.org"
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        by_mirror(message, catcher.port)
    assert caught.value.recipients == {}
