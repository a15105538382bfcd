"""No place where people look shows a password or its base64."""

import base64
import contextlib
import copy
import io
import logging

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import smtplib

pytestmark = pytest.mark.usefixtures("either_driver")

USER, PASSWORD = "ann", "hunter2-secret"
PLAIN = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
FORMS = [PASSWORD, PLAIN, base64.b64encode(PASSWORD.encode()).decode()]
MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5"]


def assert_no_secret(text):
    for form in FORMS:
        assert form not in text


@pytest.fixture
def records():
    """All log records of rsmtp at DEBUG."""
    logger = logging.getLogger("rsmtp")
    kept = []
    handler = logging.Handler()
    handler.emit = kept.append
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield kept
    logger.setLevel(logging.NOTSET)
    logger.removeHandler(handler)


def by_hand_plain(client):
    client.docmd("AUTH", f"PLAIN {PLAIN}")


def by_hand_lowercase(client):
    client.docmd("auth plain " + PLAIN)


def by_hand_two_steps(client):
    client.docmd("AUTH", "LOGIN")
    client.docmd(base64.b64encode(USER.encode()).decode())
    client.docmd(base64.b64encode(PASSWORD.encode()).decode())


def by_hand_send(client):
    client.send(f"AUTH PLAIN {PLAIN}\r\n")
    client.getreply()


def by_hand_send_in_pieces(client):
    client.docmd("AUTH", "PLAIN")
    client.send(PLAIN[:10])
    client.send(PLAIN[10:] + "\r\n")
    client.getreply()


def by_callable(client):
    client.auth("PLAIN", lambda challenge=None: f"\0{USER}\0{PASSWORD}")


WAYS = {
    **{m: lambda c, m=m: c.login(USER, PASSWORD, mechanism=m) for m in MECHANISMS},
    **{
        f"{m} without an initial response": lambda c, m=m: c.login(
            USER, PASSWORD, mechanism=m, initial_response_ok=False
        )
        for m in MECHANISMS
    },
    "PLAIN by hand": by_hand_plain,
    "plain by hand in lower case": by_hand_lowercase,
    "LOGIN by hand": by_hand_two_steps,
    "PLAIN by send": by_hand_send,
    "PLAIN by send, in pieces": by_hand_send_in_pieces,
    "a callable": by_callable,
}


@pytest.mark.parametrize("level", [1, 2])
@pytest.mark.parametrize("refused", [False, True], ids=["accepted", "refused"])
@pytest.mark.parametrize("way", WAYS)
def test_a_login_leaves_no_trace(way, refused, level, records):
    shown = []
    printed = io.StringIO()
    password = "another" if refused else PASSWORD
    with rsmtp.Catcher(tls="none", username=USER, password=password) as catcher:
        client = rsmtp.SmtpClient(timeout=20)
        client.set_debuglevel(level)
        with contextlib.redirect_stderr(printed):
            client.connect(catcher.host, catcher.port)
            client.ehlo()
            try:
                WAYS[way](client)
            except smtplib.SMTPException as error:
                shown += [str(error), repr(error), repr(error.__dict__)]
            shown += [repr(client), str(client.transcript), repr(client.transcript)]
            shown += [repr(line) for line in client.transcript]
            shown.append(repr(client.sock))
            client.close()
    shown.append(printed.getvalue())
    shown += [record.getMessage() for record in records]
    assert_no_secret("\n".join(shown))
    assert "AUTH" in printed.getvalue().upper()
    assert any("AUTH" in record.getMessage().upper() for record in records)


def test_a_login_that_is_stopped_locally_does_not_show_the_password():
    with serve(answering(extensions=["AUTH PLAIN"])) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        for bad in ("\0", "\r", "\n"):
            with pytest.raises(ValueError, match="password") as caught:
                client.login(USER, PASSWORD + bad)
            assert_no_secret(str(caught.value) + repr(caught.value))
        client.quit()
        server.wait_for_end()
        assert b"AUTH" not in server.heard


def test_requests_do_not_show_what_they_hold():
    from rsmtp._rsmtp import Request

    assert_no_secret(repr(Request.login(USER, PASSWORD)))
    assert_no_secret(repr(Request.auth("PLAIN", PASSWORD.encode())))


def test_levels_change_at_run_time(records):
    logger = logging.getLogger("rsmtp.smtp")
    with serve(answering()) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        for level, expected in ((logging.DEBUG, True), (logging.INFO, False)) * 2:
            logger.setLevel(level)
            records.clear()
            client.noop()
            assert bool(records) is expected
        logger.setLevel(logging.NOTSET)
        client.close()


def test_the_log_names_both_sides_and_its_loggers(records):
    with rsmtp.Catcher() as catcher:
        tls = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        with rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", context=tls, timeout=20):
            pass
    assert {record.name for record in records} == {"rsmtp.smtp", "rsmtp.tls"}
    lines = [record.getMessage() for record in records]
    assert any(line.startswith("C: STARTTLS") for line in lines)
    assert any(line.startswith("S: 220 ") for line in lines)
    assert any("TLSv1.3" in line for line in lines)


def test_a_body_is_cut_in_the_transcript():
    with serve(answering()) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        client.sendmail("a@example.org", "b@example.org", "line of text\n" * 10_000)
        assert len(str(client.transcript)) < 5_000
        client.quit()


def test_the_transcript_outlives_the_connection():
    with serve(answering()) as server:
        with rsmtp.SmtpClient(server.host, server.port, timeout=20) as client:
            client.noop()
        assert "NOOP" in str(client.transcript)
        assert copy.copy(client.transcript) == client.transcript


UNWRITABLE = "\udcff" + PASSWORD


@pytest.mark.parametrize(
    "login",
    [
        lambda client: client.login(USER, UNWRITABLE),
        lambda client: client.login(USER, lambda: UNWRITABLE),
        lambda client: client.login(USER, access_token=lambda: UNWRITABLE),
        lambda client: client.auth("PLAIN", lambda challenge=None: UNWRITABLE),
        lambda client: client.auth("LOGIN", lambda challenge=None: challenge and UNWRITABLE),
    ],
)
def test_a_secret_that_cannot_be_written_is_not_shown(login):
    asking = answering({"AUTH": ("334 UGFzc3dvcmQ6",), "*": ("501 cancelled",)}, extensions=["AUTH PLAIN"])
    with serve(asking) as server, rsmtp.SmtpClient(server.host, server.port) as client:
        with pytest.raises(ValueError, match="contains surrogates") as caught:
            login(client)
    assert_no_secret(repr(caught.value) + repr(caught.value.__context__))


@pytest.mark.parametrize("host", [f"smtp://{USER}:{PASSWORD}@example.org", f"{USER}:{PASSWORD}@example.org"])
@pytest.mark.parametrize("make", [rsmtp.SmtpClient, lambda host: rsmtp.Mailer(host=host)])
def test_a_url_as_the_host_is_neither_shown_nor_looked_up(make, host):
    with pytest.raises(ValueError, match="the name of a host") as caught:
        make(host)
    assert_no_secret(str(caught.value))
