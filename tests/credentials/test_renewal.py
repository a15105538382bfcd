"""A token expires while a list is being sent."""

import time

import pytest

import rsmtp
from credentials.endpoint import MailServer
from rsmtp._client import turns
from rsmtp.errors import SMTPAuthenticationError

COUNT = 10_000
MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")

pytestmark = pytest.mark.usefixtures("either_mailer")


class Clock:
    """The time that is used to judge tokens."""

    ahead = 0.0

    def time(self):
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(turns, "time", clock)
    return clock


def settings(server, **more):
    return (
        {"host": server.host, "port": server.port, "tls": "none", "username": "ann@example.org"}
        | {"allow_plaintext_auth": True}
        | more
    )


@pytest.mark.parametrize("way", ["its time is over", "revoked", "revoked, plain callable"])
def test_it_costs_one_refresh_and_no_message(endpoint, clock, way):
    """Sessions end after 1,000 messages, and the following sessions need another token."""

    def ends():
        endpoint.revoke()
        if way == "its time is over":
            clock.ahead = endpoint.lifetime

    forced = []

    def plain():
        text, expires_at = endpoint.token()
        return text, expires_at + clock.ahead

    def token(force=False):
        forced.extend([force] * force)
        return plain()

    asked = plain if way == "revoked, plain callable" else token
    with MailServer(endpoint, at={COUNT // 2: ends}) as server:
        given = settings(server, access_token=asked, connections=4, max_messages=1000, window=50, retries=0)
        with rsmtp.Mailer(**given) as mailer:
            report = mailer.send_all([MESSAGE] * COUNT)
    assert report.ok and report.sent == COUNT == len(server.messages)
    assert len(endpoint.issued) == 2, "the first token, and one refresh"
    assert {token for _, token in server.logins} == set(endpoint.issued)
    assert len(server.logins) >= COUNT / 1000
    if way == "its time is over":
        assert server.rejected == [] and forced == []
    else:
        # Each session that was opened with the old token at the same time.
        assert 1 <= len(server.rejected) <= 4
        assert forced == ([] if asked is plain else [True])


def test_a_token_that_is_rejected_anew_is_final(endpoint):
    forced = []

    def token(force=False):
        forced.append(force)
        return "never.good", time.time() + 3600

    with MailServer(endpoint) as server:
        with rsmtp.Mailer(**settings(server, access_token=token, retries=3, backoff=0.01)) as mailer:
            with pytest.raises(SMTPAuthenticationError):
                mailer.send(MESSAGE)
    assert forced == [False, True] and len(server.rejected) == 2


def test_sessions_that_begin_together_ask_once(endpoint):
    with MailServer(endpoint) as server:
        with rsmtp.Mailer(**settings(server, access_token=endpoint.token, connections=8, window=1)) as mailer:
            assert mailer.send_all([MESSAGE] * 200).ok
        with rsmtp.Mailer(**settings(server, access_token=endpoint.token)) as mailer:
            assert mailer.send(MESSAGE).ok
    assert len(server.logins) > 1 and len(endpoint.issued) == 1
