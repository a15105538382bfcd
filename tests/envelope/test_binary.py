"""Attachments without base64, for a server that takes binary content (RFC 3030): by every client, both
mailers and the outbox."""

import email
import email.message
import email.policy

import pytest
from client import facade as clients
from envelope.test_matrix import MAILERS, WAYS
from envelope.test_matrix import by as send_by
from mailer import facade as mailers

import rsmtp
from rsmtp import Envelope
from rsmtp._web.mail import Mail

FROM, TO = "ann@example.org", "bob@example.org"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 200 + b"\r\n.\r\n--x\r\n\n\r"
SMALL = b"\x89PNG\r\n\x1a\n\0\xff"
BINARY = Envelope(FROM, [TO], binary=True)
WISH = Envelope(FROM, [TO], binary=True, if_offered=True)


@pytest.fixture(autouse=True)
def tidy():
    yield
    clients.close_loop()
    mailers.close_loops()


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture(params=MAILERS)
def mailer(request, catcher):
    with MAILERS[request.param](host="127.0.0.1", port=catcher.port, tls="none") as mailer:
        yield mailer


def message(tmp_path, **more):
    file = tmp_path / "large.png"
    if not file.exists():
        file.write_bytes(PICTURE)
    attachments = [file, ("kept.png", PICTURE), ("small.png", SMALL)]
    return rsmtp.Message("Grüße", **{"from_": FROM, "to": TO, "attachments": attachments, **more})


def attached(octets):
    """What the standard library and the inbox read, which agree."""
    parsed = email.message_from_bytes(octets, policy=email.policy.default)
    found = [(part.get_filename(), part.get_content()) for part in parsed.iter_attachments()]
    assert [(part.name, part.content) for part in Mail(octets).attachments] == found
    assert [part["Content-Transfer-Encoding"] for part in parsed.iter_attachments()] == [
        "binary" if b"Transfer-Encoding: binary" in octets else "base64"
    ] * len(found)
    return dict(found)


WHOLE = {"large.png": PICTURE, "kept.png": PICTURE, "small.png": SMALL}


@pytest.mark.parametrize("way", [way for way in WAYS if "step" not in way])
def test_attachments_go_unencoded_and_arrive_whole(way, tmp_path, monkeypatch):
    monkeypatch.setattr("envelope.test_matrix.message", lambda: message(tmp_path))
    with rsmtp.Catcher() as catcher:
        receipt = send_by(way, catcher, BINARY, tmp_path)
        (caught,) = catcher.messages
    assert caught.mail_parameters["BODY"] == "BINARYMIME"
    assert caught.mail_parameters["SIZE"] == str(len(caught.data))
    assert len(caught.data) < len(PICTURE) * 2 + 2_000
    assert attached(caught.data) == WHOLE
    top = email.message_from_bytes(caught.data)
    assert top["Content-Transfer-Encoding"] == "binary" and top.get_content_type() == "multipart/mixed"
    assert "Grüße".encode() in caught.data
    if receipt is not None:
        assert receipt.options == ["BODY=BINARYMIME"]
    if receipt is not None and "outbox" not in way:
        assert receipt.sent_bytes() == caught.data


@pytest.mark.parametrize("way", [way for way in WAYS if "step" not in way])
@pytest.mark.parametrize("without", [["BINARYMIME"], ["CHUNKING"]])
def test_where_it_is_not_offered_it_is_base64_or_refused(way, without, tmp_path, monkeypatch):
    monkeypatch.setattr("envelope.test_matrix.message", lambda: message(tmp_path))
    with rsmtp.Catcher(without=without) as catcher:
        receipt = send_by(way, catcher, WISH, tmp_path)
        (caught,) = catcher.messages
        if "outbox" not in way:
            with pytest.raises(rsmtp.SMTPNotSupportedError, match="BINARYMIME") as raised:
                send_by(way, catcher, BINARY, tmp_path)
            assert "if_offered=True" in raised.value.hint
            assert len(catcher.messages) == 1
    assert "BODY" not in caught.mail_parameters
    assert attached(caught.data) == WHOLE
    if receipt is not None:
        assert receipt.options_left_out == ["BINARYMIME"]
    if receipt is not None and "outbox" not in way:
        assert receipt.sent_bytes() == caught.data


@pytest.mark.parametrize("client", [rsmtp.SmtpClient, clients.Client])
def test_step_by_step_it_is_left_out_where_it_may_be(client, catcher, tmp_path):
    kind = rsmtp.SmtpClient if client is rsmtp.SmtpClient else rsmtp.AsyncSmtpClient

    class Steps(kind):
        def rcpt(self, recip, options=()):
            return super().rcpt(recip, options)

    made = Steps if client is rsmtp.SmtpClient else type("Facade", (clients.Client,), {"_kind": Steps})
    with made("127.0.0.1", catcher.port) as client:
        client.send_message(message(tmp_path), envelope=WISH)
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="BDAT alone"):
            client.sendmail(None, None, b"Subject: x\r\n\r\n\0\xff\r\n", envelope=WISH)
    (caught,) = catcher.messages
    assert attached(caught.data) == WHOLE and "BINARYMIME" not in caught.mail_parameters.values()


def test_octets_of_the_caller_are_never_sent_otherwise(tmp_path):
    octets = b"Subject: x\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\xff\n"
    encoded = message(tmp_path).as_bytes()
    with (
        rsmtp.Catcher(tls="none", without=["BINARYMIME"]) as catcher,
        rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer,
    ):
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="BINARYMIME"):
            mailer.send(octets, envelope=WISH)
        # Lines of ASCII need no BINARYMIME.
        assert mailer.send(b"Subject: x\r\n\r\nhi\r\n", envelope=WISH).options_left_out == ["BINARYMIME"]
    with (
        rsmtp.Catcher(tls="none") as catcher,
        rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer,
    ):
        mailer.send(encoded, envelope=BINARY)
    assert catcher.messages[0].data == encoded


def test_messages_of_the_standard_library_and_parsed_ones(mailer, catcher):
    theirs = email.message.EmailMessage()
    theirs["From"], theirs["To"] = FROM, TO
    theirs.set_content("Hello")
    theirs.add_attachment(PICTURE, maintype="image", subtype="png", filename="large.png")
    mailer.send(theirs, envelope=BINARY)
    parsed = rsmtp.email.message_from_bytes(bytes(theirs))
    mailer.send(parsed, envelope=BINARY)
    for caught in catcher.messages:
        assert attached(caught.data) == {"large.png": PICTURE}
        assert len(caught.data) < len(PICTURE) + 1500


def test_inline_pictures_and_forwarded_messages(mailer, catcher, tmp_path):
    inner = message(tmp_path)
    outer = rsmtp.Message(
        "Hello", html='<img src="cid:logo" alt="">', inline={"logo": PICTURE}, from_=FROM, to=TO
    )
    outer.add_attachment(inner)
    mailer.send(outer, envelope=BINARY)
    (caught,) = catcher.messages
    parsed = email.message_from_bytes(caught.data, policy=email.policy.default)
    encodings = {part.get_content_type(): part["Content-Transfer-Encoding"] for part in parsed.walk()}
    assert encodings["multipart/related"] == encodings["multipart/alternative"] == "binary"
    enclosed = [part for part in parsed.walk() if part.get_content_type() == "message/rfc822"]
    for part in enclosed:
        (theirs,) = part.get_payload()
        files = list(theirs.iter_attachments())
        assert [file["Content-Transfer-Encoding"] for file in files] == ["base64"] * 3
        assert [file.get_content() for file in files] == [PICTURE, PICTURE, SMALL]
    assert len(enclosed) == 1
    pictures = [part for part in parsed.walk() if part.get("Content-ID")]
    assert [part.get_content() for part in pictures] == [PICTURE]


def test_text_keeps_its_encoding_unless_its_lines_are_those_of_mail(mailer, catcher, tmp_path):
    lines = [f"{number};größe;{'x' * 40}" for number in range(2_000)]
    unix, mail = ("\n".join(lines).encode("utf-16"), ("\r\n".join(lines) + "\r\n").encode())
    files = [("unix.csv", unix), ("unix2.csv", "\n".join(lines).encode()), ("mail.csv", mail)]
    mailer.send(
        rsmtp.Message("Hello", from_=FROM, to=TO, attachments=[*files, ("p.png", PICTURE)]), envelope=BINARY
    )
    (caught,) = catcher.messages
    parsed = email.message_from_bytes(caught.data)
    found = {part.get_filename(): part for part in parsed.walk() if part.get_filename()}
    for name, content in files:
        assert found[name].get_payload(decode=True) == content, name
    assert found["p.png"]["Content-Transfer-Encoding"] == "binary"
    assert found["unix.csv"]["Content-Transfer-Encoding"] == "base64"


def test_what_is_signed_stays_as_it_is(mailer, catcher, tmp_path):
    signed = rsmtp.email.message_from_bytes(
        message(tmp_path).as_bytes().replace(b"multipart/mixed", b"multipart/signed")
    )
    sealed = message(tmp_path, headers={"DKIM-Signature": "v=1; d=example.org"})
    for item in (signed, sealed):
        mailer.send(item, envelope=BINARY)
    for caught in catcher.messages:
        assert caught.mail_parameters["BODY"] == "BINARYMIME"
        assert b"encoding: binary" not in caught.data.lower()
        assert caught.data.lower().count(b"transfer-encoding: base64") == 4


def test_a_boundary_within_an_attachment_keeps_it_encoded(mailer, catcher, tmp_path):
    file = tmp_path / "evil.png"
    item = rsmtp.Message("Hello", from_=FROM, to=TO)
    octets = b"\x89PNG\r\n--mine\r\nContent-Type: text/html\r\n\r\n<b>\r\n--mine--\r\n" + bytes(5_000)
    file.write_bytes(octets)
    for given in (octets, octets[:80], file):
        item.add_attachment(given, "image", "png", filename="evil.png")
    item.set_boundary("mine")
    mailer.send(item, envelope=BINARY)
    (caught,) = catcher.messages
    parsed = email.message_from_bytes(caught.data)
    assert [part.get_content_type() for part in parsed.walk()].count("image/png") == 3
    assert [part.get_payload(decode=True) for part in parsed.get_payload()[1:]] == [
        octets,
        octets[:80],
        octets,
    ]
