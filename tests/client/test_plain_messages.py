"""The engine reads a plain `rsmtp.Message` directly: its envelope, its missing fields and its
content. The result is the same as by the slower way through Python's attributes. A message that is
not plain takes the slower way."""

from __future__ import annotations

import email
import email.message
import email.policy
import io
from email.mime.text import MIMEText
from typing import Any

import pytest

import rsmtp
import rsmtp.email.message
from rsmtp._client import outgoing
from rsmtp._rsmtp import Request, _ready
from rsmtp.testing import SmtpServer

ANN, BOB = "Ann Example <ann@example.org>", "bob@example.org"
FIELDS: list[tuple[str, Any]] = [
    ("Date", "Tue, 01 Jul 2025 10:52:37 +0200"),
    ("Message-ID", "<1@example.org>"),
]


class Derived(rsmtp.Message):
    """A subclass takes the slower way, because its methods have to be called."""


def of(cls: Any, *fields: tuple[str, Any], text: str | None = "Hello.\n", **more: Any) -> Any:
    message = cls(text, **more) if text is not None else cls(**more)
    for name, value in (*FIELDS, *fields):
        message[name] = value
    return message


PLAIN: dict[str, tuple[tuple[tuple[str, Any], ...], dict[str, Any]]] = {
    "one recipient": ((("From", ANN), ("To", BOB)), {}),
    "names of fields in other letters": ((("FROM", ANN), ("to", BOB), ("cC", "c@example.org")), {}),
    "To, Bcc and Cc, in this order": (
        (("Cc", "c@example.org"), ("From", ANN), ("Bcc", "d@example.org, e@example.org"), ("To", BOB)),
        {},
    ),
    "Sender before From": ((("From", "a@example.org, b@example.org"), ("Sender", ANN), ("To", BOB)), {}),
    "several in From": ((("From", "a@example.org, b@example.org"), ("To", BOB)), {}),
    "a group": ((("From", ANN), ("To", "Friends: a@example.org, b@example.org;, c@example.org")), {}),
    "an empty group beside others": ((("From", ANN), ("To", "undisclosed-recipients:;"), ("Bcc", BOB)), {}),
    "a local mailbox": ((("From", "root"), ("To", ["postmaster", BOB])), {}),
    "names that are encoded": (
        (("From", "Jürgen Groß <j@example.org>"), ("To", BOB), ("Subject", "Grüße")),
        {},
    ),
    "a domain that is not ASCII": ((("From", "j@bücher.example"), ("To", "Ü <k@bücher.example>")), {}),
    "quoted, with comments": ((("From", '"a b"@example.org (A)'), ("To", '"B, C" <b@[127.0.0.1]>')), {}),
    "text in quoted-printable": ((("From", ANN), ("To", BOB)), {"text": "Grüße aus Köln\n" * 20}),
    "text in base64": ((("From", ANN), ("To", BOB)), {"text": "Привет, мир\n" * 500}),
    "several parts": (
        (("From", ANN), ("To", BOB)),
        {"html": "<p>Hello</p>", "attachments": {"a.txt": b"x" * 9000}},
    ),
    "no content": ((("From", ANN), ("To", BOB)), {"text": None}),
    "names in quotes, one of them not in ASCII": (
        (
            ("From", ANN),
            ("To", '"B, C" <b@example.org>, "Grün, D" <d@example.org> , Jörg E. <e@example.org>'),
        ),
        {},
    ),
    "many": ((("From", ANN), ("To", [(f"R {n}", f"r{n}@example.org") for n in range(300)])), {}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_it_comes_to_what_the_long_way_makes_of_it(name: str) -> None:
    fields, more = PLAIN[name]
    plain, other = of(rsmtp.Message, *fields, **more), of(Derived, *fields, **more)
    for message in (plain, other):
        for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
            part.set_boundary(f"b{number}")
    ready = _ready(plain)
    assert ready is not None
    assert _ready(other) is None
    expected = outgoing.prepare(other)
    assert (*ready[:2], bytes(ready[2]), ready[3]) == (*expected[:2], bytes(expected[2]), expected[3])
    assert type(ready[2]) is type(expected[2])
    assert Request.of_message(plain) is not None


@pytest.mark.parametrize(
    "fields",
    [
        (("From", ANN), ("To", "jürgen@example.org")),
        (("From", "jürgen@example.org"), ("To", BOB)),
        (("From", ANN), ("To", BOB), ("Resent-Date", FIELDS[0][1]), ("Resent-From", ANN), ("Resent-To", BOB)),
        (("From", ANN),),
        (("To", BOB),),
        (("From", ANN), ("To", "nobody:;")),
    ],
)
def test_what_is_not_plain_goes_the_long_way(fields: tuple[tuple[str, Any], ...]) -> None:
    message = of(rsmtp.Message, *fields)
    assert _ready(message) is None
    assert Request.of_message(message) is None


def test_no_other_object_is_taken_for_a_message() -> None:
    for item in (None, "x", ("a@example.org", BOB, b"x"), MIMEText("x"), email.message.EmailMessage()):
        assert _ready(item) is None
    assert _ready(rsmtp.email.message.EmailMessage()) is None


def test_what_is_wrong_is_said_as_ever() -> None:
    message = of(rsmtp.Message, ("From", ANN), ("To", BOB))
    message._headers = [("From", ANN), ("To", "Bob bob@example.org")]
    with pytest.raises(ValueError, match="To: .* is not an address or a list of them"):
        outgoing.prepare(message)
    message._headers = [("From", ANN), ("To", BOB), ("X", "a\r\nBcc: eve@example.org")]
    with pytest.raises(ValueError, match="X: can't contain the control character"):
        outgoing.prepare(message)


def test_an_address_that_was_read_goes_with_its_field() -> None:
    message = of(rsmtp.Message, ("From", ANN), ("To", BOB))

    def recipients() -> list[str]:
        ready = _ready(message)
        assert ready is not None
        return ready[1]

    assert recipients() == [BOB]
    message.replace_header("To", "Carol <carol@example.org>")
    assert recipients() == ["carol@example.org"]
    headers = message._headers
    headers[-1] = ("To", "dan@example.org")
    assert recipients() == ["dan@example.org"]
    del message["To"]
    message["Cc"] = "Eve <eve@example.org>"
    assert recipients() == ["eve@example.org"]


def test_a_text_that_was_looked_through_is_this_text_alone() -> None:
    message = of(rsmtp.Message, ("From", ANN), ("To", BOB), text="plain\n")
    for text in ("Grüße\n", "plain again\n", "x" * 2000, "\0"):
        message.set_payload(text)
        other = of(Derived, ("From", ANN), ("To", BOB), text="plain\n")
        other.set_payload(text)
        ready = _ready(message)
        assert ready is not None
        assert bytes(ready[2]) == bytes(outgoing.prepare(other)[2])
        assert bytes(ready[2]).isascii()
    # In a 7-bit character set the octets are plain, but not the text.
    japanese = of(rsmtp.Message, ("From", ANN), ("To", BOB), text="こんにちは\n", charset="iso-2022-jp")
    ready = _ready(japanese)
    assert ready is not None
    assert (
        email.message_from_bytes(bytes(ready[2]), policy=email.policy.default).get_content() == "こんにちは\n"
    )


def test_date_and_message_id_are_supplied_once() -> None:
    message = rsmtp.Message("x")
    message["From"], message["To"] = "Ann <ann@bücher.example>", BOB
    first = _ready(message)
    assert message["Message-ID"].endswith("@xn--bcher-kva.example>")
    assert message["Date"]
    assert first == _ready(message)
    message["Subject"] = "another"
    assert "Message-ID" not in message


def test_clients_and_mailers_send_both_alike() -> None:
    messages = [
        of(cls, ("From", ANN), ("To", BOB), ("Bcc", "d@example.org")) for cls in (rsmtp.Message, Derived)
    ]
    file = io.BytesIO(b"y" * 100_000)
    messages += [
        of(cls, ("From", ANN), ("To", BOB), attachments=[("f.bin", file)]) for cls in (rsmtp.Message, Derived)
    ]
    for message in messages[2:]:
        message.set_boundary("b")
    with SmtpServer() as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            for message in messages:
                assert client.send_message(message) == {}
        with rsmtp.Mailer(f"smtp://{server.host}:{server.port}?tls=none", connections=1) as mailer:
            assert mailer.send_all(messages).sent == 4
            assert mailer.send_all(message for message in messages).sent == 4
            for message in messages:
                assert mailer.send(message).ok
        caught = [(one.mail_from, one.rcpt_tos, one.data) for one in server.messages]
    assert len(caught) == 16
    for plain, other in zip(caught[::2], caught[1::2], strict=True):
        assert plain == other
    assert caught[:4] == caught[4:8] == caught[8:12] == caught[12:]


def test_an_overridden_sendmail_is_called() -> None:
    class Client(rsmtp.SmtpClient):
        def sendmail(self, *arguments: Any, **more: Any) -> Any:
            seen.append(arguments)
            return super().sendmail(*arguments, **more)

    seen: list[Any] = []
    with SmtpServer() as server, Client(server.host, server.port) as client:
        client.send_message(of(rsmtp.Message, ("From", ANN), ("To", BOB)))
    assert seen[0][:2] == ("ann@example.org", [BOB])
