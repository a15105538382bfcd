"""aiosmtplib's `oauth_token_generator` follows the rules for all callables here: one session asks
at a time, an expiry is respected, and a token that a server rejects is requested once more."""

import asyncio

import pytest

from credentials.endpoint import MailServer
from rsmtp import aiosmtplib

LETTER = ("a@example.org", ["b@example.org"], "Subject: x\n\nhi\n")


def client(server, token, **more):
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        start_tls=False,
        username="ann@example.org",
        oauth_token_generator=token,
        **more,
    )


async def send(server, token, **more):
    async with client(server, token, **more) as smtp:
        await smtp.sendmail(*LETTER)


def test_a_revoked_token_is_asked_for_once_more(endpoint):
    kept, forced = [], []

    async def token(force=False):
        forced.append(force)
        if force or not kept:
            kept[:] = [await asyncio.to_thread(endpoint.token)]
        return kept[0][0]

    with MailServer(endpoint) as server:
        asyncio.run(send(server, token))
        endpoint.revoke()
        asyncio.run(send(server, token))
    assert forced == [False, False, True] and len(server.rejected) == 1
    assert len(server.messages) == len(endpoint.issued) == 2


def test_one_that_takes_no_word_is_called_as_aiosmtplib_does(endpoint):
    async def token():
        return endpoint.token()[0]

    with MailServer(endpoint) as server:
        asyncio.run(send(server, token))
        assert len(server.messages) == 1


def test_sessions_that_begin_together_ask_once(endpoint):
    async def token():
        return await asyncio.to_thread(endpoint.token)

    async def main(server):
        await asyncio.gather(*(send(server, token) for _ in range(8)))

    with MailServer(endpoint) as server:
        asyncio.run(main(server))
    assert len(server.messages) == 8 and len(endpoint.issued) == 1


def test_what_is_rejected_anew_is_final(endpoint):
    asked = []

    async def token():
        asked.append(1)
        return "never.good"

    with MailServer(endpoint) as server:
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            asyncio.run(send(server, token))
    assert len(asked) == len(server.rejected) == 2 and not server.messages


@pytest.mark.parametrize("told", [None, 7, ""])
def test_what_is_no_token_reaches_no_server(endpoint, told):
    async def token():
        return told

    with MailServer(endpoint) as server:
        with pytest.raises((TypeError, ValueError), match="access_token: its callable"):
            asyncio.run(send(server, token))
    assert not server.rejected


def test_one_that_hangs_takes_the_timeout_at_most(endpoint):
    async def token():
        await asyncio.sleep(60)

    with MailServer(endpoint) as server:
        with pytest.raises(aiosmtplib.SMTPTimeoutError):
            asyncio.run(send(server, token, timeout=0.3))
