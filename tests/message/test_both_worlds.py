"""An application that imports rsmtp calls a library that imports the standard library, and the
other way round. Each accepts the other's objects."""

from __future__ import annotations

import abc
import asyncio
import email.charset
import email.header
import email.headerregistry
import email.message
import email.mime.application
import email.mime.audio
import email.mime.base
import email.mime.image
import email.mime.message
import email.mime.multipart
import email.mime.nonmultipart
import email.mime.text
import email.utils
import importlib
import operator
import pickle
import sys
from types import ModuleType

import pytest

import rsmtp
import rsmtp.email.charset
import rsmtp.email.header
import rsmtp.email.headerregistry
import rsmtp.email.message
import rsmtp.email.mime.text
import rsmtp.email.utils
import rsmtp.smtplib

CLASSES = {
    "email.message": ("Message", "MIMEPart", "EmailMessage"),
    "email.mime.base": ("MIMEBase",),
    "email.mime.nonmultipart": ("MIMENonMultipart",),
    "email.mime.multipart": ("MIMEMultipart",),
    "email.mime.text": ("MIMEText",),
    "email.mime.application": ("MIMEApplication",),
    "email.mime.audio": ("MIMEAudio",),
    "email.mime.image": ("MIMEImage",),
    "email.mime.message": ("MIMEMessage",),
    "email.header": ("Header",),
    "email.charset": ("Charset",),
    "email.headerregistry": ("Address", "Group"),
}
PAIRS = [
    pytest.param(
        getattr(importlib.import_module(module), name),
        getattr(importlib.import_module(f"rsmtp.{module}"), name),
        id=f"{module}.{name}",
    )
    for module, names in CLASSES.items()
    for name in names
]


@pytest.mark.parametrize(("standard", "ours"), PAIRS)
def test_each_class_takes_the_instances_of_the_other(standard: type, ours: type) -> None:
    theirs, mine = standard.__new__(standard), ours.__new__(ours)
    assert isinstance(theirs, ours)
    assert issubclass(standard, ours)
    if standard not in (email.headerregistry.Address, email.headerregistry.Group):
        assert isinstance(mine, standard)  # these two are asked for what they have (`addresses`)
    assert not isinstance("text", ours)


def test_a_class_takes_no_instances_of_its_neighbours() -> None:
    plain = email.message.Message()
    assert not isinstance(plain, rsmtp.email.message.EmailMessage)
    assert not isinstance(plain, rsmtp.email.mime.text.MIMEText)
    assert isinstance(email.mime.text.MIMEText("hi"), rsmtp.email.message.Message)


def test_a_subclass_of_the_callers_takes_its_own_instances_alone() -> None:
    class Mine(rsmtp.email.message.EmailMessage, abc.ABC):
        pass

    assert isinstance(Mine(), rsmtp.email.message.EmailMessage)
    assert not isinstance(rsmtp.email.message.EmailMessage(), Mine)
    assert not isinstance(email.message.EmailMessage(), Mine)


def test_rsmtp_message_is_no_mirror() -> None:
    assert not isinstance(email.message.EmailMessage(), rsmtp.Message)


def test_a_charset_and_a_header_are_taken_by_the_standard_library() -> None:
    charset = rsmtp.email.charset.Charset("utf-8")
    charset.body_encoding = rsmtp.email.charset.QP
    part = email.mime.text.MIMEText("hé", "plain", charset)  # type: ignore[arg-type]
    assert part.get_payload() == "h=C3=A9"
    header = email.header.Header("hé", charset)  # type: ignore[arg-type]
    part["Subject"] = header
    assert b"Subject: =?utf-8?" in part.as_bytes()
    other = rsmtp.email.header.Header("hé", email.charset.Charset("utf-8"))
    assert other == email.header.Header("hé", "utf-8")
    assert str(email.header.make_header([("hé", "utf-8"), ("x", None)])) == str(
        rsmtp.email.header.make_header([("hé", "utf-8"), ("x", None)])
    )


def test_addresses_are_taken_by_both() -> None:
    theirs, ours = email.message.EmailMessage(), rsmtp.email.message.EmailMessage()
    theirs["To"] = [rsmtp.email.headerregistry.Address("Ann", "ann", "x.example")]
    ours["To"] = [email.headerregistry.Address("Ann", "ann", "x.example")]
    theirs["Cc"] = rsmtp.email.headerregistry.Group(
        "friends", [rsmtp.email.headerregistry.Address(addr_spec="b@x.example")]
    )
    ours["Cc"] = email.headerregistry.Group(
        "friends", [email.headerregistry.Address(addr_spec="b@x.example")]
    )
    assert ours.as_bytes() == theirs.as_bytes()
    assert ours["To"].addresses == theirs["To"].addresses
    assert theirs["To"].addresses == ours["To"].addresses
    assert pickle.loads(pickle.dumps(ours["To"].addresses)) == ours["To"].addresses


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\r\nBcc: b@x.example", "Name\n <a@x.example>"])
@pytest.mark.parametrize("name", ["To", "Subject", "X-Other"])
def test_a_value_with_a_line_end_is_refused_in_the_standard_librarys_words(name: str, value: str) -> None:
    with pytest.raises(ValueError) as theirs:
        email.message.EmailMessage()[name] = value
    with pytest.raises(ValueError) as ours:
        rsmtp.email.message.EmailMessage()[name] = value
    assert str(ours.value) == str(theirs.value)
    assert name in ours.value.__notes__[0]


def test_the_domain_of_an_identifier_is_any_object_that_is_shown() -> None:
    class Lazy:
        """Similar to Django's CachedDnsName, which is in every message of Django's."""

        def __str__(self) -> str:
            return "mail.a.example"

    for make in (email.utils.make_msgid, rsmtp.email.utils.make_msgid):
        assert make(domain=Lazy()).endswith("@mail.a.example>")  # type: ignore[operator]


NOTHING = [None, 0, [], b"", False]
TEXT_FIELDS = ["Subject", "X-Any", "Message-ID", "References", "Content-Type", "Content-Disposition"]
TEXT_FIELDS += ["Content-Transfer-Encoding", "MIME-Version", "Date"]


@pytest.mark.parametrize("name", TEXT_FIELDS)
@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
def test_nothing_is_an_empty_value_of_a_structured_field(name: str, nothing: object) -> None:
    """The case of `message["Subject"] = subject` without a subject."""
    made = []
    for package in (email, rsmtp.email):
        message = package.message.EmailMessage()
        message[name] = nothing
        made.append((str(message[name]), message.as_string().split(), message.as_bytes().split()))
    assert made[0] == made[1]


@pytest.mark.parametrize("name", ["Subject", "To", "Cc", "Bcc", "Reply-To", "X-Any"])
@pytest.mark.parametrize("kind", ["message.Message", "mime.text.MIMEText"])
def test_none_is_an_empty_value_under_compat32(name: str, kind: str) -> None:
    made = []
    for package in (email, rsmtp.email):
        message = operator.attrgetter(kind)(package)(*["text\n"] * kind.startswith("mime"))
        message["From"] = "a@b.example"
        message[name] = None
        made.append((message[name], message.as_string(), message.as_bytes(), str(message), message.items()))
    assert made[0] == made[1]


@pytest.mark.parametrize("name", ["Subject", "Cc", "Bcc", "Reply-To", "X-Any"])
@pytest.mark.parametrize("send", ["smtplib", "SmtpClient", "AsyncSmtpClient", "Mailer"])
def test_a_message_with_none_in_a_field_is_sent(name: str, send: str) -> None:
    for package in (email, rsmtp.email):
        message = package.mime.text.MIMEText("text\n")
        message["From"], message["To"] = "a@b.example", "c@d.example"
        message[name] = None
        with rsmtp.Catcher() as catcher:
            if send == "smtplib":
                with rsmtp.smtplib.SMTP(catcher.host, catcher.port) as server:
                    assert server.send_message(message) == {}
            elif send == "SmtpClient":
                with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
                    assert client.send_message(message) == {}
            elif send == "AsyncSmtpClient":

                async def main(message: object, catcher: rsmtp.Catcher) -> None:
                    async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
                        await client.send_message(message)  # type: ignore[arg-type]

                asyncio.run(main(message, catcher))
            else:
                with rsmtp.Mailer(host=catcher.host, port=catcher.port) as mailer:
                    assert mailer.send(message).sent
            (caught,) = catcher.messages
        assert caught.rcpt_tos == ["c@d.example"]
        if name != "Bcc":
            assert f"{name}: \r\n".encode() in caught.data


@pytest.mark.parametrize("package", [email, rsmtp.email])
def test_none_is_no_address(package: ModuleType) -> None:
    with rsmtp.Catcher() as catcher, rsmtp.smtplib.SMTP(catcher.host, catcher.port) as server:
        message = package.mime.text.MIMEText("text\n")
        message["Sender"], message["From"], message["To"] = None, "a@b.example", None
        with pytest.raises(rsmtp.smtplib.SMTPRecipientsRefused):
            server.send_message(message)
        message["Cc"] = "c@d.example"
        assert server.send_message(message) == {}
        (caught,) = catcher.messages
        assert (caught.mail_from, caught.rcpt_tos) == ("a@b.example", ["c@d.example"])
        message.replace_header("From", None)
        with pytest.raises(ValueError, match="no From field"):
            server.send_message(message)


@pytest.mark.parametrize(
    "first, second", [("Content-Type", "content-type"), ("CONTENT-TYPE", "Content-Type")]
)
def test_a_field_that_stands_twice_keeps_both_names_when_the_boundary_is_set(first, second):
    told = []
    for module in ("email.message", "rsmtp.email.message"):
        message = importlib.import_module(module).Message()
        message[first] = 'multipart/mixed; boundary="x"'
        message["Subject"] = "s"
        message[second] = "text/plain; charset=us-ascii"
        message.set_boundary("y")
        told.append(message.items())
    assert told[0] == told[1]


def test_how_a_charset_is_encoded_may_be_set_in_either_world(monkeypatch):
    quoted = email.charset.QP, email.charset.QP, "utf-8"
    for charset in (email.charset, rsmtp.email.charset):
        with monkeypatch.context() as changes:
            changes.setitem(charset.CHARSETS, "utf-8", quoted)
            for made in (
                ("é", "plain"),
                ("é", "plain", "utf-8"),
                ("é", "plain", rsmtp.email.charset.Charset("utf-8")),
            ):
                text = rsmtp.email.mime.text.MIMEText(*made)
                assert text["Content-Transfer-Encoding"] == "quoted-printable"
                assert text.get_payload() == "=C3=A9"
            assert rsmtp.email.header.Header("é", "utf-8").encode() == "=?utf-8?q?=C3=A9?="
        assert rsmtp.email.mime.text.MIMEText("é")["Content-Transfer-Encoding"] == "base64"


def test_another_thread_may_be_loading_the_charsets(monkeypatch):
    monkeypatch.setitem(sys.modules, "email.charset", type(sys)("email.charset"))
    assert rsmtp.email.mime.text.MIMEText("é")["Content-Transfer-Encoding"] == "base64"


@pytest.mark.parametrize("inner", [email.mime.base.MIMEBase, rsmtp.email.mime.base.MIMEBase])
@pytest.mark.parametrize(
    "outer", [email.mime.multipart.MIMEMultipart, rsmtp.email.mime.multipart.MIMEMultipart]
)
def test_a_class_that_says_itself_what_is_in_it(inner, outer):
    class Late(inner):
        def get_payload(self, i=None, decode=False):
            return b"late" if decode else "bGF0ZQ==\n"

        def raw_items(self):
            return [*super().raw_items(), ("X-Late", "yes")]

    part = Late("application", "zip")
    part["Content-Transfer-Encoding"] = "base64"
    part.set_payload("")
    message = outer()
    message.attach(part)
    message["From"], message["To"] = "a@example.org", "b@example.org"
    assert b"X-Late: yes\n\nbGF0ZQ==\n" in message.as_bytes()
    assert part.as_bytes().endswith(b"X-Late: yes\n\nbGF0ZQ==\n")
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.smtplib.SMTP(catcher.host, catcher.port) as client:
            client.send_message(message)
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:
            mailer.send(message)
        for received in catcher.wait_for(2, 5):
            (found,) = received.email.get_payload()
            assert (found["X-Late"], found.get_payload(decode=True)) == ("yes", b"late")


def test_a_message_read_and_kept_whose_class_says_what_is_in_it():
    class Counted(rsmtp.email.message.Message):
        def get_payload(self, i=None, decode=False):
            return super().get_payload(i, decode).replace("x", "y")

    read = rsmtp.email.message_from_string("Subject: s\n\nxx\n", _class=Counted)
    assert read.as_string() == "Subject: s\n\nyy\n"
    eight_bit = rsmtp.email.message_from_bytes(b"Subject: s\n\n\xff\n", _class=Counted)
    assert eight_bit.as_bytes() == b"Subject: s\n\n\xff\n"
