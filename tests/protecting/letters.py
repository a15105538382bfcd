"""The message that is protected, and how it is read back."""

import asyncio
import email
import email.policy
import smtplib

import rsmtp

TEXT = "Grüße \n\n.\nFrom here on\ntrailing \t\n" + "long " * 300
SERVERS = [[], ["CHUNKING"], ["8BITMIME", "CHUNKING", "SMTPUTF8"]]
SENDERS = ["Mailer", "AsyncMailer", "SmtpClient", "smtplib"]


def letter(text=TEXT, **fields):
    given = {"subject": "Grüße", "from_": "ann@example.org", "to": "bob@example.com"} | fields
    return rsmtp.Message(text, **given)


def read(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


def said(content):
    return content.get_body(("plain",)).get_content().replace("\r\n", "\n")


def sent(message, how, without, **of_mailer):
    """The octets that arrive at a server when one of the senders sends the message. `of_mailer`: more
    arguments of the mailer."""
    with rsmtp.Catcher(tls="none", without=without) as catcher:
        there = {"host": "127.0.0.1", "port": catcher.port, "tls": "none"}
        if how == "Mailer":
            with rsmtp.Mailer(**there, **of_mailer) as mailer:
                assert mailer.send(message).ok
        elif how == "AsyncMailer":

            async def main():
                async with rsmtp.AsyncMailer(**there) as mailer:
                    assert (await mailer.send(message)).ok

            asyncio.run(main())
        elif how == "SmtpClient":
            with rsmtp.SmtpClient("127.0.0.1", catcher.port, tls="none") as client:
                client.send_message(message)
        else:
            with smtplib.SMTP("127.0.0.1", catcher.port) as client:
                client.send_message(message)
        (caught,) = catcher.wait_for(1, 20)
    return bytes(caught.data)
