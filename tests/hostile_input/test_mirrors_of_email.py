"""Wrong arguments of `rsmtp.email`: what a file that was not read, or an address that is missing, makes
is an error, and never an empty attachment or an address of no one."""

import email.utils as stdlib_utils
import io

import pytest

import rsmtp
import rsmtp.email.utils as utils
from rsmtp.email import encoders
from rsmtp.email.errors import HeaderWriteError
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.audio import MIMEAudio
from rsmtp.email.mime.base import MIMEBase
from rsmtp.email.mime.image import MIMEImage
from rsmtp.email.mime.text import MIMEText


def kind(value):
    return f"{type(value).__name__} {value}" if isinstance(value, (dict, list, int)) else type(value).__name__


def encoded(payload):
    part = MIMEBase("application", "zip")
    part.set_payload(payload)
    encoders.encode_base64(part)
    return part


CONTENTS = {
    "application": MIMEApplication,
    "image": lambda data: MIMEImage(data, "png"),
    "audio": lambda data: MIMEAudio(data, "wav"),
    "encode_base64": encoded,
}


@pytest.mark.parametrize("make", CONTENTS.values(), ids=CONTENTS)
@pytest.mark.parametrize(
    "data", [None, 5, {}, range(3), io.BytesIO(), io.BytesIO(b"a"), io.StringIO("a")], ids=kind
)
def test_content_that_is_no_octets(make, data):
    with pytest.raises(TypeError, match="payload: a str or bytes is wanted, not "):
        make(data)


@pytest.mark.parametrize("make", CONTENTS.values(), ids=CONTENTS)
def test_content_with_a_buffer(make):
    for data in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        assert make(data).get_payload(decode=True) == b"abc"


@pytest.mark.parametrize("text", [None, 5, ["a"], {}, io.StringIO("a")], ids=kind)
@pytest.mark.parametrize("charset", [None, "utf-8"])
def test_a_text_that_is_none(text, charset):
    with pytest.raises(TypeError, match="_text: a str is wanted, not "):
        MIMEText(text, "plain", charset)


@pytest.mark.parametrize("name", [5, ["Ann"], b"Ann", object()], ids=kind)
def test_a_name_that_is_no_text_is_not_left_out(name):
    with pytest.raises(TypeError, match="pair: a name, a str, is wanted, not "):
        utils.formataddr((name, "ann@example.org"))
    assert utils.formataddr((None, "ann@example.org")) == "ann@example.org"


@pytest.mark.parametrize("options", [{}, {"strict": False}, {"strict": True}], ids=kind)
def test_a_field_that_is_missing_has_no_address(options):
    assert utils.parseaddr(None, **options) == stdlib_utils.parseaddr(None) == ("", "")
    assert utils.parseaddr("", **options) == ("", "")


def test_a_local_part_is_not_written_as_a_domain():
    message = EmailMessage()
    message["To"] = "Jürgen"
    with pytest.raises(HeaderWriteError, match="To: 'ü' stands in an address"):
        message.as_bytes()


def test_an_address_whose_octets_are_no_text_gets_nothing():
    raw = b"From: a@example.org\r\nTo: J\xfcrgen <b@example.org>, j\xfcrgen@example.org\r\n\r\nhi\r\n"
    message = rsmtp.email.message_from_bytes(raw, policy=rsmtp.email.policy.default)
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.smtplib.SMTP(catcher.host, catcher.port) as client:
            with pytest.raises(ValueError, match="To: an address in .* has octets in it that are no text"):
                client.send_message(message)
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:
            with pytest.raises(ValueError, match="To: an address in .* has octets in it that are no text"):
                mailer.send(message)
        assert not catcher.messages


def test_a_type_that_was_not_found():
    # As a program writes it whose mimetypes.guess_type() found nothing.
    assert MIMEBase(None, None)["Content-Type"] == "None/None"
