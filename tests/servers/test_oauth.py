"""Logins with an access token (XOAUTH2, and OAUTHBEARER of RFC 7628) to Dovecot, which asks a test
endpoint whether a token is valid (RFC 7662)."""

import asyncio
import smtplib
import ssl

import pytest
from credentials.endpoint import Endpoint

import rsmtp
from rsmtp import aiosmtplib, errors
from rsmtp import smtplib as mirror
from servers.others import Dovecot, running
from servers.test_logins import WAYS, arrived, at, by_async_client, by_async_mailer

every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
both = pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])

# The values that Dovecot knows. Values without a setting are empty.
FAULTS = {
    "XOAUTH2": {"status": "401", "schemes": "bearer", "scope": "mail", "openid-configuration": ""},
    "OAUTHBEARER": {"status": "invalid_token", "scope": "mail", "openid-configuration": ""},
}


@pytest.fixture
def log_before():
    return {}


@pytest.fixture(scope="module")
def _endpoint():
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(_endpoint):
    _endpoint.good.clear()
    _endpoint.asked.clear()
    _endpoint.inquired.clear()
    return _endpoint


@pytest.fixture(scope="module")
def dovecot(_endpoint):
    with running(Dovecot, None, _endpoint.port) as server:
        yield server


@pytest.fixture
def relay(dovecot):
    with rsmtp.Catcher(tls="none", port=dovecot.relay) as catcher:
        yield catcher


@pytest.fixture
def message():
    return rsmtp.Message("hello", subject="By a token", from_="ann@bed.test", to="b@example.org")


@pytest.fixture
def context(dovecot):
    return ssl.create_default_context(cafile=dovecot.ca_file)


def token(endpoint):
    return endpoint.token()[0]


class Renewed:
    """An access token that the endpoint rejects until a new one is made."""

    def __init__(self, endpoint):
        self.endpoint, self.forced = endpoint, []
        self.told = endpoint.token()
        self.expired = self.told[0]
        endpoint.revoke()

    def __call__(self, force=False):
        self.forced.append(force)
        if force:
            self.told = self.endpoint.token()
        return self.told

    async def awaited(self, force=False):
        await asyncio.sleep(0)
        return self(force)


# -- our clients and mailers ----------------------------------------------------------------


@every_way
@both
@pytest.mark.parametrize("length", [None, 2000], ids=["short", "long"])
def test_a_token_logs_in(dovecot, endpoint, relay, message, way, mechanism, length):
    """A long token is not sent as an initial response, because the line would be too long for
    this server."""
    given = token(endpoint) if length is None else "t" * length
    endpoint.good.add(given)
    way(message, {"username": "ann", "access_token": given, "mechanism": mechanism}, **at(dovecot))
    arrived(message, relay)
    assert set(endpoint.inquired) == {given}
    assert f"user=<ann>, method={mechanism}," in dovecot.log()


def test_oauthbearer_comes_first(dovecot, endpoint, relay):
    login = {"username": "ann", "access_token": token(endpoint)}
    with rsmtp.Mailer(**at(dovecot), **login, tls="starttls") as mailer:
        assert mailer.verify().mechanism == "OAUTHBEARER"


@every_way
@both
def test_a_wrong_token_is_refused_and_the_servers_words_are_in_the_error(
    dovecot, endpoint, relay, message, way, mechanism
):
    login = {"username": "ann", "access_token": "wrong", "mechanism": mechanism}
    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        way(message, login, **at(dovecot))
    assert raised.value.smtp_code == 535 and raised.value.oauth_error == FAULTS[mechanism]
    said = f"status '{FAULTS[mechanism]['status']}', scope 'mail'. The access token has expired"
    assert said in raised.value.hint
    assert endpoint.inquired == ["wrong"] and relay.messages == []


@every_way
@both
def test_anothers_token_is_refused(dovecot, endpoint, relay, message, way, mechanism):
    """Dovecot gives no reason in this case, and the hint still mentions the token."""
    login = {"username": "eve", "access_token": token(endpoint), "mechanism": mechanism}
    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        way(message, login, **at(dovecot))
    assert raised.value.oauth_error == {} and "belongs to another user" in raised.value.hint
    assert relay.messages == []


@every_way
@both
def test_one_that_has_expired_is_renewed(dovecot, endpoint, relay, message, way, mechanism):
    renewed = Renewed(endpoint)
    asynchronous = way in (by_async_client, by_async_mailer)
    secret = renewed.awaited if asynchronous else renewed
    way(message, {"username": "ann", "access_token": secret, "mechanism": mechanism}, **at(dovecot))
    arrived(message, relay)
    assert renewed.forced == [False, True]
    assert endpoint.inquired[:2] == [renewed.expired, renewed.told[0]]
    assert renewed.expired not in endpoint.inquired[1:]


@every_way
@both
def test_one_that_is_not_renewed_is_asked_for_twice(dovecot, endpoint, relay, message, way, mechanism):
    asked = []

    def secret(force=False):
        asked.append(force)
        return f"wrong-{len(asked)}"

    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        way(message, {"username": "ann", "access_token": secret, "mechanism": mechanism}, **at(dovecot))
    assert raised.value.oauth_error == FAULTS[mechanism]
    assert asked == [False, True] and endpoint.inquired == ["wrong-1", "wrong-2"]


# -- the mirrors ----------------------------------------------------------------------------


@both
@pytest.mark.parametrize("module", [smtplib, mirror], ids=["smtplib", "rsmtp.smtplib"])
@pytest.mark.parametrize("at_once", [True, False])
def test_smtplib_has_an_authobject_for_it(
    dovecot, endpoint, relay, message, context, module, mechanism, at_once
):
    heard = []

    def by(given):
        user = "user=ann" if mechanism == "XOAUTH2" else "n,a=ann,"

        def authobject(challenge=None):
            if not challenge:
                return f"{user}\1auth=Bearer {given}\1\1"
            heard.append(challenge)
            return "" if mechanism == "XOAUTH2" else "\1"

        return authobject

    with module.SMTP(dovecot.host, dovecot.port) as client:
        client.starttls(context=context)
        client.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
            client.auth(mechanism, by("wrong"), initial_response_ok=at_once)
        assert raised.value.smtp_code == 535 and b"status" in heard[0]
        assert client.auth(mechanism, by(token(endpoint)), initial_response_ok=at_once)[0] == 235
        client.send_message(message)
    arrived(message, relay)
    if module is mirror:
        assert raised.value.hint.startswith("The access token has expired")


def of_aiosmtplib(dovecot, context, message, login=None, **more):
    async def send():
        server = {"hostname": dovecot.host, "port": dovecot.port, "tls_context": context, "start_tls": True}
        async with aiosmtplib.SMTP(**server, **more) as client:
            if login is not None:
                await client.auth_xoauth2(*login)
            await client.send_message(message)

    asyncio.run(send())


def test_aiosmtplib(dovecot, endpoint, relay, message, context):
    of_aiosmtplib(dovecot, context, message, ("ann", token(endpoint)))
    arrived(message, relay)


def test_aiosmtplib_tells_what_the_server_says(dovecot, endpoint, relay, message, context):
    with pytest.raises(aiosmtplib.SMTPAuthenticationError) as raised:
        of_aiosmtplib(dovecot, context, message, ("ann", "wrong"))
    assert raised.value.code == 535 and raised.value.__cause__.oauth_error == FAULTS["XOAUTH2"]
    assert "status '401', scope 'mail'. The access token has expired" in raised.value.hint


def test_aiosmtplib_renews_what_its_generator_gives(dovecot, endpoint, relay, message, context):
    renewed = Renewed(endpoint)
    of_aiosmtplib(dovecot, context, message, username="ann", oauth_token_generator=renewed.awaited)
    arrived(message, relay)
    assert renewed.forced == [False, True]
    assert endpoint.inquired == [renewed.expired, renewed.told[0]]
