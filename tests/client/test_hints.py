"""`error.hint` says what to do. It appears in the exception, its traceback and on the command line."""

import asyncio
import copy
import pickle
import re
import smtplib as standard
import socket
import traceback
from pathlib import Path

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import errors, smtplib
from rsmtp._common import hints
from rsmtp._common.raising import from_engine
from rsmtp._mailer.servers import Server
from rsmtp.cli.explain import explain

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")


@pytest.fixture(scope="module")
def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def by_client(port, login):
    with rsmtp.SmtpClient("127.0.0.1", port, timeout=20) as client:
        if login:
            client.login("ann", "wrong")
        client.sendmail(*MESSAGE)


def by_mirror(port, login):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        if login:
            client.login("ann", "wrong")
        client.sendmail(*MESSAGE)


def by_async_client(port, login):
    async def send():
        async with rsmtp.AsyncSmtpClient("127.0.0.1", port, timeout=20) as client:
            if login:
                await client.login("ann", "wrong")
            await client.sendmail(*MESSAGE)

    asyncio.run(send())


def settings(port, login):
    user = {"user": "ann", "password": "wrong"} if login else {}
    return {"host": "127.0.0.1", "port": port, "tls": "none", "retries": 0, "timeout": 20, **user}


def by_mailer(port, login):
    with rsmtp.Mailer(**settings(port, login)) as mailer:
        mailer.send(MESSAGE)


def by_async_mailer(port, login):
    async def send():
        async with rsmtp.AsyncMailer(**settings(port, login)) as mailer:
            await mailer.send(MESSAGE)

    asyncio.run(send())


WAYS = [by_client, by_mirror, by_async_client, by_mailer, by_async_mailer]


def noted_once(error, hint):
    shown = "".join(traceback.format_exception(error))
    assert shown.count(hint) == 1, shown
    assert error.__notes__[0] == f"hint: {hint}"
    # The exception's text is unchanged.
    assert hint not in str(error)


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_login(way):
    with rsmtp.Catcher(tls="none", password="right", require_auth=True) as catcher:
        with pytest.raises(errors.SMTPAuthenticationError) as raised:
            way(catcher.port, True)
    assert "app password" in raised.value.hint
    noted_once(raised.value, raised.value.hint)


LOGINS = [
    (535, "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled", "Authenticated SMTP"),
    (534, "5.7.9 Application-specific password required", "make an app password"),
    (534, "5.7.14 Please log in via your web browser", "with a browser"),
    (535, "5.7.8 Username and Password not accepted", "Check user name and password"),
    (454, "4.7.0 Too many login attempts, please try again later", "with fewer sessions"),
    (432, "4.7.12 A password transition is needed", 'mechanism="PLAIN"'),
    (421, "4.7.0 Try again later, closing connection", "The same may"),
]


@pytest.mark.parametrize(("code", "text", "hint"), LOGINS)
@pytest.mark.parametrize("way", WAYS)
def test_what_the_server_says_of_a_login(way, code, text, hint):
    replies = {"AUTH": f"{code} {text}"}
    with serve(answering(replies, extensions=["AUTH PLAIN"])) as server:
        with pytest.raises(errors.SMTPException) as raised:
            way(server.port, True)
    assert hint in raised.value.hint
    noted_once(raised.value, raised.value.hint)
    # The hint doesn't question the password if the server speaks of something else.
    assert ("Check user name" in raised.value.hint) is (text[:5] == "5.7.8")


@pytest.mark.parametrize("offered", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"])
@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_of_scram_names_the_mechanism_that_needs_no_certain_hash(way, offered):
    with serve(answering({"AUTH": "535 5.7.8 no"}, extensions=[f"AUTH {offered}"])) as server:
        with pytest.raises(errors.SMTPAuthenticationError) as raised:
            way(server.port, True)
    assert raised.value.hint.startswith("Check user name and password")
    assert ('mechanism="PLAIN"' in raised.value.hint) is (offered != "PLAIN")
    assert ("--mechanism PLAIN" in explain(raised.value)) is (offered != "PLAIN")
    noted_once(raised.value, raised.value.hint)


@pytest.mark.parametrize("way", WAYS)
def test_a_closed_port(way, closed_port):
    with pytest.raises(errors.SMTPConnectionRefused) as raised:
        way(closed_port, False)
    assert "Nothing listens" in raised.value.hint
    noted_once(raised.value, raised.value.hint)


@pytest.mark.parametrize("way", WAYS)
def test_what_may_have_arrived(way):
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("end-of-data", disconnect="fin")
        with pytest.raises(errors.SMTPServerDisconnected) as raised:
            way(catcher.port, False)
    assert "may have arrived" in raised.value.hint
    noted_once(raised.value, raised.value.hint)


@pytest.mark.parametrize("way", WAYS)
def test_what_may_work_later_and_what_wants_a_login(way):
    with rsmtp.Catcher(tls="none") as catcher:
        for code, hint in ((450, "The same may work later."), (530, "Log in first")):
            catcher.fault("MAIL", reply=(code, "no"), times=1)
            with pytest.raises(errors.SMTPSenderRefused) as raised:
                way(catcher.port, False)
            assert raised.value.hint.startswith(hint)
            noted_once(raised.value, raised.value.hint)


def test_a_hint_that_the_error_says_itself_is_no_note():
    with rsmtp.Catcher(tls="starttls") as catcher:
        with pytest.raises(errors.SMTPCertificateError) as raised:
            rsmtp.SmtpClient("localhost", catcher.port, tls="starttls")
    error = raised.value
    assert error.hint.startswith("If the server has a CA of its own, pass it with TlsConfig(ca_file=...)")
    assert error.hint.rstrip(".").lower() in str(error).lower()
    assert not any(note.startswith("hint:") for note in error.__notes__)


def test_a_silent_server_waits_for_tls():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with pytest.raises(errors.SMTPTimeoutError, match="silent, too") as raised:
            rsmtp.SmtpClient("127.0.0.1", listener.getsockname()[1], timeout=0.3)
    assert raised.value.hint == 'Say SMTP_SSL or tls="implicit".'


@pytest.mark.parametrize("cls", [getattr(errors, name) for name in errors.__all__])
def test_every_error_has_the_attribute(cls):
    error = cls.__new__(cls)
    if cls is errors.SMTPNonASCIIAddress:
        error = cls("ascii", "jürgen", 1, 2, "not ASCII")
    elif issubclass(cls, errors.SMTPSenderRefused):
        error = cls(550, b"no", "a@example.org")
    elif issubclass(cls, errors.SMTPResponseException):
        error = cls(550, b"no")
    elif issubclass(cls, errors.SMTPRecipientsRefused):
        error = cls({"a@example.org": (550, b"no")})
    assert error.hint is None or error.hint.endswith(".")
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert again.hint == error.hint


def test_the_mirrors_errors_are_told_apart_by_nothing_but_what_is_added():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("RCPT", reply=(550, "5.7.1 Relay access denied"))
        with pytest.raises(standard.SMTPRecipientsRefused) as raised:
            by_mirror(catcher.port, False)
    theirs = standard.SMTPRecipientsRefused({"b@example.org": (550, b"5.7.1 Relay access denied")})
    assert (str(raised.value), raised.value.args) == (str(theirs), theirs.args)
    assert "log in" in raised.value.hint


def test_the_command_line_says_the_same(closed_port):
    error = errors.SMTPAuthenticationError(535, b"5.7.8 no")
    assert explain(error) == f"535 5.7.8 no. {error.hint}"
    with pytest.raises(errors.SMTPConnectionRefused) as raised:
        rsmtp.SmtpClient("127.0.0.1", closed_port)
    said = explain(raised.value, Server(host="mail.example.org"))
    assert said.endswith("Nothing listens on that port; `rsmtp check mail.example.org` tells what is there.")
    assert explain(raised.value).endswith("Nothing listens on that port.")


def test_a_notebook_shows_it():
    error = errors.SMTPAuthenticationError(535, b"5.7.8 no")
    shown = error._repr_mimebundle_()
    assert "app password" in shown["text/plain"] and "app password" in shown["text/html"]


def test_a_verb_on_a_connection_that_failed_gives_no_false_hope():
    """The tutorial's `finally: server.quit()` runs after a certificate that is not trusted."""
    with rsmtp.Catcher() as catcher, rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        client.ehlo()
        with pytest.raises(rsmtp.SMTPCertificateError):
            client.starttls()
        with pytest.raises(rsmtp.SMTPServerDisconnected) as caught:
            client.quit()
    assert "certificate" in str(caught.value) and caught.value.hint.startswith("If the server has a CA")


def test_a_verb_after_the_end_is_told_to_connect_again():
    with rsmtp.Catcher(tls="none") as catcher, rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        catcher.fault("NOOP", reply=(421, "shutting down; send money"))
        client.noop()
        with pytest.raises(rsmtp.SMTPServerDisconnected) as caught:
            client.ehlo()
    assert caught.value.hint in ("Connect again: this session is over.", "Call connect() first.")


@pytest.mark.parametrize("text", ["STARTTLS", "AUTH", "Server not connected", "no; send money to x", "relay"])
@pytest.mark.parametrize("kind", ["not supported", "tls", "timeout", "misuse"])
def test_no_word_of_a_message_chooses_a_hint(kind, text):
    facts = {"stage": "command", "reply": None, "os_error": None, "advice": None}
    assert from_engine(kind, text, **facts).hint is None
    assert from_engine(kind, text, **facts | {"advice": "encrypt"}).hint.startswith("Use TLS")


@pytest.mark.parametrize(
    ("code", "text", "wants_login"),
    [
        (550, "5.7.1 Relay access denied", True),
        (550, "relay not permitted", True),
        (550, "5.1.1 a relay is no user here", False),
        (450, "4.7.1 greylisted", False),
    ],
)
@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_by_policy_is_told_to_log_in_unless_it_has(way, login, code, text, wants_login):
    with rsmtp.Catcher(tls="none", any_login=True) as catcher:
        catcher.fault("RCPT", reply=(code, text))
        with pytest.raises(standard.SMTPRecipientsRefused) as raised:
            way(catcher.port, login)
    assert ("log in (" in (raised.value.hint or "")) is (wants_login and not login), raised.value.path


def test_the_table_has_words_for_every_kind_of_the_engine():
    source = (Path(__file__).parents[2] / "src" / "protocol" / "error.rs").read_text()
    names = re.search(r"impl Advice .*?\n}\n", source, re.DOTALL).group()
    kinds = re.findall(r'Self::\w+ => "(.*?)"', names)
    assert len(kinds) > 20 and set(kinds) <= set(hints.TABLE)
    for kind, words in hints.TABLE.items():
        assert words.said or words.hint, kind


@pytest.mark.parametrize("advice", hints.TABLE)
def test_advice_travels_in_a_pickle_and_stands_once(advice):
    error = from_engine("tls", "no", stage="handshake", reply=None, os_error=None, advice=advice)
    shown = "".join(traceback.format_exception(error))
    assert shown.lower().count(error.hint.rstrip(".").lower()) == 1, shown
    assert pickle.loads(pickle.dumps(error)).hint == error.hint
