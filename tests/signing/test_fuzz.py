"""dkimpy verifies any signed octets as they arrive, in all four canonicalizations.

    RSMTP_DKIM_MESSAGES=10000 pytest tests/signing/test_fuzz.py

runs longer.
"""

import os
import re

import hypothesis
import pytest
from hypothesis import strategies as st

import rsmtp

from .test_dkim import FORMS
from .verifiers import assert_verifies, signature

MESSAGES = int(os.environ.get("RSMTP_DKIM_MESSAGES", 200))

WORD = st.text("abcXYZ;:=.,<>@\"'(){}?_-äß€", max_size=12)
SPACE = st.sampled_from([" ", "  ", "\t", " \t ", "\r\n ", "\r\n\t", " \r\n  "])
VALUE = st.lists(st.one_of(WORD, SPACE), max_size=12).map("".join)
NAME = st.sampled_from(
    [
        "Subject",
        "subject",
        "SUBJECT",
        "To",
        "Cc",
        "Date",
        "Reply-To",
        "Comments",
        "List-Unsubscribe",
        "X-Other",
        "Received",
    ]
)
FIELD = st.tuples(NAME, st.sampled_from([": ", ":", ":\t", ":\r\n "]), VALUE).map("".join)
LINE = st.one_of(
    st.text("ab .\t=äß", max_size=30).map(str.encode),
    st.sampled_from([b"", b" ", b"\t \t", b".", b"..", b". ", b"x" * 1200, b"-- ", b"From x"]),
    st.binary(max_size=20).map(lambda octets: re.sub(rb"[\r\n]", b"", octets)),
)
BODY = st.tuples(
    st.lists(LINE, max_size=8), st.sampled_from([b"", b"\r\n", b"\r\n\r\n", b" \r\n \r\n", b"\t"])
).map(lambda parts: b"\r\n".join(parts[0]) + parts[1])


def _is_unfolded(value):
    """For some readers a folded line of only white space ends the header (RFC 5322 section 3.2.2)."""
    return all(line.strip() for line in value.split("\r\n")[1:])


def arrived(octets):
    """The octets as they arrive. DATA adds a line end to the last line (RFC 5321 section
    4.1.1.4), and after BDAT the line end is added when the message is stored."""
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


@st.composite
def messages(draw):
    fields = draw(st.lists(FIELD.filter(_is_unfolded), max_size=8))
    fields.insert(draw(st.integers(0, len(fields))), "From: Ann <ann@example.com>")
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + draw(BODY)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("form", FORMS)
def test_octets_that_are_signed_verify(form):
    dkim = signature("ed25519", canonicalization=form)
    mailer = rsmtp.Mailer("null:", dkim=dkim)

    @hypothesis.settings(max_examples=MESSAGES // len(FORMS), deadline=None)
    @hypothesis.given(messages())
    def check(octets):
        assert_verifies(arrived(bytes(dkim.sign(octets))), dkim)
        # The octets that a mailer sends, with this machine's line ends.
        sent = mailer.send(("a@example.com", "b@example.org", octets.replace(b"\r\n", b"\n"))).sent_bytes()
        assert_verifies(arrived(sent), dkim)

    check()


@pytest.mark.timeout(1800)
def test_messages_that_are_written_verify():
    both = [signature("ed25519", canonicalization="simple/simple"), signature("ed25519", selector="other")]
    mailer = rsmtp.Mailer("null:", dkim=both)
    text = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=80)
    plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=80)

    @hypothesis.settings(max_examples=MESSAGES // len(FORMS), deadline=None)
    @hypothesis.given(text, plain, plain, st.binary(max_size=200), st.booleans())
    def check(content, subject, name, octets, attach):
        message = rsmtp.Message(
            content,
            subject=subject,
            from_=(name, "ann@example.com"),
            to="bob@example.org",
            attachments={"a.bin": octets} if attach else None,
        )
        assert_verifies(arrived(mailer.send(message).sent_bytes()), *both)

    check()
