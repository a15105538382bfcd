"""Subclasses and patched instances have their own way, as they have with smtplib."""

from unittest.mock import Mock

import pytest

import rsmtp
from rsmtp import smtplib


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def recorder(*names):
    """A subclass that notes each call of these methods and then does what SMTP does."""
    called = []

    def noting(name):
        def method(self, *args, **kwargs):
            called.append(name)
            return getattr(smtplib.SMTP, name)(self, *args, **kwargs)

        return method

    return type("Recorder", (smtplib.SMTP,), {name: noting(name) for name in names}), called


@pytest.mark.parametrize(
    ("overridden", "expected"),
    [
        (["ehlo"], ["ehlo"]),
        (["mail", "rcpt", "data"], ["mail", "rcpt", "data"]),
        (["putcmd"], ["putcmd"] * 4),  # EHLO, MAIL, RCPT, and QUIT
        (["getreply"], ["getreply"] * 5),  # the greeting's too
        (["sendmail"], ["sendmail"]),
        (["connect", "ehlo"], ["connect", "ehlo"]),
    ],
)
def test_a_subclass_is_called_where_smtplib_calls_it(catcher, overridden, expected):
    cls, called = recorder(*overridden)
    message = rsmtp.Message("hi", subject="s", from_="a@example.org", to="b@example.org")
    with cls("localhost", catcher.port) as client:
        assert client.send_message(message) == {}
    assert called == expected
    assert catcher.wait_for(1, 5)[0].rcpt_tos == ["b@example.org"]


def test_an_authobject_of_ones_own_is_what_login_uses(catcher):
    class Own(smtplib.SMTP):
        def auth_cram_md5(self, challenge=None):
            if challenge is None:
                return None
            asked.append(challenge)
            return super().auth_cram_md5(challenge)

    asked = []
    with Own("localhost", catcher.port) as client:
        assert client.login(catcher.username, catcher.password)[0] == 235
    assert len(asked) == 1


def test_a_mock_on_the_instance_is_what_send_message_calls(catcher):
    client = smtplib.SMTP("localhost", catcher.port)
    client.sendmail = Mock(return_value={})
    message = rsmtp.Message("hi", subject="s", from_="a@example.org", to="b@example.org")
    client.send_message(message)
    (sender, recipients, octets, *_), _ = client.sendmail.call_args
    assert (sender, recipients) == ("a@example.org", ["b@example.org"])
    assert b"Subject: s" in octets
    client.quit()


def test_patched_features_steer_the_mechanism(catcher):
    with smtplib.SMTP("localhost", catcher.port) as client:
        client.ehlo()
        client.esmtp_features["auth"] = "LOGIN"
        client.login(catcher.username, catcher.password)
        said = [line.text for line in client.transcript if line.direction == "C"]
    assert "AUTH LOGIN ***" in said


def test_a_constructor_of_ones_own(catcher):
    class Relay(smtplib.SMTP):
        def __init__(self, relay):
            super().__init__("localhost", relay.port, timeout=5)
            self.relay = relay

    with Relay(catcher) as client:
        assert client.noop()[0] == 250
        assert client.relay is catcher
