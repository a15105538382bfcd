"""`Mailer(dkim=...)`, `AsyncMailer` and `rsmtp.send` sign last, with the right key, and never
change the message afterwards."""

import asyncio
import os
import threading
import time

import pytest

import rsmtp
from rsmtp._aio.sending import AsyncSending

from .verifiers import assert_verifies, private_key, results, signature


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def letter(number=0, text="Grüße", **fields):
    given = {"subject": f"number {number}", "from_": "ann@example.com", "to": "bob@example.org"} | fields
    return rsmtp.Message(text, **given)


def caught(catcher, count=1):
    return [bytes(each.data) for each in catcher.wait_for(count, 20)]


def test_one_and_many_are_signed(either_mailer, catcher):
    dkim = signature()
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=dkim) as mailer:
        assert mailer.send(letter()).ok
        assert mailer.send_all(letter(number) for number in range(1, 50)).ok
    for octets in caught(catcher, 50):
        assert_verifies(octets, dkim)


def test_messages_keep_their_order(either_mailer, catcher):
    """Messages keep their order even if the first ones take longer to be signed."""
    key = private_key(2048)

    def slow(octets):
        time.sleep(0.05 if b"number 0" in octets or b"number 3" in octets else 0)
        return b"signature"

    dkim = rsmtp.Dkim("example.com", "s", slow)
    assert key
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=dkim) as mailer:
        assert mailer.send_all([letter(number) for number in range(20)]).ok
    numbers = [octets.partition(b"Subject: number ")[2].split(b"\r\n")[0] for octets in caught(catcher, 20)]
    assert numbers == [str(number).encode() for number in range(20)]


@pytest.mark.parametrize("chunking", [True, False])
def test_dots_and_long_lines_by_bdat_and_by_data(either_mailer, catcher, chunking):
    dkim = signature(canonicalization="simple/simple")
    text = ".\n..\n.x\n" + "long " * 400 + "\n" + "trailing \n\n\n"
    with rsmtp.Mailer(
        host="127.0.0.1", port=catcher.port, tls="none", dkim=dkim, chunking=chunking
    ) as mailer:
        assert mailer.send(letter(text=text)).ok
    assert_verifies(*caught(catcher), dkim)


@pytest.mark.parametrize("without", [["8BITMIME"], ["8BITMIME", "CHUNKING"], []])
def test_a_server_that_takes_7_bit_lines_gets_what_was_signed(either_mailer, without):
    dkim = signature()
    extensions = [
        name for name in ("8BITMIME", "CHUNKING", "PIPELINING", "SIZE", "SMTPUTF8") if name not in without
    ]
    message = rsmtp.email.message_from_bytes(
        b"From: ann@example.com\nTo: bob@example.org\nMIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9fe\n"
    )
    with rsmtp.Catcher(tls="none", extensions=extensions) as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=dkim) as mailer:
            assert mailer.send(message).ok
        assert_verifies(*caught(catcher), dkim)


def test_a_signed_message_is_never_re_encoded(either_mailer):
    """The message is refused instead, with a reason."""
    given = b"From: ann@example.com\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n"
    dkim = signature(seven_bit=False)
    message = rsmtp.email.message_from_bytes(
        b"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
        + given
    )
    with rsmtp.Catcher(tls="none", extensions=["PIPELINING"]) as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=dkim, retries=0) as mailer:
            for data in (given, message):
                with pytest.raises(rsmtp.SMTPNotSupportedError, match="8BITMIME"):
                    mailer.send(("ann@example.com", "bob@example.org", data))
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", retries=0) as mailer:
            signed = message.sign(dkim)
            with pytest.raises(rsmtp.SMTPNotSupportedError, match="8BITMIME"):
                mailer.send(("ann@example.com", "bob@example.org", signed))
        assert catcher.messages == []


def test_it_is_signed_after_everything_else(either_mailer, catcher):
    dkim = signature()

    def stamp(message):
        message["X-Campaign"] = "summer"
        message.replace_header("Subject", "changed")

    with rsmtp.Mailer(
        host="127.0.0.1",
        port=catcher.port,
        tls="none",
        dkim=dkim,
        before_send=stamp,
        redirect="test@example.com",
    ) as mailer:
        assert mailer.send(letter(bcc="eve@example.org")).sent == ["test@example.com"]
        assert mailer.send_all([letter()]).sent == 1
    for octets in caught(catcher, 2):
        assert_verifies(octets, dkim)
        assert b"Subject: changed\r\n" in octets and b"Bcc" not in octets


def test_keys_by_the_domain_of_from(either_mailer, catcher):
    com, org = signature(), signature("ed25519", domain="example.org")
    choice = {
        "example.com": com,
        "Example.ORG": [org, signature(domain="example.org")],
        "internal.example": None,
    }
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=choice) as mailer:
        for sender in (
            "ann@example.com",
            "Ann <ann@news.example.com>",
            "ann@example.org",
            "a@internal.example",
        ):
            assert mailer.send(letter(from_=sender)).ok
        with pytest.raises(ValueError, match="no key for that domain") as raised:
            mailer.send(letter(from_="ann@example.net"))
        assert "example.net" in str(raised.value)
        report = mailer.send_all([letter(from_="ann@example.net"), letter()])
        assert (report.sent, report.not_sent) == (1, 1)
        assert "no key for that domain" in str(report.receipts[0].error)
    one, below, two, none, last = caught(catcher, 5)
    assert_verifies(one, com)
    assert_verifies(below, com)
    assert len(results(two, org, choice["Example.ORG"][1])) == 2
    assert results(none, com) == []
    assert_verifies(last, com)


def test_any_other_domain(catcher):
    choice = {"example.com": signature(), "*": None}
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=choice) as mailer:
        assert mailer.send(letter(from_="ann@example.net")).ok
        assert mailer.send(letter(from_="ann@example.com")).ok
        with pytest.raises(ValueError, match="From is no address"):
            mailer.send(("a@example.com", "b@example.org", b"From: nonsense <\r\n\r\nx"))
    plain, signed = caught(catcher, 2)
    assert b"DKIM" not in plain
    assert_verifies(signed, signature())


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ("example.com", TypeError, "dkim: a Dkim"),
        (b"x", TypeError, "dkim: a Dkim"),
        (5, TypeError, "dkim: a Dkim"),
        ([], ValueError, "dkim: the list is empty"),
        ({}, ValueError, "dkim: there is no domain"),
        (["x"], TypeError, "dkim: each of them is a Dkim"),
        ({"ann@example.com": None}, ValueError, "dkim: .* is not the domain"),
        ({5: None}, TypeError, "dkim: "),
        ({"example.com": "x"}, TypeError, "dkim: "),
    ],
)
def test_what_is_no_signature_is_told_when_it_is_configured(either_mailer, given, error, words):
    with pytest.raises(error, match=words):
        rsmtp.Mailer("null:", dkim=given)
    with pytest.raises(error, match=words):
        letter().sign(given)


def test_octets_and_messages_without_from(either_mailer, catcher):
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=signature()) as mailer:
        assert mailer.send(("a@example.com", "b@example.org", b"From: a@example.com\n\nbare\rends\n")).ok
        with pytest.raises(ValueError, match="dkim: the message can't be signed: it has no From"):
            mailer.send(("a@example.com", "b@example.org", b"Subject: x\r\n\r\n"))
        report = mailer.send_all([("a@example.com", "b@example.org", b"Subject: x\r\n\r\n"), letter()])
        assert (report.sent, report.not_sent) == (1, 1)
    for octets in caught(catcher, 2):
        assert_verifies(octets, signature())


def test_a_message_that_is_signed_already_is_left_alone(either_mailer, catcher):
    dkim = signature()
    signed = bytes(letter().sign(dkim))
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=[dkim]) as mailer:
        assert mailer.send(("a@example.com", "b@example.org", signed)).ok
    assert caught(catcher) == [signed]


def test_the_receipt_has_what_went_out(either_mailer, catcher):
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=signature()) as mailer:
        receipt = mailer.send(letter())
    assert [receipt.sent_bytes()] == caught(catcher)
    assert receipt.message_id in caught(catcher)[0].decode()


# -- keys that fail ----------------------------------------------------------------------------


def test_what_a_function_raises_stops_no_other_message(either_mailer, catcher):
    def sign(octets):
        if b"number 1\r" in octets:
            raise ConnectionError("the KMS is away")
        return b"signature"

    with rsmtp.Mailer(
        host="127.0.0.1", port=catcher.port, tls="none", dkim=rsmtp.Dkim("example.com", "s", sign)
    ) as mailer:
        report = mailer.send_all([letter(number) for number in range(3)])
        assert (report.sent, report.not_sent) == (2, 1)
        (receipt,) = [receipt for receipt in report.receipts if not receipt.ok]
        assert isinstance(receipt.error, ConnectionError)
        with pytest.raises(ConnectionError, match="the KMS is away"):
            mailer.send(letter(1))
        assert mailer.send(letter(2)).ok


def test_an_outbox_puts_off_what_can_not_be_signed_now(tmp_path, catcher):
    away = [True]

    def sign(octets):
        if away.pop():
            raise ConnectionError("the KMS is away")
        away.append(False)
        return b"signature"

    with (
        rsmtp.Outbox(tmp_path / "mail.db", first_retry=0.001) as outbox,
        rsmtp.Mailer(
            host="127.0.0.1", port=catcher.port, tls="none", dkim=rsmtp.Dkim("example.com", "s", sign)
        ) as mailer,
    ):
        number = outbox.put(letter()).id
        outbox.run(mailer)
        assert outbox.get(number).state == "queued"
        away[:] = [False]
        outbox.run(mailer)
        assert outbox.get(number).state == "sent"
    assert b"DKIM-Signature" in caught(catcher)[0]


def test_messages_of_an_outbox_are_signed_by_who_sends_them(tmp_path, either_mailer, catcher):
    dkim = signature()
    message = rsmtp.email.message_from_bytes(
        b"From: ann@example.com\nTo: bob@example.org\nMIME-Version: 1.0\n"
        b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9fe\n"
    )
    with rsmtp.Outbox(tmp_path / "mail.db") as outbox:
        outbox.put(message)
        outbox.put(("ann@example.com", "bob@example.org", letter().sign(dkim)))
        with rsmtp.Mailer(
            host="127.0.0.1", port=catcher.port, tls="none", dkim=dkim, outbox=outbox
        ) as mailer:
            if either_mailer == "Mailer":
                outbox.run(mailer)
            else:
                mailer._runner.run(outbox.run(mailer._mailer))
            assert mailer.send(letter(), key="once").ok
            assert mailer.send_all([letter(7)], outbox=outbox).ok
    for octets in caught(catcher, 4):
        assert_verifies(octets, dkim)
        assert octets.isascii()


# -- threads, loops and interrupts -------------------------------------------------------------


def test_a_call_that_is_left_ends_the_signing(catcher):
    """Messages that wait for their signature are reported as not sent."""
    gate = threading.Event()

    def sign(octets):
        gate.wait(10)
        return b"signature"

    with rsmtp.Mailer(
        host="127.0.0.1", port=catcher.port, tls="none", dkim=rsmtp.Dkim("example.com", "s", sign)
    ) as mailer:

        def letters():
            yield letter()
            yield letter()
            threading.Timer(0.3, gate.set).start()
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt) as raised:
            mailer.send_all(letters())
    report = raised.value.report
    assert report.sent + report.not_sent == 2


def test_a_key_that_hangs_holds_up_no_interrupt(either_mailer, catcher):
    gate = threading.Event()

    def sign(octets):
        gate.wait(30)
        return b"signature"

    with rsmtp.Mailer(
        host="127.0.0.1", port=catcher.port, tls="none", dkim=rsmtp.Dkim("example.com", "s", sign)
    ) as mailer:

        def letters():
            yield letter()
            yield letter()
            raise KeyboardInterrupt

        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            mailer.send_all(letters())
        assert time.monotonic() - begun < 10
    gate.set()


def test_an_event_loop_goes_on_while_messages_are_signed_and_does_not_look_for_them(catcher, monkeypatch):
    """Each signature takes as long as 40 turns of the loop."""
    turns = looks = signing = 0
    over = False
    stir = AsyncSending._stir

    def counted(self):
        nonlocal looks
        looks += 1
        stir(self)

    def sign(octets):
        nonlocal signing
        signing += 1
        end = turns + 40
        while turns < end and not over:
            time.sleep(0.001)
        return b"signature"

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0.003)
            turns += 1

    async def run():
        nonlocal over
        turning = asyncio.create_task(turn())
        async with rsmtp.AsyncMailer(
            host="127.0.0.1", port=catcher.port, tls="none", dkim=rsmtp.Dkim("example.com", "s", sign)
        ) as mailer:
            assert (await mailer.send(letter())).ok
            assert (await mailer.send_all([letter(), letter()])).sent == 2
            cancelled = asyncio.create_task(mailer.send(letter()))
            while signing < 4:
                await asyncio.sleep(0.001)
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
        over = True
        turning.cancel()

    monkeypatch.setattr(AsyncSending, "_stir", counted)
    asyncio.run(run())
    assert len(caught(catcher, 3)) == 3
    # There are a few turns for each message, and not a few for each turn of the loop.
    assert looks < 40, looks


def test_threads_share_a_mailer_and_a_forked_child_has_its_own(catcher):
    with rsmtp.Mailer(
        host="127.0.0.1", port=catcher.port, tls="none", connections=4, dkim=iter([signature()])
    ) as mailer:
        threads = [threading.Thread(target=mailer.send, args=(letter(number),)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = 0 if mailer.send_all([letter(8), letter(9)]).ok else 2
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
    for octets in caught(catcher, 10):
        assert_verifies(octets, signature())


def test_one_call_and_a_folder(tmp_path):
    dkim = signature()
    assert rsmtp.send(letter(), f"file://{tmp_path}", dkim=dkim).ok
    asyncio.run(rsmtp.asend(letter(), f"file://{tmp_path}", dkim=dkim))
    files = [path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".eml"]
    assert len(files) == 2
    for octets in files:
        assert_verifies(octets, dkim)


def test_clients_send_what_message_sign_gives(catcher):
    dkim = signature()
    with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        client.sendmail("a@example.com", "b@example.org", letter().sign(dkim))
        client.sendmail("a@example.com", "b@example.org", letter(text="x" * 10_000).sign(dkim))
    import smtplib

    with smtplib.SMTP("127.0.0.1", catcher.port) as client:
        client.sendmail("a@example.com", ["b@example.org"], bytes(letter().sign(dkim)))
    for octets in caught(catcher, 3):
        assert_verifies(octets, dkim)


def test_binary_octets_can_not_be_signed(either_mailer, catcher):
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=signature()) as mailer:
        with pytest.raises(ValueError, match="binary: this mailer signs"):
            mailer.send(letter(), envelope=rsmtp.Envelope(binary=True))
        assert mailer.send(letter(), envelope=rsmtp.Envelope(sender="bounces@example.com")).ok
    assert_verifies(*caught(catcher), signature())
