"""Each address in a message gets its RCPT. Otherwise nothing is sent, and the error names the field
and the text. This holds for every client and mailer and for every kind of message."""

import asyncio
import email.message
import email.policy
from email.mime.text import MIMEText

import pytest

import rsmtp
import rsmtp.email.message
import rsmtp.email.mime.text
from rsmtp import smtplib

ODD = ["ok@b.example", "root@[10.0.0.5]", '"ticket[42]"@b.example']


def compat32(to):
    message = MIMEText("text")
    message["From"], message["To"] = "a@example.org", to
    return message


def standard(to):
    message = email.message.EmailMessage()
    message["From"], message["To"] = "a@example.org", to
    message.set_content("text")
    return message


def mirror32(to):
    message = rsmtp.email.mime.text.MIMEText("text")
    message["From"], message["To"] = "a@example.org", to
    return message


def mirror(to):
    message = rsmtp.email.message.EmailMessage()
    message["From"], message["To"] = "a@example.org", to
    message.set_content("text")
    return message


def own(to):
    return rsmtp.Message("text", from_="a@example.org", to=to)


def by_client(catcher, message):
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        client.send_message(message)


def by_mirror(catcher, message):
    with smtplib.SMTP("localhost", catcher.port) as client:
        client.send_message(message)


def by_mailer(catcher, message):
    with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
        mailer.send(message)


def by_async_client(catcher, message):
    async def send():
        async with rsmtp.AsyncSmtpClient("localhost", catcher.port) as client:
            await client.send_message(message)

    asyncio.run(send())


def by_async_mailer(catcher, message):
    async def send():
        async with rsmtp.AsyncMailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
            await mailer.send(message)

    asyncio.run(send())


every_way = pytest.mark.parametrize(
    "send", [by_client, by_mirror, by_mailer, by_async_client, by_async_mailer]
)
every_kind = pytest.mark.parametrize("build", [compat32, standard, mirror32, mirror, own])


@pytest.fixture(scope="module")
def server():
    with rsmtp.Catcher(tls="none") as server:
        yield server


@pytest.fixture
def catcher(server):
    server.clear()
    return server


@every_way
@every_kind
def test_address_literals_and_quoted_local_parts(catcher, send, build):
    send(catcher, build(", ".join(ODD)))
    assert catcher.wait_for(1, 5)[0].rcpt_tos == ODD


@every_kind
@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("a@b.example (Joe, Sr.)", ["a@b.example"]),
        ("alice@x.example <alice@x.example>", ["alice@x.example"]),
        ("a@b.example,, c@d.example, ", ["a@b.example", "c@d.example"]),
        ("J. Q. Public <jqp@x.example>", ["jqp@x.example"]),
        ("Mary <@relay.example:mary@x.example>", ["mary@x.example"]),
        ("Friends: a@b.example, c@[10.0.0.5];", ["a@b.example", "c@[10.0.0.5]"]),
        ("root", ["root"]),
    ],
)
def test_what_the_world_writes_is_understood(catcher, build, to, recipients):
    by_mailer(catcher, build(to))
    assert catcher.wait_for(1, 5)[0].rcpt_tos == recipients


@every_way
@every_kind
@pytest.mark.parametrize(
    "to",
    [
        "a@b.example; d@e.example",
        "X [Sales] <x@y.example>",
        "ok@b.example, Bob bob@x.example",
        "b@example.org <evil@example.net>",
    ],
)
def test_what_is_not_understood_goes_to_no_recipient(catcher, send, build, to):
    with pytest.raises(ValueError, match="(?i)^to: "):
        send(catcher, build(to))
    assert catcher.count == 0


@pytest.mark.parametrize("build", [compat32, standard, mirror32, mirror])
@pytest.mark.parametrize("send", [by_client, by_mailer, by_async_client, by_async_mailer])
def test_a_name_with_a_comma_is_no_recipient(catcher, send, build):
    with pytest.raises(ValueError, match=r"To: .* has no domain.*in quotes"):
        send(catcher, build("Smith, John <john@example.org>"))
    assert catcher.count == 0


def test_the_mirror_sends_where_smtplib_does(catcher):
    by_mirror(catcher, compat32("root, postmaster"))
    assert catcher.wait_for(1, 5)[0].rcpt_tos == ["root", "postmaster"]


def test_pairs_among_the_arguments(catcher):
    data = b"Subject: pairs\r\n\r\ntext\r\n"
    with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
        mailer.send(("a@example.org", [("attacker@evil.example", "support@example.org")], data))
        assert catcher.wait_for(1, 5)[0].rcpt_tos == ["support@example.org"]
        report = mailer.send_all(
            [
                (("A", "a@example.org"), [("B", "b@example.org"), "c@example.org"], data),
                ("a@example.org", ("b@example.org", "c@example.org", "d@example.org"), data),
            ]
        )
        sent, aside = sorted(report.receipts, key=lambda receipt: receipt.index)
        assert sent.sent == ["b@example.org", "c@example.org"] and sent.from_addr == "a@example.org"
        assert "to_addrs: a tuple is (name, address)" in str(aside.error)
    # smtplib takes a tuple for a sequence of addresses.
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        client.sendmail("a@example.org", ("b@example.org", "c@example.org"), data)
    assert catcher.wait_for(3, 5)[2].rcpt_tos == ["b@example.org", "c@example.org"]


AMBIGUOUS = "a@example.org", ("b@example.org", "c@example.org"), b"text\r\n"


def by_async(mailer):
    async def send():
        async with rsmtp.AsyncMailer("null:") as sender:
            await sender.send(AMBIGUOUS)

    asyncio.run(send())


@pytest.mark.parametrize(
    "send",
    [
        lambda mailer: mailer.send(AMBIGUOUS),
        lambda mailer: mailer.send_all([AMBIGUOUS]).raise_for_refused(),
        lambda mailer: rsmtp.Envelope(recipients=AMBIGUOUS[1]),
        by_async,
    ],
)
def test_two_addresses_in_a_tuple_are_no_pair(send, tmp_path):
    with rsmtp.Outbox(tmp_path / "outbox.db") as outbox, pytest.raises(ValueError, match="two addresses"):
        outbox.put(AMBIGUOUS)
    with rsmtp.Mailer("null:") as mailer:
        with pytest.raises(ValueError, match="can be two addresses, or a name and an address"):
            send(mailer)
        assert mailer.send(("a@example.org", ("b@example.org", "b@example.org"), b"text\r\n")).ok
        assert mailer.send(("a@example.org", ("b@ at home", "b@example.org"), b"text\r\n")).ok


def test_an_argument_with_a_comment_or_twice_the_same_address(catcher):
    given = ("a@example.org", ["b@example.org (Joe, Sr.)", "c@example.org <c@example.org>"], b"text\r\n")
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        client.sendmail(*given)
        with pytest.raises(ValueError, match="another address"):
            client.sendmail("a@example.org", ["b@example.org <evil@example.net>"], b"text\r\n")
    assert catcher.wait_for(1, 5)[0].rcpt_tos == ["b@example.org", "c@example.org"]
