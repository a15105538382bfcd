"""Every way to send a message or to write it to a file. Each returns the octets that arrive."""

import asyncio
import email.policy
import pathlib
import smtplib as standard
import tempfile
from email.generator import BytesGenerator
from io import BytesIO

import rsmtp
from rsmtp import smtplib
from rsmtp.email import message_from_bytes as ours_from_bytes
from rsmtp.email import policy as ours


def _caught(catcher):
    return bytes(catcher.wait_for(1, 10)[0].data)


def _client(make):
    def send(catcher, message):
        with make("127.0.0.1", catcher.port) as client:
            assert client.send_message(message, "a@x.example", ["b@x.example"]) == {}
        return _caught(catcher)

    return send


def _sendmail(catcher, message):
    with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        assert client.sendmail("a@x.example", ["b@x.example"], message) == {}
    return _caught(catcher)


class _OwnSteps(rsmtp.SmtpClient):
    """A subclass by a caller. All calls go through its methods."""

    def rcpt(self, recip, options=()):
        return super().rcpt(recip, options)

    def data(self, msg):
        assert isinstance(msg, bytes)
        return super().data(msg)


class _OwnSendmail:
    def sendmail(self, from_addr, to_addrs, msg, *args, **kw):
        assert isinstance(msg, bytes)
        return super().sendmail(from_addr, to_addrs, msg, *args, **kw)


class _OwnOfSmtplib(_OwnSendmail, smtplib.SMTP):
    pass


class _OwnOfClient(_OwnSendmail, rsmtp.SmtpClient):
    pass


def _mailer(catcher, message):
    with rsmtp.Mailer(f"smtp://127.0.0.1:{catcher.port}?tls=none") as mailer:
        mailer.send(("a@x.example", ["b@x.example"], message)).raise_for_refused()
    return _caught(catcher)


def _mailer_of_many(catcher, message):
    with rsmtp.Mailer(f"smtp://127.0.0.1:{catcher.port}?tls=none") as mailer:
        report = mailer.send_all([("a@x.example", ["b@x.example"], message)])
        report.raise_for_refused()
    return _caught(catcher)


def _async_client(catcher, message):
    async def send():
        async with rsmtp.AsyncSmtpClient("127.0.0.1", catcher.port) as client:
            assert await client.send_message(message, "a@x.example", ["b@x.example"]) == {}

    asyncio.run(send())
    return _caught(catcher)


def _async_mailer(catcher, message):
    async def send():
        async with rsmtp.AsyncMailer(f"smtp://127.0.0.1:{catcher.port}?tls=none") as mailer:
            report = await mailer.send_all([("a@x.example", ["b@x.example"], message)])
            report.raise_for_refused()

    asyncio.run(send())
    return _caught(catcher)


CLIENTS = {
    "SmtpClient": _client(rsmtp.SmtpClient),
    "SmtpClient.sendmail": _sendmail,
    "smtplib": _client(smtplib.SMTP),
    "own steps": _client(_OwnSteps),
    "own sendmail": _client(_OwnOfSmtplib),
    "own sendmail of a client": _client(_OwnOfClient),
    "AsyncSmtpClient": _async_client,
    "Mailer": _mailer,
    "Mailer.send_all": _mailer_of_many,
    "AsyncMailer": _async_mailer,
}


#: Without 8BITMIME they send what smtplib sends, because their users' tests expect that.
LIKE_SMTPLIB = {"smtplib", "own sendmail"}


def to_file(message):
    """Writes the message with the `file:` transport."""
    with tempfile.TemporaryDirectory() as folder:
        with rsmtp.Mailer(pathlib.Path(folder).as_uri()) as mailer:
            mailer.send(("a@x.example", ["b@x.example"], message))
        [written] = pathlib.Path(folder).glob("*.eml")
        return written.read_bytes()


def by_smtplib(octets, policy=email.policy.compat32):
    """The octets that the standard library's client prepares before sending, apart from `From `
    at the beginning of a line, which it would change."""
    message = email.message_from_bytes(octets, policy=policy)
    del message["Bcc"], message["Resent-Bcc"]
    out = BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=message.policy).flatten(message, linesep="\r\n")
    return standard._fix_eols(out.getvalue().decode("latin-1")).encode("latin-1")


def parsed(octets, policy):
    """(ours, the standard library's)"""
    theirs = getattr(email.policy, policy)
    return (
        ours_from_bytes(octets, policy=getattr(ours, policy)),
        email.message_from_bytes(octets, policy=theirs),
    )
