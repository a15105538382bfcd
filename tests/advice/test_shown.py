"""Advice is shown in receipts, in errors, on the command line, and in an outbox and its page."""

import json
import pickle
import subprocess
import sys

import pytest

import rsmtp
from inbox.tools import Api
from rsmtp.outbox import Outbox
from rsmtp.outbox_page import OutboxPage

SAID = (
    "5.7.26 This email has been blocked because the sender is unauthenticated.\n"
    "5.7.26 Gmail requires all senders to authenticate with either SPF or DKIM. x1 - gsmtp"
)
MEANS = "neither SPF nor DKIM passed"


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("RCPT", address="ann@gmail.com", reply=(550, SAID))
        catcher.fault("RCPT", address="odd@example.org", reply=(550, "go away"))
        yield catcher


@pytest.fixture
def url(catcher):
    return f"smtp://localhost:{catcher.port}?tls=none"


@pytest.fixture
def receipt(url):
    message = rsmtp.Message(
        "x",
        subject="Hello",
        from_="me@example.org",
        to=["ann@gmail.com", "odd@example.org", "bob@example.org"],
    )
    with rsmtp.Mailer(url, retries=0) as mailer:
        return mailer.send(message, check=False)


def test_a_receipt_has_it_for_what_is_known(receipt):
    known, odd, sent = receipt.recipients
    assert known.advice.name == "gmail-unauthenticated"
    assert known.advice.who == "Gmail"
    assert odd.advice is None
    assert sent.advice is None


def test_it_is_found_again_in_a_receipt_that_was_written_down(receipt):
    told = json.loads(json.dumps(receipt.to_dict()))
    assert "advice" not in told["recipients"][0]
    for again in (rsmtp.Receipt.from_dict(told), pickle.loads(pickle.dumps(receipt))):
        assert again.recipients[0].advice == receipt.recipients[0].advice
    one = rsmtp.Recipient.from_dict(receipt.recipients[0].to_dict())
    assert one.advice.name == "gmail-unauthenticated"


def test_the_server_tells_whose_words_they_are():
    told = {
        "index": 0, "from_addr": "me@example.org", "message_id": None, "attempts": 1, "error": None,
        "server": "gmail-smtp-in.l.google.com:25", "seconds": None,
        "recipients": [
            {"address": "ann@example.org", "fate": "refused", "stage": "rcpt", "code": 550,
             "text": "5.7.26 no", "transient": False}
        ],
    }  # fmt: skip
    assert rsmtp.Receipt.from_dict(told).recipients[0].advice.name == "gmail-unauthenticated"
    told["server"] = None
    assert rsmtp.Receipt.from_dict(told).recipients[0].advice.name == "not-authentic"


def test_a_notebook_and_a_terminal_show_it(receipt):
    shown = receipt._repr_mimebundle_()
    assert MEANS in shown["text/plain"]
    assert MEANS in shown["text/html"]
    assert "(https://support.google.com/a/answer/3726730)" in shown["text/html"]
    # The stored history has the server's own words.
    assert MEANS not in str(receipt)


def test_an_error_hints_at_it(url):
    with rsmtp.Mailer(url, retries=0) as mailer, pytest.raises(rsmtp.SMTPRecipientsRefused) as caught:
        mailer.send(rsmtp.Message("x", subject="Hello", from_="me@example.org", to="ann@gmail.com"))
    assert caught.value.hint.startswith(f"Gmail: {MEANS}")
    assert [note for note in caught.value.__notes__ if MEANS in note]


def test_an_error_about_the_message_hints_at_it(catcher, url):
    catcher.fault("end-of-data", reply=(554, "5.7.1 [HM08] Message rejected due to local policy."), times=1)
    with rsmtp.Mailer(url, retries=0) as mailer, pytest.raises(rsmtp.SMTPDataError) as caught:
        mailer.send(rsmtp.Message("x", subject="Hello", from_="me@example.org", to="ann@me.com"))
    assert caught.value.hint.startswith("iCloud: iCloud's filter refuses the message")


def rsmtp_command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "rsmtp", *map(str, arguments)], capture_output=True, text=True, timeout=50
    ).stdout


def test_rsmtp_send_prints_it(url):
    addresses = ("--from", "me@example.org", "--to", "ann@gmail.com", "--to", "odd@example.org")
    said = rsmtp_command("send", "--server", url, *addresses, "--text", "Hello")
    lines = said.splitlines()
    assert "ann@gmail.com" in lines[0]
    assert lines[1].strip().startswith(f"Gmail: {MEANS}")
    assert max(map(len, lines[1:4])) <= 96
    assert said.count(MEANS) == 1


def test_an_outbox_shows_it(tmp_path, url):
    path = tmp_path / "mail.db"
    letter = ("me@example.org", ["ann@gmail.com"], b"Subject: Hello\r\n\r\nHi\r\n")
    with Outbox(path) as outbox, rsmtp.Mailer(url, retries=0) as mailer:
        number = outbox.put(letter).id
        outbox.run(mailer)
        assert outbox.get(number).receipt.recipients[0].advice.who == "Gmail"
    for action in (("show", path, number), ("dead", path)):
        assert MEANS in rsmtp_command("outbox", *action)
    with OutboxPage(path) as page:
        (told,) = Api(page).get(f"/messages/{number}").json["recipients"]
    assert told["advice"]["name"] == "gmail-unauthenticated"
    assert told["advice"]["source"].startswith("https://")
