"""`rsmtp.Message`: what it accepts, refuses and writes."""

import copy
import email
import email.policy
import inspect
import pickle
import threading
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.mime.text import MIMEText

import pytest

import rsmtp
import rsmtp.email.message
import rsmtp.email.policy
from rsmtp._client import outgoing
from rsmtp.email.header import Header
from rsmtp.email.headerregistry import Address
from rsmtp.email.mime.text import MIMEText as MirroredText


def wire(message, *, utf8=False):
    return bytes(outgoing.render(message, utf8=utf8))


def sent(message):
    """The sent message, as the receiver's standard library reads it."""
    return email.message_from_bytes(wire(message), policy=email.policy.default)


def lines(text):
    """The lines on the wire, where all line ends are CRLF."""
    return text.rstrip("\r\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")


# -- making one


def test_text_and_fields():
    message = rsmtp.Message("Grüße\n")
    message["Subject"] = "Schöne Grüße"
    message["From"] = "Jürgen <j@x.example>"
    message["To"] = "a@x.example"
    got = sent(message)
    assert lines(got.get_content()) == ["Grüße"]
    assert got["Subject"] == "Schöne Grüße"
    assert got["From"].addresses[0].display_name == "Jürgen"
    assert got.get_content_charset() == "utf-8"


def test_keywords_cover_the_common_case(tmp_path):
    path = tmp_path / "Übersicht.txt"
    path.write_bytes(b"from disk")
    message = rsmtp.Message(
        "text",
        subject="Subject",
        from_=("Jürgen Groß", "j@x.example"),
        to=["a@x.example", ("Doe, J.", "d@x.example")],
        cc="c@x.example",
        reply_to=Address("R", "r", "x.example"),
        html="<b>html</b>",
        attachments=[path, ("ä.bin", b"\0\1"), ("b.png", b"png", "image/png")],
        headers={"X-Campaign": "one"},
    )
    got = sent(message)
    assert [a.addr_spec for a in got["To"].addresses] == ["a@x.example", "d@x.example"]
    assert got["To"].addresses[1].display_name == "Doe, J."
    assert got["Reply-To"].addresses[0].display_name == "R"
    assert got["X-Campaign"] == "one"
    assert got.get_body(("plain",)).get_content() == "text"
    assert got.get_body(("html",)).get_content() == "<b>html</b>"
    files = {part.get_filename(): part.get_content() for part in got.iter_attachments()}
    assert files == {"Übersicht.txt": "from disk", "ä.bin": b"\0\1", "b.png": b"png"}


def test_html_alone_is_one_part():
    message = rsmtp.Message(html="<p>x</p>")
    assert message.get_content_type() == "text/html"
    assert not message.is_multipart()


def test_attaching_to_a_text_keeps_it_as_the_first_part():
    message = rsmtp.Message("text")
    message["Subject"] = "s"
    message.attach(rsmtp.Message("more"))
    assert message.get_content_type() == "multipart/mixed"
    assert [part.get_payload() for part in message.get_payload()] == ["text", "more"]
    assert message["Subject"] == "s"


def test_a_whole_message_is_enclosed_and_a_part_is_attached():
    whole = rsmtp.Message("inner", subject="Inner")
    part = rsmtp.Message("part")
    message = rsmtp.Message("outer", attachments=[whole, part])
    kinds = [inner.get_content_type() for inner in message.get_payload()]
    assert kinds == ["text/plain", "message/rfc822", "text/plain"]
    assert sent(message).get_payload(1).get_payload(0)["Subject"] == "Inner"


def test_a_file_beside_html_is_no_alternative():
    message = rsmtp.Message("text", html="<p>html</p>", subject="s")
    part = rsmtp.Message("file")
    part.add_header("Content-Disposition", "attachment", filename="a.txt")
    message.attach(part)
    message.attach(rsmtp.Message("more"))
    assert message.get_content_type() == "multipart/mixed"
    kinds = [inner.get_content_type() for inner in message.get_payload()]
    assert kinds == ["multipart/alternative", "text/plain", "text/plain"]


def test_a_saved_message_is_not_in_base64():
    saved = b"Subject: inner\nTo: a@x.example\n\ntext\n"
    long = saved + b"long " * 500 + b"\n"
    files = [("mail.eml", saved), ("8bit.eml", saved + b"\xe4"), ("long.eml", long)]
    data = bytes(rsmtp.Message("x", attachments=files)._content_for_sending())
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(map(len, data.splitlines())) <= 998
    got = email.message_from_bytes(data, policy=email.policy.default)
    parts = got.get_payload()[1:]
    assert [part.get_content_type() for part in parts] == ["message/rfc822"] * 3
    assert [part["Content-Transfer-Encoding"] for part in parts] == ["7bit", "8bit", "7bit"]
    inner = [part.get_payload(0) for part in parts]
    assert [message["Subject"] for message in inner] == ["inner"] * 3
    bodies = [message.get_payload(decode=True).replace(b"\r\n", b"\n") for message in inner]
    assert bodies == [b"text\n", b"text\n\xe4", b"text\n" + b"long " * 500 + b"\n"]


def test_what_encloses_8_bit_content_says_so():
    """RFC 2045 6.4: without a Content-Transfer-Encoding it would say 7bit. A signed message stays 8-bit."""
    octets = b"DKIM-Signature: v=1\nSubject: inner\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9fe\n"
    signed = rsmtp.email.message_from_bytes(octets)
    forwarded = rsmtp.Message("see", subject="Fwd", attachments=[signed])
    message = rsmtp.Message("outer", attachments=[forwarded, rsmtp.Message("part")])
    for data in (wire(message), message.as_bytes()):
        assert octets in data.replace(b"\r\n", b"\n")
        parts = list(email.message_from_bytes(data).walk())
        said = [(part.get_content_type(), part["Content-Transfer-Encoding"]) for part in parts]
        assert said == [
            ("multipart/mixed", "8bit"),
            ("text/plain", "7bit"),
            ("message/rfc822", "8bit"),
            ("multipart/mixed", "8bit"),
            ("text/plain", "7bit"),
            ("message/rfc822", "8bit"),
            ("text/plain", "8bit"),
            ("text/plain", "7bit"),
        ]
    large = rsmtp.Message("x", attachments=[("a.bin", b"\0" * 20_000), signed, ("b.bin", b"\0" * 20_000)])
    [mixed, _, first, part, _, last] = sent(large).walk()
    assert first.get_content() == last.get_content() == b"\0" * 20_000
    assert (mixed["Content-Transfer-Encoding"], part["Content-Transfer-Encoding"]) == ("8bit", "8bit")


def test_a_saved_message_that_can_not_be_enclosed_is_a_file():
    saved = b"Subject: inner\nDKIM-Signature: v=1\n\n" + b"long " * 500 + b"\n"
    for octets in (saved, b"Subject: inner\n\n\0\n"):
        message = rsmtp.Message("x", attachments=[("mail.eml", octets)])
        part = email.message_from_bytes(wire(message)).get_payload(1)
        assert part.get_content_type() == "application/octet-stream"
        assert part.get_payload(decode=True) == octets


def test_a_signed_message_in_another_is_not_re_encoded():
    signed = (
        b"DKIM-Signature: v=1\nMIME-Version: 1.0\nSubject: x\nContent-Transfer-Encoding: 8bit\n\nna\xefve\n"
    )
    inner = rsmtp.email.message_from_bytes(signed, policy=rsmtp.email.policy.default)
    data = bytes(rsmtp.Message("x", attachments=[inner])._content_for_sending())
    assert signed.replace(b"\n", b"\r\n") in data


@pytest.mark.parametrize("kind", ["text", "text/", "a/b c", "te xt/plain", "text/plain\n"])
def test_types_that_are_none_are_refused(kind):
    with pytest.raises(ValueError, match="attachments"):
        rsmtp.Message("x", attachments=[("a", b"", kind)])


def test_text_given_as_a_file_has_a_charset():
    part = rsmtp.Message("x", attachments=[("a.txt", "ü")]).get_payload(1)
    assert part.get_content_charset() == "utf-8"
    assert part.get_payload(decode=True) == "ü".encode()


def test_parts_of_the_standard_library_are_taken():
    from email.mime.image import MIMEImage

    message = rsmtp.Message("text")
    message.attach(MIMEImage(b"data", "png"))
    assert sent(message).get_payload(1).get_content() == b"data"


# -- fields


@pytest.mark.parametrize("value", ["a\r\nBcc: b@x.example", "a\nb", "a\rb", "a\0b", "a\x1bb"])
@pytest.mark.parametrize("name", ["Subject", "To", "X-Other", "Content-Type"])
def test_control_characters_in_values_are_refused(name, value):
    message = rsmtp.Message("x")
    del message[name]
    with pytest.raises(ValueError, match=f"{name}.*control character"):
        message[name] = value
    assert name not in message


@pytest.mark.parametrize("name", ["Sub ject", "Subject:", "Sub\nject", "", "Grüße"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(ValueError, match="header field"):
        rsmtp.Message("x")[name] = "x"


@pytest.mark.parametrize(
    "argument",
    [
        {"subject": "a\nb"},
        {"to": "a@x.example\nBcc: b@x.example"},
        {"to": ["a@x.example", "b@x.example\n"]},
        {"from_": ("A\r\nB", "a@x.example")},
        {"attachments": [("a\nb.txt", b"")]},
        {"headers": {"X-A": "a\nb"}},
    ],
)
def test_control_characters_in_arguments_are_refused(argument):
    with pytest.raises(ValueError):
        rsmtp.Message("x", **argument)


def test_a_second_value_of_a_single_field_is_refused():
    message = rsmtp.Message("x", to="a@x.example")
    with pytest.raises(ValueError, match="at most one"):
        message["To"] = "b@x.example"
    message.replace_header("To", "b@x.example")
    assert message.get_all("to") == ["b@x.example"]
    message["Received"] = "one"
    message["Received"] = "two"
    assert message.get_all("Received") == ["one", "two"]


def test_values_of_other_kinds_become_text():
    import datetime

    message = rsmtp.Message("x")
    message["Subject"] = Header("Grüße", "utf-8")
    message["Date"] = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    assert message["Subject"] == "Grüße"
    assert message["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"


def test_none_is_no_value():
    with pytest.raises(TypeError):
        rsmtp.Message("x")["Subject"] = None


# -- addresses


def test_domains_become_a_labels_and_names_encoded_words():
    message = rsmtp.Message("x", to="Jürgen <j@bücher.example>, b@x.example")
    data = wire(message)
    assert data.isascii()
    assert b"<j@xn--bcher-kva.example>" in data
    assert not outgoing.envelope_of(message, "a@x.example", None).needs_smtputf8


def test_an_eight_bit_local_part_needs_smtputf8():
    message = rsmtp.Message("x", to="jürgen@bücher.example")
    assert outgoing.envelope_of(message, "a@x.example", None).needs_smtputf8
    with pytest.raises(ValueError, match="SMTPUTF8"):
        wire(message)
    assert "To: jürgen@bücher.example\r\n".encode() in wire(message, utf8=True)


def test_recipients_can_be_read_as_smtplib_reads_them():
    from rsmtp.email.utils import getaddresses

    message = rsmtp.Message("x", to=[("Doe, J.", "a@x.example"), "b@x.example"])
    assert [address for _, address in getaddresses(message.get_all("To"))] == [
        "a@x.example",
        "b@x.example",
    ]


# -- on the wire


def test_bcc_is_never_written():
    message = rsmtp.Message("x", to="a@x.example", bcc="secret@x.example")
    message["Resent-Bcc"] = "secret@x.example"
    assert message["Bcc"] == "secret@x.example"
    for data in (wire(message), message.as_bytes(), message.as_string().encode()):
        assert b"secret" not in data


def test_date_and_message_id_are_supplied_when_sending():
    message = rsmtp.Message("x", from_="a@bücher.example")
    got = sent(message)
    assert got["Date"].datetime is not None
    assert got["Message-ID"].endswith("@xn--bcher-kva.example>")
    # The supplied fields stay in the message until it is changed.
    assert (message["Date"], message["Message-ID"]) == (got["Date"], got["Message-ID"])
    message["Date"] = "Fri, 02 Jan 2026 03:04:05 +0000"
    message["Message-ID"] = "<mine@x.example>"
    got = sent(message)
    assert (got["Date"], got["Message-ID"]) == (message["Date"], "<mine@x.example>")


@pytest.mark.parametrize(
    "text",
    ["x" * 3000, "ü" * 3000, "a\0b", "a\rb", "From me\n.\n", "\x1b", "", "\n" * 5, "trailing  \n"],
)
def test_any_text_arrives(text):
    data = wire(rsmtp.Message(text))
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert b"\r" not in data.replace(b"\r\n", b"")
    got = email.message_from_bytes(data, policy=email.policy.default).get_content()
    assert lines(got) == lines(text)


def test_text_set_later_is_made_safe_too():
    message = rsmtp.Message("x")
    message.set_payload("ü" * 2000)
    got = sent(message)
    assert got.get_content().rstrip("\n") == "ü" * 2000


def test_other_charsets():
    message = rsmtp.Message("Grüße", charset="iso-8859-1")
    got = sent(message)
    assert got.get_content_charset() == "iso-8859-1"
    assert got.get_content().rstrip("\n") == "Grüße"
    with pytest.raises(UnicodeEncodeError):
        rsmtp.Message("Привет", charset="iso-8859-1")
    with pytest.raises(LookupError):
        rsmtp.Message("x", charset="no-such-charset")


def test_a_message_in_itself_is_refused():
    message = rsmtp.Message("x")
    message.attach(message)
    with pytest.raises(RecursionError):
        message.as_bytes()


def test_a_subject_that_is_too_long_for_a_line():
    subject = "x" * 3000
    data = wire(rsmtp.Message("t", subject=subject))
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert email.message_from_bytes(data, policy=email.policy.default)["Subject"] == subject


# -- copies


SAMPLES = [
    rsmtp.Message("text", subject="s", to="a@x.example"),
    rsmtp.Message("ü", html="<p>ü</p>", attachments=[("ä.bin", b"\0" * 5000)]),
    rsmtp.Message(attachments=[rsmtp.Message("x", subject="inner")]),
]


@pytest.mark.parametrize("message", SAMPLES)
@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), rsmtp.Message.from_stdlib],
)
def test_copies_are_equal(message, again):
    made = again(message)
    assert made == message
    assert made is not message
    made["X-More"] = "x"
    assert made != message
    assert "X-More" not in message


@pytest.mark.parametrize("message", SAMPLES)
def test_there_and_back(message):
    theirs = message.to_stdlib()
    assert isinstance(theirs, email.message.EmailMessage)
    assert theirs.get_content_type() == message.get_content_type()
    assert sent(rsmtp.Message.from_stdlib(theirs)).get_content_type() == theirs.get_content_type()


def test_messages_have_attributes_weak_references_and_hashes():
    import weakref

    message = rsmtp.Message("x")
    message.note = "mine"
    assert copy.copy(message).note == "mine"
    assert weakref.ref(message)() is message
    assert {message: 1}[message] == 1


def test_cycles_are_collected():
    import gc
    import weakref

    message = rsmtp.Message("x")
    message.attach(message)
    gone = weakref.ref(message)
    del message
    gc.collect()
    assert gone() is None


# -- subclasses and threads


def test_subclasses_have_constructors_of_their_own():
    class Invoice(rsmtp.Message):
        def __init__(self, number, *, customer):
            super().__init__(f"Invoice {number}", to=customer)
            self.number = number

    invoice = Invoice(7, customer="c@x.example")
    assert invoice["To"] == "c@x.example"
    assert "Invoice 7" in invoice.as_string()
    assert copy.copy(invoice).number == 7


def test_a_subclass_that_overrides_setitem_is_asked():
    from rsmtp.email.mime.text import MIMEText

    seen = []

    class Watching(MIMEText):
        def __setitem__(self, name, value):
            seen.append(name)
            super().__setitem__(name, value)

    Watching("x")
    assert seen == ["Content-Type", "MIME-Version", "Content-Transfer-Encoding"]


def test_threads_may_share_a_message():
    message = rsmtp.Message("text", attachments=[("a", b"x" * 100_000)])
    failures = []

    def work():
        try:
            for number in range(50):
                message["X-Number"] = str(number)
                message.as_bytes()
                message.keys()
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(message.get_all("X-Number")) == 200


def test_a_message_may_be_written_while_another_is():
    class Telling:
        def __str__(self):
            return "told"

        def encode(self, **options):
            return f"{len(inner.as_bytes())} {len(inner.as_string())}"

    inner, outer = MirroredText("x" * 3000), MirroredText("y")
    outer["X-Before"], outer["X-Length"], outer["X-After"] = "before", Telling(), "after"
    length = len(inner.as_bytes())
    for _ in range(3):
        head = outer.as_bytes().split(b"\n\n")[0]
        assert head.endswith(f"X-Before: before\nX-Length: {length} {length}\nX-After: after".encode())
        assert outer.as_string().encode() == outer.as_bytes()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sbuject", "subject"),
        ("sendr", "sender"),
        ("recipients", "to"),
        ("to_addrs", "to"),
        ("body", "text"),
        ("attachment", "attachments"),
        ("zzz", None),
    ],
)
def test_an_argument_of_another_name_is_told_by_ours(name, meant):
    with pytest.raises(TypeError) as raised:
        rsmtp.Message("text", **{name: "x"})
    end = f"; did you mean {meant!r}?" if meant else ""
    assert str(raised.value) == f"Message() got an unexpected keyword argument {name!r}{end}"


def test_every_argument_is_known():
    """The nearest spelling of a misspelt argument comes from the signature."""
    arguments = [name for name in inspect.signature(rsmtp.Message).parameters if name != "self"]
    given = dict.fromkeys(arguments) | {"subtype": "plain", "local": False}
    assert len(arguments) == 32
    assert str(rsmtp.Message(**given))
    with pytest.raises(TypeError, match=r"; did you mean 'local'\?"):
        rsmtp.Message(lokal=True)


def test_a_subclass_has_arguments_of_its_own():
    class Letter(rsmtp.Message):
        def __init__(self, sender):
            super().__init__("text", from_=sender)

    assert Letter(sender="ann@example.org")["From"] == "ann@example.org"
    with pytest.raises(TypeError, match="sendr"):
        Letter(sendr="ann@example.org")


@pytest.mark.parametrize("subject", ["=?utf-8?q?caf=C3=A9?=", "Re: =?iso-8859-1?b?Y2Fm6Q==?= again"])
def test_text_that_is_encoded_already_is_not_encoded_again(subject):
    """Both generations of the standard library take it so, and so does what is copied between messages."""
    shown = str(make_header(decode_header(subject)))
    theirs = EmailMessage()
    theirs["Subject"] = subject
    copied = rsmtp.Message("x", subject=email.message_from_string(f"Subject: {subject}\n\n")["Subject"])
    for message in (theirs, MIMEText("x"), rsmtp.Message("x", subject=subject), copied):
        if "Subject" not in message:
            message["Subject"] = subject
        read = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
        assert read["Subject"] == shown


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("subject", 'items: message\\["Subject"\\]'),
        ("to", 'message\\["To"\\]'),
        ("html", "rsmtp.Message\\(html="),
        ("body", "rsmtp.Message\\(text="),
        ("attachments", "add_attachment"),
    ],
)
def test_what_other_libraries_have_as_an_attribute_is_not_lost(name, words):
    message = rsmtp.Message("Hi", subject="Hello")
    with pytest.raises(AttributeError, match=f"^Message.{name}: .*{words}"):
        setattr(message, name, "x")
    assert not hasattr(message, name) and name not in vars(message)


def test_other_attributes_are_kept():
    class Letter(rsmtp.Message):
        pass

    letter, message = Letter("Hi"), rsmtp.Message("Hi")
    letter.subject = message.customer = 7
    assert (copy.copy(letter).subject, pickle.loads(pickle.dumps(message)).customer) == (7, 7)
    standard = EmailMessage()
    standard.subject = "Hello"
    assert rsmtp.Message.from_stdlib(standard)["Subject"] is None


class Slotted(rsmtp.email.message.EmailMessage):
    __slots__ = ("customer", "unset")


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_what_is_in_slots_is_copied(copied):
    message = Slotted()
    message["Subject"] = "x"
    message.customer, message.number = 7, 8
    other = copied(message)
    assert (other.customer, other.number, other["Subject"], hasattr(other, "unset")) == (7, 8, "x", False)
