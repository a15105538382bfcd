"""A Mailer's errors show the path of the conversation that led to them, as a client's errors do."""

import socket
import traceback

import pytest

import rsmtp
from rsmtp import errors

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")


def mailer_to(catcher, **settings):
    return rsmtp.Mailer(
        **{
            "host": catcher.host,
            "port": catcher.port,
            "tls": "none",
            "retries": 0,
            "keep_idle": 0,
            **settings,
        }
    )


def test_a_refused_recipient(catcher, either_mailer):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"))
    with pytest.raises(errors.SMTPRecipientsRefused) as raised:
        mailer_to(catcher).send(MESSAGE)
    error = raised.value
    assert error.path[:2] == ("connected", "greeted")
    assert "C: RCPT TO:<b@example.org>" in error.last_words
    assert "S: 550 5.1.1 no such user" in error.last_words
    assert "".join(traceback.format_exception(error)).count("stage: rcpt; path: connected -> greeted") == 1


def test_a_refused_login_shows_no_secret(either_mailer):
    secret = "correct horse"
    with rsmtp.Catcher(tls="none", password="right", require_auth=True) as catcher:
        with pytest.raises(errors.SMTPAuthenticationError) as raised:
            mailer_to(catcher, username="ann", password=secret).send(MESSAGE)
    error = raised.value
    assert error.last_words[0].startswith("C: AUTH ") and error.last_words[-1].startswith("S: 535")
    assert error.path[-1] in ("broken", "authenticating", "ready")
    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert "horse" not in shown and "Y29ycmVjdCBob3JzZQ" not in shown


def test_a_lost_connection(catcher, either_mailer):
    catcher.fault("end-of-data", disconnect="fin")
    with pytest.raises(errors.SMTPServerDisconnected) as raised:
        mailer_to(catcher).send(MESSAGE)
    assert raised.value.path[-1] == "broken"
    assert any(line.startswith("C: ") for line in raised.value.last_words)


def test_a_server_that_can_not_be_reached(either_mailer):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    mailer = rsmtp.Mailer(host="127.0.0.1", port=port, tls="none", retries=0)
    with pytest.raises(errors.SMTPConnectionRefused) as raised:
        mailer.send(MESSAGE)
    assert raised.value.path == () and "Nothing listens" in raised.value.hint


@pytest.mark.parametrize("verb", ["greeting", "EHLO"])
def test_a_server_that_does_not_let_us_in(catcher, either_mailer, verb):
    catcher.fault(verb, reply=(554, "not today"))
    if verb == "EHLO":
        catcher.fault("HELO", reply=(554, "not today"))  # what a client says then
    for send in (lambda: mailer_to(catcher).send(MESSAGE), lambda: mailer_to(catcher).send_all([MESSAGE])):
        with pytest.raises(errors.SMTPResponseException) as raised:
            send()
        assert "S: 554 not today" in raised.value.last_words


def test_of_many_each_refusal_tells_the_beginning_and_the_reply(catcher, either_mailer):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"))
    report = mailer_to(catcher).send_all([MESSAGE] * 3)
    for receipt in report.receipts:
        with pytest.raises(errors.SMTPRecipientsRefused) as raised:
            receipt.raise_for_refused()
        error = raised.value
        assert error.path[:3] == ("connected", "greeted", "ready")
        assert error.last_words == ("C: RCPT TO:<b@example.org>", "S: 550 5.1.1 no such user")


def test_two_errors_of_one_receipt_do_not_share_their_notes(catcher):
    catcher.fault("end-of-data", disconnect="fin")
    receipt = mailer_to(catcher).send(MESSAGE, check=False)
    first, second = receipt.error, receipt.error
    first.add_note("mine")
    assert "mine" not in second.__notes__
    assert len(second.__notes__) == len(set(second.__notes__))
