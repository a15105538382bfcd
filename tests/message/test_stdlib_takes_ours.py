"""The standard library works with our messages, and we with its."""

import copy
import email.generator
import email.message
import email.policy
import io
import smtplib
from email.mime.multipart import MIMEMultipart as TheirMultipart
from email.mime.text import MIMEText as TheirText

import pytest

import rsmtp
import rsmtp.email.generator
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText


class Recorder(smtplib.SMTP):
    """smtplib without a server: keeps what sendmail() is given."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def ehlo_or_helo_if_needed(self):
        pass

    def sendmail(self, from_addr, to_addrs, msg, mail_options=(), rcpt_options=()):
        self.sent.append((from_addr, to_addrs, msg))
        return {}


def made_by_us(kind):
    if kind is EmailMessage:
        message = EmailMessage()
        message.set_content("Grüße\n")
    else:
        message = kind("Grüße\n")
    message["From"] = "a@x.example"
    message["To"] = "b@x.example, C <c@x.example>"
    message["Bcc"] = "hidden@x.example"
    message["Subject"] = "Grüße"
    return message


@pytest.mark.parametrize("kind", [rsmtp.Message, MIMEText, EmailMessage])
def test_smtplib_sends_ours(kind):
    message = made_by_us(kind)
    client = Recorder()
    client.send_message(message)
    sender, recipients, data = client.sent[0]
    assert sender == "a@x.example"
    assert recipients == ["b@x.example", "c@x.example", "hidden@x.example"]
    assert b"hidden" not in data
    assert message["Bcc"] == "hidden@x.example"
    got = email.message_from_bytes(data, policy=email.policy.default)
    assert got["Subject"] == "Grüße"
    assert got.get_content().replace("\r\n", "\n") == "Grüße\n"


@pytest.mark.parametrize("kind", [rsmtp.Message, MIMEText, EmailMessage])
def test_their_generator_writes_ours(kind):
    message = made_by_us(kind)
    out = io.BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False).flatten(message)
    got = email.message_from_bytes(out.getvalue(), policy=email.policy.default)
    assert got.get_content().replace("\r\n", "\n") == "Grüße\n"


def test_our_generator_writes_theirs():
    message = TheirText("text\n")
    message["Subject"] = "Grüße"
    out = io.BytesIO()
    rsmtp.email.generator.BytesGenerator(out, mangle_from_=False).flatten(message)
    assert out.getvalue() == message.as_bytes()


def test_mixed_trees_render_the_same():
    theirs = TheirMultipart(boundary="b")
    theirs.attach(TheirText("one"))
    ours = MIMEMultipart(boundary="b")
    ours.attach(TheirText("one"))
    assert ours.as_bytes() == theirs.as_bytes()
    theirs.attach(MIMEText("two"))
    ours.attach(MIMEText("two"))
    assert ours.as_bytes() == theirs.as_bytes()


@pytest.mark.parametrize("policy", [email.policy.compat32, email.policy.default, email.policy.SMTP])
def test_from_stdlib_renders_the_same(policy):
    message = email.message.EmailMessage(policy) if policy is not email.policy.compat32 else TheirText("x")
    if policy is not email.policy.compat32:
        message.set_content("Grüße aus Köln\n")
        message.add_attachment(b"data", "application", "pdf", filename="ü.pdf")
    message["Subject"] = "Grüße"
    message["To"] = "Jürgen <j@x.example>"
    made = rsmtp.Message.from_stdlib(message)
    # Rendering gives a multipart its boundary.
    expected = message.as_bytes()
    made = rsmtp.Message.from_stdlib(message)
    assert made.as_bytes() == expected
    assert made.to_stdlib().as_bytes() == expected


def test_a_copy_without_bcc_leaves_the_original():
    message = made_by_us(MIMEText)
    other = copy.copy(message)
    del other["Bcc"]
    assert "Bcc" in message
    assert "Bcc" not in other
