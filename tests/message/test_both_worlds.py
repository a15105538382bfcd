"""An application whose imports were changed beside a library whose imports were not, and the
other way round: each hands the other its own objects."""

from __future__ import annotations

import abc
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
import pickle

import pytest

import rsmtp
import rsmtp.email.charset
import rsmtp.email.header
import rsmtp.email.headerregistry
import rsmtp.email.message
import rsmtp.email.mime.text
import rsmtp.email.utils

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
        """Like Django's CachedDnsName, which every message of Django's gives."""

        def __str__(self) -> str:
            return "mail.a.example"

    for make in (email.utils.make_msgid, rsmtp.email.utils.make_msgid):
        assert make(domain=Lazy()).endswith("@mail.a.example>")  # type: ignore[operator]
