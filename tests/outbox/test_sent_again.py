"""A stored message that goes out in another way than by its outbox alone: it is still one that was made
from a message, with its options."""

import asyncio
import email
import email.policy
import pickle
import time

import pytest

import rsmtp
import rsmtp.email
import rsmtp.email.policy
from rsmtp.outbox import Outbox

TEXT = "grüße"
EIGHT_BIT = (
    "From: ann@example.org\nTo: bob@example.net\nSubject: x\nMIME-Version: 1.0\n"
    f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{TEXT}\n"
).encode()
SIGNED = (
    "From: ann@example.org\nTo: bob@example.net\nSubject: grüße\n"
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=x; h=From; bh=YQ==; b=YQ==\n\nhi\n"
).encode()
# The options that a transaction has, beside its size.
OF_SIGNED = {"SMTPUTF8": None, "BODY": "8BITMIME"}


def send_all(which, catcher, messages, outbox=None):
    url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
    if which == "threads":
        with rsmtp.Mailer(url, retries=0, timeout=20) as mailer:
            return mailer.send_all(messages, outbox=outbox)

    async def sent():
        async with rsmtp.AsyncMailer(url, retries=0, timeout=20) as mailer:
            return await mailer.send_all(messages, outbox=outbox)

    return asyncio.run(sent())


def options_of(caught):
    return {name: value for name, value in caught.mail_parameters.items() if name != "SIZE"}


def given_up(which, message, path):
    """What the report of an outbox that has given this message up gives back, as another process reads it."""
    with (
        rsmtp.Catcher(tls="none") as busy,
        Outbox(path, give_up_after=0.001, first_retry=0.001) as outbox,
    ):
        busy.fault("RCPT", reply=(450, "4.2.1 busy"), times=9)
        send_all(which, busy, [message], outbox)
        time.sleep(0.01)
        report = send_all(which, busy, [message], outbox)
        assert outbox.status()["dead"] == 1
    again = pickle.loads(pickle.dumps(report)).to_retry
    assert again == report.to_retry and len(again) == 1
    return again


@pytest.mark.parametrize("which", ["threads", "loop"])
@pytest.mark.parametrize("envelope", [None, rsmtp.Envelope(dsn=rsmtp.Dsn(ret="headers"), if_offered=True)])
def test_what_was_given_up_can_be_re_encoded(which, envelope, tmp_path):
    message = email.message_from_bytes(EIGHT_BIT, policy=email.policy.default)
    again = given_up(which, message if envelope is None else (message, envelope), tmp_path / "short.db")
    for without in ([], ["8BITMIME", "SMTPUTF8"]):
        with rsmtp.Catcher(tls="none", without=without) as catcher:
            assert send_all(which, catcher, again).ok
            (caught,) = catcher.messages
        assert caught.data.isascii() == bool(without)
        body = email.message_from_bytes(caught.data, policy=email.policy.default).get_content()
        assert body.strip() == TEXT
        assert options_of(caught).get("RET") == (None if envelope is None else "HDRS")


@pytest.mark.parametrize("which", ["threads", "loop"])
def test_octets_that_were_given_stay_as_they_are(which, tmp_path):
    given = ("ann@example.org", ["bob@example.net"], EIGHT_BIT.replace(b"\n", b"\r\n"))
    again = given_up(which, given, tmp_path / "short.db")
    assert again == [given]
    with rsmtp.Catcher(tls="none", without=["8BITMIME"]) as catcher:
        assert "8BITMIME" in str(send_all(which, catcher, again).troubles[0].error)
        assert not catcher.messages


@pytest.mark.parametrize("which", ["threads", "loop"])
def test_signed_fields_in_utf8_are_sent_by_smtputf8(which, tmp_path):
    """RFC 6531 3.4. Given up by an outbox, or given back for one recipient of two."""
    message = rsmtp.email.message_from_bytes(SIGNED, policy=rsmtp.email.policy.SMTPUTF8)
    again = given_up(which, message, tmp_path / "short.db")
    message.replace_header("To", "bob@example.net, carol@example.net")
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("RCPT", reply=(450, "4.2.1 busy"), address="carol@example.net", times=1)
        again += send_all(which, catcher, [message]).to_retry
        assert send_all(which, catcher, again).ok
        assert [options_of(caught) for caught in catcher.messages] == [OF_SIGNED] * 3
        assert [caught.rcpt_tos for caught in catcher.messages[-1:]] == [["carol@example.net"]]
    with rsmtp.Catcher(tls="none", without=["SMTPUTF8"]) as catcher:
        assert send_all(which, catcher, again).not_sent == 2


def test_sendmail_of_such_a_message_too():
    message = rsmtp.email.message_from_bytes(SIGNED, policy=rsmtp.email.policy.SMTPUTF8)
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            client.sendmail("ann@example.org", ["bob@example.net"], message)
            client.sendmail("ann@example.org", ["bob@example.net"], message, ["smtputf8"])

        async def sent():
            async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
                await client.sendmail("ann@example.org", ["bob@example.net"], message)

        asyncio.run(sent())
        assert [options_of(caught) for caught in catcher.messages] == [OF_SIGNED] * 3


def narrowed(message):
    sender, recipients, data = message
    assert type(data) is bytes
    return sender, recipients[:1], data


def changed(message):
    sender, recipients, data = message
    return sender, recipients, b"X-Note: y\r\n" + data


@pytest.mark.parametrize(("hook", "arrives"), [(narrowed, True), (changed, False)])
def test_a_tuple_of_a_hook_keeps_what_the_outbox_knows(outbox, run, hook, arrives):
    """The delivery options, and whether the octets may be re-encoded: those of the hook may not."""
    message = email.message_from_bytes(EIGHT_BIT, policy=email.policy.default)
    asked = rsmtp.Envelope(recipients=["bob@example.net", "carol@example.net"], dsn=rsmtp.Dsn(ret="headers"))
    id = outbox.put(message, envelope=asked).id
    with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
        run(outbox, url=f"smtp://{catcher.host}:{catcher.port}?tls=none", before_send=hook)
        if arrives:
            (caught,) = catcher.messages
            assert options_of(caught) == {"RET": "HDRS"} and caught.data.isascii()
            assert caught.rcpt_tos == ["bob@example.net"]
        else:
            assert "8BITMIME" in outbox.get(id).error
