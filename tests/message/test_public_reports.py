"""Reports by users of `email` and of rsmtp about mail that was not sent in the intended form."""

import email
import email.header
import email.message
import email.mime.text
import email.policy
import email.utils
from pathlib import Path

import pytest

import rsmtp
import rsmtp.email
import rsmtp.email.header
import rsmtp.email.policy
import rsmtp.email.utils
from rsmtp import smtplib
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText


def read(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


# -- a subject is folded between words

SUBJECTS = [
    "Grüße an alle",
    "Die Überprüfung der Vereinbarungen über Geschwindigkeitsbegrenzungen wird fortgesetzt werden",
    "Отчёт, продолжение проделанной работы за последний квартал прошлого года, планы на следующий",
    "x ü " + "plain words " * 12 + "end",
    "two  blanks   and\ttabs ü " * 6 + ".",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung" * 3,
    "漢字" * 60,
    "👩\u200d👩\u200d👧 family " * 8 + "!",
]


def said(word):
    ((octets, charset),) = email.header.decode_header(word)
    return octets.decode(charset)


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("name", ["Subject", "Comments", "X-With-A-Name-That-Is-Quite-Long-As-Names-Go"])
def test_text_is_folded_between_words(name, subject):
    octets = rsmtp.Message("x", headers={name: subject}).as_bytes()
    field = octets.decode().partition(": ")[2].partition("\nMIME-Version")[0]
    assert read(octets)[name] == subject
    assert max(map(len, octets.splitlines())) <= 78
    words = field.split("\n ")
    assert max(map(len, words)) <= 75
    if max(map(len, subject.split())) <= 20 and len(name) < 20:
        assert all(said(word).endswith((" ", "\t")) for word in words[:-1])


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_folded_header_is_taken(subject):
    for package in (email.header, rsmtp.email.header):
        folded = package.Header(subject, "utf-8", header_name="Subject").encode()
        for value in (folded, folded.replace("\n", "\r\n")):
            message = rsmtp.Message("x", subject=value)
            assert read(message.as_bytes())["subject"] == subject
            message.replace_header("Subject", value)
            assert read(message.as_bytes())["subject"] == subject
    to = rsmtp.email.header.Header("Jörg " * 20, "utf-8", header_name="To").encode() + " <j@x.example>"
    assert read(rsmtp.Message("x", to=to).as_bytes())["to"].addresses[0].addr_spec == "j@x.example"


@pytest.mark.parametrize(
    "value", ["a\nBcc: b@x.example", "a\n b\nBcc: c", "a\n", "a\r\n \r\n\r\nbody", "a\n\n b"]
)
def test_a_line_end_that_is_no_fold_is_refused(value):
    for name in ("Subject", "To", "X-Other"):
        with pytest.raises(ValueError, match=f"{name}.*control character"):
            rsmtp.Message("x", headers={name: value})


# -- identifiers

HOSTS = {
    "my_host": "my_host",
    "my host": "my-host",
    "host": "host",
    "localhost": "localhost",
    "": "localhost",
    "...": "localhost",
    "höst.example": "xn--hst-sna.example",
    "a..b.": "a.b",
    "host.example\n": "host.example",
    "<b>@c": "-b-c",
    "[192.0.2.1]": "[192.0.2.1]",
    "x" * 2000 + ".example": "x" * 247 + ".example",
    "host\udce9": "host-",
}


@pytest.mark.parametrize(("host", "right"), HOSTS.items())
def test_an_identifier_is_one_whatever_the_host_is_called(monkeypatch, host, right):
    monkeypatch.setattr("socket.getfqdn", lambda: host)
    for made in (
        rsmtp.email.utils.make_msgid(),
        rsmtp.email.utils.make_msgid(domain=host),
        rsmtp.email.utils.make_msgid("ü <1>\n", host),
    ):
        assert made.endswith(f"@{right}>")
        assert "invalid" not in made
        structured = EmailMessage()
        structured["Message-ID"] = made
        assert not structured["Message-ID"].defects
        for message in (structured, rsmtp.Message("x", headers={"Message-ID": made}), MIMEText("x")):
            if "Message-ID" not in message:
                message["Message-ID"] = made
            assert read(message.as_bytes())["Message-ID"].strip() == made


def test_the_full_host_name_is_asked_for_only_by_make_msgid(monkeypatch):
    asked = []
    monkeypatch.setattr("socket.getfqdn", lambda: asked.append("asked") or "full.name.example")
    with rsmtp.Catcher() as catcher:
        rsmtp.Message("x", from_="a@x.example", to="b@x.example").as_bytes()
        rsmtp.send(
            rsmtp.Message("x", from_="a@x.example", to="b@x.example"), host=catcher.host, port=catcher.port
        )
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            client.send_message(MIMEText("x"), "a@x.example", ["b@x.example"])
    assert not asked
    for make in (email.utils.make_msgid, rsmtp.email.utils.make_msgid):
        assert make().endswith("@full.name.example>")
    assert asked == ["asked", "asked"]


def test_a_message_without_a_sender_has_an_identifier():
    with rsmtp.Catcher() as catcher, smtplib.SMTP(catcher.host, catcher.port) as client:
        client.send_message(rsmtp.Message("x"), "a@x.example", ["b@x.example"])
        assert "invalid" not in read(catcher.messages[0].data)["Message-ID"]


# -- addresses


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "koi8-r"])
@pytest.mark.parametrize("length", [10, 60, 100, 400])
def test_a_long_name_takes_several_encoded_words(charset, length):
    name = ("Я" if charset == "koi8-r" else "ü") * length
    written = rsmtp.email.utils.formataddr((name, "a@b.example"), charset)
    assert max(map(len, written.split())) <= 75
    assert str(email.header.make_header(email.header.decode_header(written))) == f"{name} <a@b.example>"
    if length == 10:
        assert written == email.utils.formataddr((name, "a@b.example"), charset)


def test_an_international_domain_has_a_form_for_every_server():
    assert rsmtp.email.utils.formataddr(("Jo", "jo@bücher.example")) == "Jo <jo@xn--bcher-kva.example>"
    assert rsmtp.email.utils.formataddr(("", "jo@bücher.example")) == "jo@xn--bcher-kva.example"
    for address in ("jörg@b.example", "jörg@bücher.example", "ü"):
        with pytest.raises(UnicodeEncodeError):
            rsmtp.email.utils.formataddr(("Jo", address))


@pytest.mark.parametrize("name", ["From", "To", "Cc", "Reply-To", "Sender", "Resent-To"])
@pytest.mark.parametrize(
    ("value", "specs"),
    [
        ("Jörg <j@x.example>", ["j@x.example"]),
        ('"Jörg, der Alte" <j@x.example>, k@x.example', ["j@x.example", "k@x.example"]),
        ("Jörg <j@bücher.example>", ["j@xn--bcher-kva.example"]),
        ("Я" * 80 + " <j@x.example>", ["j@x.example"]),
    ],
)
def test_an_address_stays_outside_of_the_encoded_word(name, value, specs):
    for make in (lambda: MIMEText("x"), MIMEMultipart, rsmtp.email.message.Message):
        message = make()
        message[name] = value
        for octets in (message.as_bytes(), message.as_string().encode("ascii")):
            assert [address.addr_spec for address in read(octets)[name].addresses] == specs


def test_text_of_a_given_width_is_that_of_the_standard_library():
    ours, theirs = rsmtp.email.message.Message(), email.message.Message()
    for message in (ours, theirs):
        message["Reply-To"] = "Jörg <j@x.example>"
    assert ours.as_string(maxheaderlen=78) == theirs.as_string(maxheaderlen=78)


def test_what_has_no_such_form_is_written_as_before():
    for value in ("jörg@x.example", "Jörg <j@[", "nur ein Wört"):
        ours, theirs = MIMEText("x"), email.mime.text.MIMEText("x")
        ours["To"] = theirs["To"] = value
        assert ours.as_bytes() == theirs.as_bytes()


# -- bodies


@pytest.mark.parametrize("chunking", [True, False])
def test_no_line_is_longer_than_smtp_carries(chunking):
    parts = MIMEMultipart()
    parts.attach(MIMEText("<p>" + "y" * 5000, "html"))
    named = MIMEApplication(b"x")
    named.add_header("Content-Disposition", "attachment", filename="漢" * 250)
    theirs = email.mime.text.MIMEText("x" * 2000 + "\nshort\n")
    with (
        rsmtp.Catcher() as catcher,
        rsmtp.SmtpClient(catcher.host, catcher.port, chunking=chunking) as client,
    ):
        for message in (MIMEText("x" * 2000 + "\nshort\n"), theirs, parts, named):
            client.send_message(message, "a@x.example", ["b@x.example"])
            octets = catcher.messages[-1].data
            assert max(map(len, octets.splitlines())) <= 998
            for sent, got in zip(message.walk(), read(octets).walk(), strict=True):
                assert (sent.get_payload(decode=True) or b"").split() == (
                    got.get_payload(decode=True) or b""
                ).split()
                assert sent.get_filename() == got.get_filename()


EML = {
    "8bit": b"From: a@x.example\nSubject: s\nContent-Type: text/plain; charset=utf-8\n"
    b"Content-Transfer-Encoding: 8bit\n\ncaf\xc3\xa9\n",
    "8bit without a charset": b"From: a@x.example\nSubject: s\n\ncaf\xe9\n",
    "long": b"From: a@x.example\nSubject: s\n\n" + b"x" * 3000 + b"\n",
    "plain": b"From: a@x.example\nSubject:  s\nTo: \n b@x.example\n\nhello\n",
}


@pytest.mark.parametrize("octets", EML.values(), ids=EML)
def test_an_attached_message_is_one(tmp_path, octets):
    path = Path(tmp_path, "m.eml")
    path.write_bytes(octets)
    made = [rsmtp.Message("t", attachments=[path]), rsmtp.Message("t", attachments=[("m.eml", octets)])]
    for give in (
        lambda message: message.add_attachment(octets, "message", "rfc822", filename="m.eml"),
        lambda message: message.add_attachment(path),
        lambda message: message.add_attachment(path, "message", "rfc822"),
    ):
        made.append(EmailMessage())
        made[-1].set_content("t")
        give(made[-1])
    for message in made:
        attached = list(read(message.as_bytes()).iter_parts())[1]
        assert attached.get_content_type() == "message/rfc822"
        assert attached["Content-Transfer-Encoding"] in ("7bit", "8bit")
        assert attached.get_filename() == "m.eml"
        inner = attached.get_payload(0)
        assert inner["subject"].strip() == "s"
        expected = octets.partition(b"\n\n")[2]
        assert inner.get_payload(decode=True).replace(b"\r\n", b"\n") == expected
        if len(expected) < 900:
            assert octets.rstrip() in message.as_bytes()


def test_parts_of_other_classes_are_looked_through():
    for text in (MIMEText, email.mime.text.MIMEText):
        message = EmailMessage()
        message.make_mixed()
        related = MIMEMultipart("related")
        related.attach(text("<p>", "html"))
        related.attach(MIMEApplication(b"picture"))
        named = MIMEApplication(b"x")
        named.add_header("Content-Disposition", "attachment", filename="f")
        for part in (text("body"), related, named, text("second")):
            message.attach(part)
        assert [part.get_payload() for part in message.iter_attachments()][1:] == ["second"]
        assert message.get_body(("plain",)).get_payload() == "body"
        assert message.get_body(("html",)).get_payload() == "<p>"
        assert message.get_body(("related",)) is related


@pytest.mark.parametrize("width", [None, 0, 2, 20, 1000])
@pytest.mark.parametrize("base", ["default", "SMTP", "HTTP"])
@pytest.mark.parametrize("text", ["ü" * 300 + "\n", "x" * 2000 + "\n", "short\n"])
def test_lines_of_any_width(width, base, text):
    policy = getattr(rsmtp.email.policy, base).clone(max_line_length=width)
    for cte in (None, "base64", "quoted-printable"):
        if width == 2 and cte != "base64":
            continue  # nothing is said in two columns
        message = EmailMessage(policy=policy)
        message.set_content(text, cte=cte)
        message.add_attachment(b"\x00" * 100, "application", "x")
        octets = message.as_bytes(policy=rsmtp.email.policy.default)
        assert max(map(len, octets.splitlines())) <= max(998, width or 0)
        first, second = read(octets).iter_parts()
        assert first.get_content().splitlines() == text.splitlines()
        assert second.get_content() == b"\x00" * 100


# -- what is broken is still shown


@pytest.mark.parametrize("charset", ["x-unknown", "shift_jis", ""])
@pytest.mark.parametrize("policy", ["compat32", "default"])
def test_a_body_that_can_not_be_read_is_shown(charset, policy):
    source = f'Content-Type: text/plain; charset="{charset}"\nContent-Transfer-Encoding: 8bit\n\ncaf\udce9\n'
    octets = source.encode("ascii", "surrogateescape")
    message = rsmtp.email.message_from_bytes(octets, policy=getattr(rsmtp.email.policy, policy))
    assert str(message).endswith("\n\ncaf\ufffd\n")
    assert message.as_bytes() == octets
    multipart = MIMEMultipart()
    multipart.attach(message)
    assert "caf\ufffd" in str(multipart)
    assert octets in multipart.as_bytes()


@pytest.mark.parametrize(
    "encoding", ["base64 (of all)", "(c) Base64", "\n base64", "=?utf-8?q?base64?=", " quoted-printable (c)"]
)
def test_a_transfer_encoding_is_read_as_it_is_meant(encoding):
    source = f"Content-Transfer-Encoding: {encoding}\n\naGk=\n"
    message = rsmtp.email.message_from_string(source, policy=rsmtp.email.policy.default)
    if "=?" not in encoding:
        assert message.get_payload(decode=True).strip() == (b"aGk" if "quoted" in encoding else b"hi")
    else:
        message.get_payload(decode=True)


@pytest.mark.parametrize(
    "value", ["a@[", "a@[1.2.3.4", "a@[b, c@d.example", '"', "<", "<a@[", "[", "(", ")", "a@b ("]
)
@pytest.mark.parametrize(
    "name", ["To", "From", "Sender", "Message-ID", "Content-Type", "Content-Disposition", "Date"]
)
def test_broken_values_raise_nothing_of_the_parser(name, value):
    for make in (EmailMessage, lambda: MIMEText("x")):
        message = make()
        del message[name]
        message[name] = value
        message.replace_header(name, value)
        message.add_header("X-" + name, value, filename=value)
        if name == "Content-Type":
            message.set_param("name", value)
        for field in (name, "X-" + name):
            assert isinstance(str(message[field]), str)
        for attribute in ("addresses", "groups", "params", "defects"):
            getattr(message[name], attribute, None)
        again = rsmtp.email.message_from_bytes(message.as_bytes(), policy=rsmtp.email.policy.default)
        assert (
            isinstance(str(again[name]), str)
            and str(again)
            and again.as_bytes(policy=rsmtp.email.policy.SMTP)
        )


@pytest.mark.parametrize("value", ["<a@b> <c@d>", "<a> <b>", "<a@b>x", "<a@b>,<c@d>", "<a b@c>", "a b"])
def test_what_stands_behind_an_identifier_is_written(value):
    """It is read as the standard library reads it, but the standard library drops the rest when
    it writes."""
    ours, theirs = rsmtp.email.message.EmailMessage(), email.message.EmailMessage()
    for message in (ours, theirs):
        message["Message-ID"] = value
    assert str(ours["Message-ID"]) == str(theirs["Message-ID"])
    defects = [type(defect).__name__ for defect in theirs["Message-ID"].defects]
    assert [type(defect).__name__ for defect in ours["Message-ID"].defects] == defects != []
    assert ours.as_bytes() == f"Message-ID: {value}\n\n".encode()
    source = f"Message-ID: {value}\n\n".encode()
    assert email.message_from_bytes(source, policy=email.policy.default).as_bytes() == source
    assert rsmtp.email.message_from_bytes(source, policy=rsmtp.email.policy.default).as_bytes() == source
