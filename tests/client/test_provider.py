"""`SmtpClient(provider=...)` sets the server and its requirements, with both drivers."""

from types import SimpleNamespace

import pytest

import rsmtp
from rsmtp import providers
from rsmtp.errors import SMTPAuthenticationError, SMTPSenderRefused
from rsmtp.providers import Provider

pytestmark = pytest.mark.usefixtures("either_driver")


@pytest.fixture
def resend():
    """The row of the provider Resend, with a catcher in place of its server."""
    with rsmtp.Catcher(username="resend", password="key", tls="implicit", require_auth=True) as catcher:
        row = providers.find("resend").replace(host="localhost", port=catcher.port, tls="implicit")
        yield SimpleNamespace(row=row, catcher=catcher, context=rsmtp.TlsConfig(ca_file=catcher.ca_file))


def client(stand_in, **changes):
    return rsmtp.SmtpClient(provider=stand_in.row.replace(**changes), context=stand_in.context)


def message(*to, text="hello"):
    return rsmtp.Message(text, subject="x", from_="ann@example.org", to=list(to))


def test_connected_secured_and_logged_in_with_the_name_that_all_have(resend):
    with client(resend) as session:
        assert session.tls is not None
        session.login(password="key")
        assert session.send_message(message("bob@example.org")) == {}
    assert resend.catcher.messages[0].username == "resend"


def test_more_recipients_and_larger_messages_are_refused_here(resend):
    with client(resend, recipients=2, size=1000) as session:
        session.login(password="key")
        three = ["a@example.org", "b@example.org", "c@example.org"]
        words = "^to_addrs: 3 recipients, and one message may have 2 .Resend.*a Mailer does so by itself$"
        with pytest.raises(ValueError, match=words):
            session.send_message(message(*three))
        with pytest.raises(ValueError, match=words):
            session.sendmail("ann@example.org", three, b"Subject: x\r\n\r\nhello\r\n")
        with pytest.raises(SMTPSenderRefused, match="the server takes 1000"):
            session.send_message(message("a@example.org", text="x" * 1000))
        with pytest.raises(SMTPSenderRefused, match="the server takes 1000"):
            session.sendmail("ann@example.org", three[:2], b"x" * 1001)
        assert session.send_message(message(*three[:2])) == {}
    assert resend.catcher.count == 1


def test_what_is_given_counts_more(resend):
    row = Provider("relay", "relay.invalid", 1)
    options = {"tls": "implicit", "provider": row, "context": resend.context}
    with rsmtp.SmtpClient("localhost", resend.catcher.port, **options) as session:
        session.login("resend", "key")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"provider": "gmial"}, "provider: 'gmial' is not known; did you mean 'gmail'"),
        ({"provider": b"gmail"}, "provider: a name, or a Provider, is wanted, not bytes"),
        ({"provider": "gmail", "socket_path": "/run/smtp"}, "provider: it has no Unix socket"),
    ],
)
def test_arguments_that_cannot_be_meant(options, words):
    with pytest.raises((TypeError, ValueError), match=words):
        rsmtp.SmtpClient(**options)


def test_the_hint_of_a_refused_login_says_what_the_provider_wants(resend, monkeypatch):
    monkeypatch.setattr(providers, "at_host", {"localhost": resend.row}.get)
    with client(resend) as session:
        with pytest.raises(SMTPAuthenticationError) as error:
            session.login(password="not the key")
    assert error.value.hint.endswith('Resend: the user is the word "resend", the password an API key.')
