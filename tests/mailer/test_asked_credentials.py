"""A password or token that is asked for at each login."""

import pytest

import rsmtp

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
UNVERIFIED = rsmtp.TlsConfig(verify=False)

pytestmark = pytest.mark.usefixtures("either_mailer")


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def settings(catcher, **more):
    return {
        "host": catcher.host,
        "port": catcher.port,
        "context": UNVERIFIED,
        "user": catcher.username,
        "retries": 0,
    } | more


def test_each_new_session_asks_and_one_that_is_used_again_does_not(catcher):
    asked = []

    def password():
        asked.append(None)
        return catcher.password

    with rsmtp.Mailer(**settings(catcher, password=password)) as mailer:
        assert asked == []
        mailer.send(MESSAGE).raise_for_refused()
        mailer.send(MESSAGE).raise_for_refused()
        assert len(asked) == 1
    with rsmtp.Mailer(**settings(catcher, password=password, keep_idle=0)) as mailer:
        mailer.send(MESSAGE).raise_for_refused()
        mailer.send(MESSAGE).raise_for_refused()
    assert len(asked) == 3


def test_an_access_token(catcher):
    with rsmtp.Mailer(**settings(catcher, access_token=lambda: catcher.token)) as mailer:
        mailer.send(MESSAGE).raise_for_refused()


def test_what_it_raises_is_raised_and_there_is_no_login(catcher):
    class Expired(Exception):
        pass

    def password():
        raise Expired("log in to the identity provider again")

    with rsmtp.Mailer(**settings(catcher, password=password)) as mailer, pytest.raises(Expired):
        mailer.send(MESSAGE)
    assert catcher.messages == []


@pytest.mark.parametrize(
    ("returned", "error", "why"),
    [(None, TypeError, "must return a text, not NoneType"), ("a\nb", ValueError, "CR or LF")],
)
def test_what_it_returns_is_looked_at(catcher, returned, error, why):
    with (
        rsmtp.Mailer(**settings(catcher, password=lambda: returned)) as mailer,
        pytest.raises(error, match=why),
    ):
        mailer.send(MESSAGE)


def test_neither_a_text_nor_a_callable(catcher):
    with pytest.raises(TypeError, match="access_token: a text or a callable is wanted, not int"):
        rsmtp.Mailer(**settings(catcher, access_token=7)).send(MESSAGE)
