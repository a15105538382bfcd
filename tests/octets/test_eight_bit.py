"""8-bit content is sent as it is. A server that can't take it gets the same octets in an encoding,
and no server loses any of them."""

import email
import email.message
import email.mime.image
import email.mime.text
import email.policy

import pytest

import rsmtp
import rsmtp.email
import rsmtp.email.message
import rsmtp.email.policy
from rsmtp.email import encoders
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.image import MIMEImage
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText

from . import ways

ANY = bytes(range(256)) * 3 + b"\r\n\n\r\0\r\n"
HEAD = b"From: a@x.example\r\nTo: b@x.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"


def entity(kind, cte, body, more=b""):
    fields = [b"Content-Type: " + kind] if kind else []
    fields += [b"Content-Transfer-Encoding: " + cte] if cte else []
    return more + b"".join(field + b"\r\n" for field in fields) + b"\r\n" + body


def multipart(*parts, kind=b"multipart/mixed"):
    inner = b"".join(b"--=b\r\n" + part + b"\r\n" for part in parts)
    return b"Content-Type: " + kind + b'; boundary="=b"\r\n\r\n' + inner + b"--=b--\r\n"


NAIVE = b"na\xefve\r\n"
BODIES = {
    "no charset": entity(b"text/plain", b"8bit", NAIVE),
    "no type": entity(b"", b"8bit", NAIVE),
    "no encoding said": entity(b"text/plain", b"", NAIVE),
    "utf-8": entity(b"text/plain; charset=utf-8", b"8bit", "naïve\r\n".encode()),
    "latin-1": entity(b"text/plain; charset=iso-8859-1", b"8bit", NAIVE),
    "says us-ascii": entity(b"text/plain; charset=us-ascii", b"7bit", NAIVE),
    "shift_jis": entity(b"text/plain; charset=shift_jis", b"8bit", "日本語\r\n".encode("shift_jis")),
    "euc-jp": entity(b"text/plain; charset=euc-jp", b"8bit", "日本語\r\n".encode("euc-jp")),
    "windows-31j": entity(b"text/plain; charset=windows-31j", b"8bit", "日本語\r\n".encode("cp932")),
    "x-unknown": entity(b"text/plain; charset=x-unknown", b"8bit", NAIVE),
    "html": entity(b"text/html; charset=utf-8", b"8bit", "<p>ü</p>\r\n".encode()),
    "octets as 8bit": entity(b"application/octet-stream", b"8bit", b"\x89P\r\n\xff"),
    "octets as binary": entity(b"image/png", b"binary", b"\x89PNG\r\n\x1a\r\n\0\xff"),
    "stray octet in base64": entity(b"text/plain; charset=utf-8", b"base64", b"aGFs\xffbG8=\r\n"),
    "stray octet in quoted-printable": entity(
        b"text/plain; charset=utf-8", b"quoted-printable", b"=C3=BC \xff=\r\nx\r\n"
    ),
    "parts": multipart(
        entity(b"text/plain; charset=utf-8", b"8bit", "ü\r\n".encode()),
        entity(b"image/png", b"binary", b"\x89\xff"),
        entity(b"text/plain", b"", b"plain"),
    ),
    "a message in it": multipart(
        entity(b"text/plain", b"", b"see below"),
        entity(b"message/rfc822", b"8bit", b"Subject: inner\r\n\r\n" + NAIVE),
    ),
}


def leaves(octets):
    """The (type, decoded content) of every part that has no parts."""
    message = email.message_from_bytes(octets)
    return [
        (part.get_content_type(), part.get_payload(decode=True))
        for part in message.walk()
        if not part.is_multipart()
    ]


@pytest.mark.parametrize("policy", ["compat32", "default", "SMTP"])
@pytest.mark.parametrize("body", BODIES)
def test_what_a_message_says_goes_out(body, policy):
    octets = HEAD + BODIES[body]
    message, theirs = ways.parsed(octets, policy)
    assert message.as_bytes() == theirs.as_bytes()
    with rsmtp.Catcher(tls="none") as catcher:
        assert ways.CLIENTS["SmtpClient"](catcher, message) == octets
    assert ways.to_file(message) == octets


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
@pytest.mark.parametrize("way", ways.CLIENTS)
@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "stdlib"])
def test_by_every_way(way, theirs, chunking):
    octets = HEAD + BODIES["parts"]
    message = ways.parsed(octets, "default")[theirs]
    with rsmtp.Catcher(tls="none", without=[] if chunking else ["CHUNKING"]) as catcher:
        assert ways.CLIENTS[way](catcher, message) == octets


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "stdlib"])
@pytest.mark.parametrize("body", BODIES)
def test_a_server_without_8bitmime_gets_the_same_octets(body, theirs):
    octets = HEAD + BODIES[body]
    message = ways.parsed(octets, "default")[theirs]
    with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
        got = ways.CLIENTS["SmtpClient"](catcher, message)
    assert got.isascii()
    assert [kind for kind, _ in leaves(got)] == [kind for kind, _ in leaves(octets)]
    for (_, now), (_, before) in zip(leaves(got), leaves(octets), strict=True):
        assert now.replace(b"\r\n", b"\n") == before.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("way", ways.CLIENTS)
@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "stdlib"])
def test_re_encoded_by_every_way(way, theirs):
    octets = HEAD + BODIES["parts"]
    message = ways.parsed(octets, "default")[theirs]
    with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
        got = ways.CLIENTS[way](catcher, message)
    if way in ways.LIKE_SMTPLIB:
        assert got == octets
    else:
        assert got.isascii()
    assert leaves(got) == leaves(octets)


def test_what_is_no_text_keeps_its_line_ends():
    image = MIMEImage(ANY, "png", encoders.encode_noop)
    data = MIMEApplication(ANY, "pdf", encoders.encode_7or8bit)
    both = MIMEMultipart(_subparts=[image, data])
    theirs = email.message_from_bytes(HEAD + b"\r\n")
    theirs.set_type("multipart/mixed")
    theirs.set_payload([email.mime.image.MIMEImage(ANY, "png", lambda part: None)])
    for message in (image, data, both, theirs):
        with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
            got = ways.CLIENTS["SmtpClient"](catcher, message)
        assert got.isascii()
        assert all(content == ANY for _, content in leaves(got))


def test_the_stdlib_s_bytes_where_8bitmime_is_offered():
    image = MIMEImage(ANY, "png", encoders.encode_noop)
    theirs = email.mime.image.MIMEImage(ANY, "png", lambda part: None)
    with rsmtp.Catcher(tls="none") as catcher:
        got = ways.CLIENTS["SmtpClient"](catcher, image)
    assert got == theirs.as_bytes(policy=theirs.policy.clone(linesep="\r\n"))


SEALED = {
    "DKIM-Signature": (entity(b"text/plain", b"8bit", NAIVE, b"DKIM-Signature: v=1; bh=abc\r\n"), "DKIM"),
    "multipart/signed": (
        multipart(
            entity(b"text/plain", b"8bit", NAIVE),
            entity(b"application/pgp-signature", b"", b"signature"),
            kind=b"multipart/signed",
        ),
        "multipart/signed",
    ),
    "multipart/encrypted": (
        multipart(entity(b"application/octet-stream", b"8bit", NAIVE), kind=b"multipart/encrypted"),
        "multipart/encrypted",
    ),
    "a signed message in it": (
        multipart(
            entity(b"message/rfc822", b"8bit", entity(b"", b"8bit", NAIVE, b"DKIM-Signature: v=1\r\n"))
        ),
        "DKIM",
    ),
    "ARC": (
        entity(b"text/plain", b"8bit", NAIVE, b"ARC-Message-Signature: i=1; bh=abc\r\n"),
        "ARC",
    ),
    "a sealed message in it": (
        multipart(
            entity(b"message/rfc822", b"8bit", entity(b"", b"8bit", NAIVE, b"ARC-Message-Signature: i=1\r\n"))
        ),
        "ARC",
    ),
}


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "stdlib"])
@pytest.mark.parametrize("kind", SEALED)
def test_what_is_signed_is_never_re_encoded(kind, theirs):
    body, reason = SEALED[kind]
    message = ways.parsed(HEAD + body, "default")[theirs]
    with rsmtp.Catcher(tls="none") as catcher:
        assert ways.CLIENTS["SmtpClient"](catcher, message) == HEAD + body
    for way in ("smtplib", "own sendmail"):
        with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
            assert ways.CLIENTS[way](catcher, message) == HEAD + body
    for way in ("SmtpClient", "own steps", "own sendmail of a client", "AsyncSmtpClient", "Mailer"):
        with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
            with pytest.raises(rsmtp.SMTPException, match=f"8BITMIME.*{reason}") as raised:
                ways.CLIENTS[way](catcher, message)
            assert catcher.count == 0
        if way != "Mailer":
            assert isinstance(raised.value, rsmtp.SMTPNotSupportedError)


def test_ready_bytes_are_the_caller_s():
    with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
        with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
            with pytest.raises(rsmtp.SMTPNotSupportedError, match="8BITMIME"):
                client.sendmail("a@x.example", "b@x.example", HEAD + b"\r\n" + NAIVE)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (b"text/plain", UnicodeEncodeError),
        (b"text/plain; charset=us-ascii", UnicodeEncodeError),
        (b"text/plain; charset=x-unknown", LookupError),
        (b"application/octet-stream", UnicodeEncodeError),
    ],
)
@pytest.mark.parametrize("policy", ["compat32", "default"])
def test_7bit_output_raises_for_what_it_can_not_say(kind, error, policy):
    ours, theirs = ways.parsed(HEAD + entity(kind, b"8bit", NAIVE), policy)
    for message in (ours, theirs):
        with pytest.raises(error):
            message.as_bytes(policy=message.policy.clone(cte_type="7bit"))


def test_7bit_output_encodes_nothing_twice():
    for body in ("stray octet in base64", "stray octet in quoted-printable"):
        ours, _ = ways.parsed(HEAD + BODIES[body], "default")
        octets = ours.as_bytes(policy=ours.policy.clone(cte_type="7bit"))
        assert octets.isascii()
        assert leaves(octets) == leaves(ours.as_bytes())


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "stdlib"])
def test_lines_too_long_for_smtp_are_encoded(theirs):
    text = "word " * 1000
    message = (email.mime.text.MIMEText if theirs else MIMEText)(text)
    for way in ways.CLIENTS:
        with rsmtp.Catcher(tls="none") as catcher:
            got = ways.CLIENTS[way](catcher, message)
        assert max(map(len, got.splitlines())) <= 998
        assert leaves(got)[0][1].strip() == text.strip().encode()
    message["DKIM-Signature"] = "v=1; bh=abc"
    with rsmtp.Catcher(tls="none") as catcher:
        got = ways.CLIENTS["SmtpClient"](catcher, message)
    assert text.encode() in got


def test_fields_with_raw_octets():
    octets = b"From: J\xf6rg <a@x.example>\r\nTo: b@x.example\r\nSubject: \xff \xfe!\r\n\r\nplain\r\n"
    ours, theirs = ways.parsed(octets, "compat32")
    with rsmtp.Catcher(tls="none") as catcher:
        assert ways.CLIENTS["SmtpClient"](catcher, ours) == theirs.as_bytes().replace(b"\n", b"\r\n")
    with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
        got = ways.CLIENTS["SmtpClient"](catcher, ours)
    assert got.isascii()
    decoded = rsmtp.email.header.decode_header(email.message_from_bytes(got)["Subject"])
    assert decoded[0][0] == b"\xff \xfe!"


def test_an_address_in_raw_octets_is_refused_by_a_7bit_server():
    octets = b"From: a@x.example\r\nTo: b@x.example\r\nReply-To: j\xf6rg@x.example\r\n\r\nplain\r\n"
    ours, _ = ways.parsed(octets, "compat32")
    with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="address in a header field"):
            ways.CLIENTS["SmtpClient"](catcher, ours)


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "stdlib"])
class TestFieldsInUtf8:
    def message(self, theirs):
        module, policy = (
            (email.message, email.policy.SMTPUTF8)
            if theirs
            else (rsmtp.email.message, rsmtp.email.policy.SMTPUTF8)
        )
        message = module.EmailMessage(policy=policy)
        message["From"], message["To"], message["Subject"] = "a@x.example", "b@x.example", "Grüße"
        message.set_content("x\n")
        return message

    def test_a_server_with_smtputf8_gets_them_and_is_told(self, theirs):
        with rsmtp.Catcher(tls="none") as catcher:
            got = ways.CLIENTS["SmtpClient"](catcher, self.message(theirs))
            assert "SMTPUTF8" in catcher.wait_for(1, 10)[0].mail_parameters
        assert "Subject: Grüße".encode() in got

    @pytest.mark.parametrize("way", ways.CLIENTS)
    def test_a_server_without_gets_encoded_words(self, theirs, way):
        with rsmtp.Catcher(tls="none", without=["SMTPUTF8"]) as catcher:
            got = ways.CLIENTS[way](catcher, self.message(theirs))
        assert got.isascii()
        assert email.message_from_bytes(got, policy=email.policy.default)["Subject"] == "Grüße"


@pytest.mark.parametrize("theirs", [False, True], ids=["ours", "stdlib"])
def test_a_classic_message_to_an_international_address(theirs):
    message = (email.mime.text.MIMEText if theirs else MIMEText)("hi")
    message["From"], message["To"], message["Subject"] = "a@x.example", "reçipïént@exåmple.com", "Grüße"
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.smtplib.SMTP("127.0.0.1", catcher.port) as client:
            client.send_message(message)
        with rsmtp.Mailer(f"smtp://127.0.0.1:{catcher.port}?tls=none") as mailer:
            mailer.send(message)
        for caught in catcher.wait_for(2, 10):
            assert caught.rcpt_tos == ["reçipïént@exåmple.com"]
            assert "To: reçipïént@exåmple.com\r\n".encode() in bytes(caught.data)
    with rsmtp.Catcher(tls="none", without=["SMTPUTF8"]) as catcher:
        with rsmtp.smtplib.SMTP("127.0.0.1", catcher.port) as client:
            with pytest.raises(rsmtp.SMTPNotSupportedError):
                client.send_message(message)


CHARSETS = ["shift_jis", "euc-jp", "cp932", "iso-2022-jp", "gb18030", "big5", "utf-16", "utf-32-be"]


@pytest.mark.parametrize("chosen", [None, "8bit", "base64", "quoted-printable"])
@pytest.mark.parametrize("charset", CHARSETS)
def test_text_in_any_charset(charset, chosen):
    """`set_content` in this charset, sent, and read by the standard library."""
    if chosen in ("8bit", "quoted-printable") and charset.startswith("utf-"):
        chosen = None
    text = "日本語\nzwei\n"
    message = rsmtp.email.message.EmailMessage()
    message["From"], message["To"] = "a@x.example", "b@x.example"
    message.set_content(text, charset=charset, cte=chosen)
    for without in ([], ["8BITMIME", "SMTPUTF8"]):
        with rsmtp.Catcher(tls="none", without=without) as catcher:
            got = ways.CLIENTS["SmtpClient"](catcher, message)
        read = email.message_from_bytes(got, policy=email.policy.default)
        assert read.get_content().replace("\r\n", "\n") == text
        assert got.isascii() or not without
