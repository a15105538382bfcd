"""Any text given as a header's name or value, a parameter or a file name is either refused, or the
standard library's parser reads exactly the given fields."""

import email
import email.errors
import email.header
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import rsmtp
from rsmtp._client import outgoing
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.base import MIMEBase
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText

PIECES = [
    "\r\n", "\n", "\r", "\0", "\t", " ", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\u2028", ":", ";",
    '"', "\\",
    "=", "<", ">", ",", "@", "(", ")", "Bcc: evil@example.net", "\r\nBcc: evil@example.net", "\n\nbody",
    "\n ",
    "=?utf-8?q?a=0ABcc:_x?=", "é", "日本", "\ud800", "a", "x" * 90, "y" * 1100, "--b", "alice@example.org",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=30)
SETTINGS = settings(max_examples=150, deadline=None, derandomize=True, database=None)
REFUSALS = (ValueError, email.errors.MessageError)


def sent(message):
    """The octets that would be sent, without a connection."""
    return bytes(outgoing.render(message, utf8=False))


def check_wire(octets):
    """Checks the properties of every message that rsmtp builds."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", octets), "a bare CR or LF"
    assert b"\0" not in octets
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def names(parsed):
    return [name.lower() for name in parsed]


def text_of(value):
    return str(email.header.make_header(email.header.decode_header(value)))


def squeezed(text):
    return " ".join(text.split())


@SETTINGS
@given(name=HOSTILE, value=HOSTILE)
@example("X-Note", "one\r\nBcc: evil@example.net")
@example("X-Note\r\nBcc", "evil@example.net")
@example("Subject", "one\n\nbody")
def test_message_has_the_fields_that_were_given(name, value):
    message = rsmtp.Message("hello\r\n")
    before = None
    try:
        before = names(email.message_from_bytes(sent(rsmtp.Message("hello\r\n"))))
        message[name] = value
        octets = sent(message)
    except REFUSALS:
        return
    check_wire(octets)
    parsed = email.message_from_bytes(octets)
    hidden = name.lower() in ("bcc", "resent-bcc")
    # A missing Message-ID and the like would be added, so they are given here.
    expected = set(before) | ({name.lower()} if not hidden else set())
    assert set(names(parsed)) == expected
    assert parsed.get_payload().strip() == "hello"


@SETTINGS
@given(value=HOSTILE)
def test_subject_is_read_back(value):
    try:
        octets = sent(rsmtp.Message("hello\r\n", subject=value))
    except REFUSALS:
        return
    check_wire(octets)
    subject = email.message_from_bytes(octets)["Subject"]
    # Text that already looks like an encoded-word is decoded when it is read.
    if value and "=?" not in value:
        assert squeezed(text_of(subject or "").replace("\n", "")) == squeezed(value)


@SETTINGS
@given(which=st.sampled_from(["from_", "to", "cc", "reply_to"]), value=HOSTILE)
def test_addresses_stay_one_field(which, value):
    try:
        octets = sent(rsmtp.Message("hello\r\n", **{which: value}))
    except REFUSALS:
        return
    check_wire(octets)
    parsed = email.message_from_bytes(octets)
    assert "bcc" not in names(parsed)
    assert parsed.get_payload().strip() == "hello"


@SETTINGS
@given(filename=HOSTILE)
@example('a"; name="b')
@example("a\r\nX-Evil: yes")
def test_file_names_are_read_back(filename):
    try:
        part = MIMEApplication(b"data")
        part.add_header("Content-Disposition", "attachment", filename=filename)
        whole = MIMEMultipart()
        whole.attach(part)
        octets = sent(whole)
    except REFUSALS:
        return
    check_wire(octets)
    parsed = email.message_from_bytes(octets)
    (part,) = parsed.get_payload()
    assert "x-evil" not in names(part) and len(part.keys()) == 4
    assert part.get_payload(decode=True) == b"data"


@SETTINGS
@given(key=HOSTILE, value=HOSTILE)
def test_parameters_add_no_field(key, value):
    try:
        part = MIMEBase("application", "octet-stream")
        part.set_payload("data")
        part.add_header("X-Thing", "thing", **{key: value})
        octets = sent(part)
    except REFUSALS:
        return
    check_wire(octets)
    parsed = email.message_from_bytes(octets)
    assert set(names(parsed)) <= {"content-type", "mime-version", "x-thing", "date", "message-id"}
    assert parsed.get_payload().strip() == "data"


@SETTINGS
@given(name=HOSTILE, value=HOSTILE)
@example("Subject", "one\nbody begins")
@example("Subject", "one\nBcc: evil@example.net")
@example("Subject", "one\n\nbody")
def test_mime_mirror_adds_no_field(name, value):
    """As in the standard library, a value's own line ends are kept if the field continues after
    them."""
    message = MIMEText("hello\n")
    before = set(names(message))
    try:
        message[name] = value
        octets = sent(message)
    except (*REFUSALS, LookupError):
        return
    check_wire(octets)
    parsed = email.message_from_bytes(octets)
    assert set(names(parsed)) <= before | {name.lower(), "date", "message-id"}
    assert parsed.get_payload().strip() == "hello"


@SETTINGS
@given(name=HOSTILE, value=HOSTILE)
def test_email_message_mirror_adds_no_field(name, value):
    message = EmailMessage()
    message.set_content("hello\n")
    before = set(names(message))
    try:
        message[name] = value
        octets = sent(message)
    except (*REFUSALS, LookupError):
        return
    check_wire(octets)
    parsed = email.message_from_bytes(octets)
    # The policy encodes a name that isn't ASCII, and accepts a colon at its end, as the standard
    # library's does.
    added = set(names(parsed)) - before
    own = {name.lower(), name.lower().partition(":")[0]}
    assert added <= own or (not name.isascii() and len(added) == 1)
    assert parsed.get_payload().strip() == "hello"


@pytest.mark.parametrize("value", ["a\r\nBcc: b@example.net", "a\nb", "a\rb", "a\0b", "a\x1bb"])
def test_control_characters_name_the_field(value):
    message = rsmtp.Message("hello\r\n")
    with pytest.raises(ValueError, match="Subject"):
        message["Subject"] = value
        sent(message)
