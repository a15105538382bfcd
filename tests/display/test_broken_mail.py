"""A display shows mail that parsers fail on, and raises no error."""

import email
import email.policy

import pytest

import rsmtp
from rsmtp import email as ours
from rsmtp.display import message as display

BROKEN = [
    b"To: a: b: c@d.org;;\n\nbody",
    b'From: "\n\nbody',
    b"From: a@[\n\nbody",
    b"Message-ID: <a@[\n\nbody",
    b"Message-ID: <>\n\nbody",
    b"Content-ID: <a@[\nContent-Type: image/png\n\nbody",
    b"Subject: =?utf-8?b?a?=\n\nbody",
    b"Subject: =?no-such?q?a?=\n\nbody",
    b"Content-Type: text/plain; charset=none-such\n\nbody \xff",
    b'Content-Type: text/plain; charset="=?utf-8?b?a?="\n\nbody',
    b"Content-Type: text/plain; charset=idna\n\nbody \xff",
    b"Content-Disposition: attachment; filename==?utf-8?b?a?=\n\nbody",
    b"Content-Disposition: attachment; filename*=utf-8''%ff%\n\nbody",
    b"Content-Transfer-Encoding: base64\n\nbody",
    b"Date: never\n\nbody",
]


@pytest.mark.parametrize(
    "octets", BROKEN, ids=lambda octets: octets.partition(b"\n")[0].decode("ascii", "replace")
)
@pytest.mark.parametrize("policy", ["compat32", "default", "SMTP"])
@pytest.mark.parametrize("world", ["rsmtp", "the standard library"])
def test_mail_of_strangers(octets, policy, world):
    library = ours if world == "rsmtp" else email
    if world == "rsmtp":
        from rsmtp.email import policy as policies
    else:
        policies = email.policy
    page = display.rich(library.message_from_bytes(octets, policy=getattr(policies, policy)))
    assert "<html" in page or "<section" in page or "<div" in page


@pytest.mark.parametrize("text", ["=?utf-8?b?a?=", "=?none?q?x?=", "a =?utf-8?q?b"])
def test_text_that_looks_like_an_encoded_word(text):
    message = rsmtp.Message(
        "x", subject=text, from_="a@b.org", to="c@d.org", attachments=[(f"{text}.txt", b"x")]
    )
    assert message._repr_mimebundle_()
    assert message["Subject"] == text
