"""Exceptions show the stage, the server's reply and the path that led to the error."""

import pickle
import traceback

import pytest

import rsmtp


def refused(client):
    with pytest.raises(rsmtp.SMTPRecipientsRefused) as caught:
        client.sendmail("a@example.org", "bob@example.org", "Subject: x\n\ny\n")
    return caught.value


def test_a_traceback_ends_with_what_happened(secured):
    catcher, client = secured
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), times=1)
    told = "".join(traceback.format_exception(refused(client)))
    assert "stage: rcpt; path: connected -> greeted" in told
    assert "    C: RCPT TO:<bob@example.org>\n" in told
    assert "    S: 550 5.1.1 no such user\n" in told


def test_an_error_in_a_notebook(secured, read):
    catcher, client = secured
    catcher.fault("RCPT", reply=(550, "5.1.1 <b>no</b> such user\x1b[31m"), times=1)
    error = refused(client)
    shown = error._repr_mimebundle_()
    page = read(shown["text/html"])
    for fact in (
        "SMTPRecipientsRefused",
        "rcpt",
        "550",
        "bob@example.org",
        "not without a change",
        "<b>no</b>",
        "mail",
    ):
        assert fact in page.text
    assert "\x1b" not in shown["text/html"] + shown["text/plain"]
    assert not any("\x1b" in note for note in error.__notes__)


def test_a_refused_login_tells_its_mechanism(secured):
    _, client = secured
    with pytest.raises(rsmtp.SMTPAuthenticationError) as caught:
        client.login("ann", "wrong", mechanism="CRAM-MD5")
    first, *_, last = caught.value.last_words
    assert first == "C: AUTH CRAM-MD5" and last.startswith("S: 535")


def test_what_may_have_arrived_is_not_called_safe_to_repeat(secured, read):
    catcher, client = secured
    catcher.fault("end-of-data", disconnect="fin", times=1)
    with pytest.raises(rsmtp.SMTPServerDisconnected) as caught:
        client.sendmail("a@example.org", "bob@example.org", "Subject: x\n\ny\n")
    page = read(caught.value._repr_mimebundle_()["text/html"])
    assert "worth trying again it may arrive twice" in page.text
    assert "bob@example.org unknown" in page.text


def test_errors_of_every_origin_tell_the_path(secured):
    _, client = secured
    with pytest.raises(rsmtp.SMTPStateError) as misused:
        client.docmd("BDAT", "5")
    assert misused.value.path[-1] == "ready"
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("greeting", reply=(554, "not today"))
        with pytest.raises(rsmtp.SMTPConnectError) as rejected:
            rsmtp.SmtpClient("localhost", catcher.port)
        assert rejected.value.path == ("connected", "rejected")
        assert rejected.value.last_words[-1] == "S: 554 not today"


def test_a_lost_connection_tells_the_path(secured):
    catcher, client = secured
    catcher.fault("NOOP", disconnect="fin", reply=None, times=1)
    with pytest.raises(rsmtp.SMTPServerDisconnected) as caught:
        client.noop()
    assert caught.value.path[-2:] == ("ready", "broken")
    assert caught.value.last_words[0] == "C: NOOP"


def test_an_error_that_knows_no_conversation(read):
    error = rsmtp.SMTPServerDisconnected("please run connect() first")
    assert "please run connect() first" in read(error._repr_mimebundle_()["text/html"]).text
    assert error.path == () and not hasattr(error, "__notes__")


def test_what_an_error_tells_survives_pickling(secured):
    catcher, client = secured
    catcher.fault("RCPT", reply=(450, "later"), times=1)
    error = refused(client)
    again = pickle.loads(pickle.dumps(error))
    assert (again.path, again.last_words, again.__notes__) == (error.path, error.last_words, error.__notes__)


def test_a_long_path_is_shortened_in_the_note(secured):
    catcher, client = secured
    for _ in range(20):
        client.mail("a@example.org")
        client.rset()
    catcher.fault("RCPT", reply=(550, "no"), times=1)
    error = refused(client)
    assert len(error.path) > 40
    assert max(len(line) for line in error.__notes__[-1].splitlines()) < 150
