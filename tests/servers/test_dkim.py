"""A message with many features, signed twice, verifies wherever it arrives: after BDAT, after DATA,
after a server that takes 7-bit lines, after Postfix and Dovecot, and after Exim.

    RSMTP_DKIM_OCTETS=200000000 pytest tests/servers/test_dkim.py

uses a larger file.
"""

import os
import random
import re
import time

import pytest
from signing.verifiers import assert_all_verify, signature

import rsmtp
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.image import MIMEImage
from rsmtp.email.mime.message import MIMEMessage
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText
from servers.others import Exim

OCTETS = int(os.environ.get("RSMTP_DKIM_OCTETS", 3_000_000))
TEXT = (
    ".\r\n..\r\n.dots\r\nFrom here\r\nGrüße, 日本語, 🎉\r\n" + "long " * 600 + "\r\ntrailing  \t\r\n\r\n\r\n"
)
# Other programs write 8-bit lines in a message within the message.
EIGHT_BIT = (
    b"From: a@x.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
)

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def log_before():
    """Not all of these servers belong to the bed."""


@pytest.fixture(scope="module")
def both():
    return [signature("ed25519", domain="bed.test"), signature(domain="bed.test")]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("signed") / "räport.bin"
    octets = random.Random(1)
    with open(path, "wb") as file:
        file.writelines(octets.randbytes(1_000_000) for _ in range(OCTETS // 1_000_000))
    return path


def everything(file, number):
    image = MIMEImage(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "png")
    image["Content-ID"] = "<logo>"
    image.add_header("Content-Disposition", "inline", filename="lögo.png")
    related = MIMEMultipart("related")
    related.attach(MIMEText(f"<p><img src='cid:logo'>{TEXT}</p>", "html"))
    related.attach(image)
    alternative = MIMEMultipart("alternative")
    alternative.attach(MIMEText(TEXT))
    alternative.attach(related)
    attached = rsmtp.Message("Grüße", subject="x", attachments=[file]).get_payload()[-1]
    message = MIMEMultipart("mixed", policy=rsmtp.email.policy.SMTP)
    message["Subject"] = f"Alles: Grüße und 日本語, number {number}, " + "ein langer Betreff " * 6
    message["From"] = "Jürgen <alice@bed.test>"
    message["To"] = "Bob Ünicode <bob@bed.test>"
    message["Date"], message["Message-ID"] = "Fri, 27 Nov 2026 10:00:00 +0000", f"<{number}@bed.test>"
    message["List-Unsubscribe"] = "<https://bed.test/u/1>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    for part in (
        alternative,
        MIMEMessage(rsmtp.email.message_from_bytes(EIGHT_BIT)),
        MIMEApplication(bytes(range(256)) * 40, name="ä.bin"),
        attached,
    ):
        message.attach(part)
    return message


_numbers = iter(range(1, 1000))


@pytest.mark.parametrize("without", [[], ["CHUNKING"], ["8BITMIME"], ["8BITMIME", "CHUNKING", "PIPELINING"]])
def test_a_server_that_keeps_what_it_gets(both, file, without):
    offered = [name for name in ("PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING") if name not in without]
    with rsmtp.Catcher(tls="none", extensions=offered, max_size=2 * OCTETS + 10**7) as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=both) as mailer:
            assert mailer.send(everything(file, next(_numbers))).ok
        octets = bytes(catcher.wait_for(1, 300)[0].data)
    assert octets.isascii() and len(octets) > OCTETS
    assert_all_verify(octets, *both)


@pytest.mark.parametrize("role", ["relay", "no_chunking"])
def test_postfix_and_dovecot(bed, both, file, role):
    number = next(_numbers)
    with rsmtp.Mailer(host=bed.host, port=bed.ports[role], tls="none", dkim=both, timeout=300) as mailer:
        assert mailer.send(everything(file, number)).ok
    octets = with_crlf(bed.delivered("bob", f"<{number}@bed.test>"))
    assert octets.startswith(b"Return-Path:")
    assert_all_verify(octets, *both)


@pytest.mark.parametrize("chunking", [True, False])
def test_exim(both, file, chunking):
    if reason := Exim.unavailable():
        pytest.skip(reason)
    server = Exim()
    try:
        server.start()
        with rsmtp.Mailer(
            host="localhost", port=server.port, tls="none", dkim=both, chunking=chunking, timeout=300
        ) as mailer:
            receipt = mailer.send(("alice@bed.test", "b@example.org", everything(file, next(_numbers))))
            assert receipt.ok, receipt
        end = time.monotonic() + 30
        while not server.files():
            assert time.monotonic() < end, server.log()
            time.sleep(0.05)
        (body,) = server.files()
        octets = spooled(body)
    finally:
        server.remove()
    assert_all_verify(octets, *both)


def with_crlf(octets):
    """Converts the server's stored text from the system's line ends."""
    return re.sub(rb"\r?\n", b"\r\n", octets)


def spooled(body):
    """A message from Exim's queue (its specification, section 56). Each field is preceded by its
    length and a letter, which is * for a deleted field."""
    header = body.with_name(body.name[:-1] + "H").read_bytes().partition(b"\n\n")[2]
    fields = b""
    while found := re.match(rb"(\d+)(.) ", header):
        length, end = int(found[1]), found.end()
        if found[2] != b"*":
            fields += header[end : end + length]
        header = header[end + length :]
    return with_crlf(fields + b"\n" + body.read_bytes().partition(b"\n")[2])
