"""Every argument of `rsmtp.aiosmtplib` is given a senseless value, as for the other clients."""

import asyncio
import inspect
import ssl

import pytest
from hostile_input.test_wrong_arguments import INNER, WRONG

import rsmtp
from rsmtp import aiosmtplib

A, B = "a@example.org", "b@example.org"
MESSAGE = rsmtp.Message("x", from_=A, to=B)
# Documented behaviour, as in aiosmtplib: an address that the encoding can't express, and TLS errors.
AS_DOCUMENTED = (UnicodeEncodeError, aiosmtplib.SMTPException, ssl.SSLError)
VERBS = {
    "execute_command": {"args": b"NOOP"},
    "helo": {},
    "ehlo": {},
    "help": {},
    "rset": {},
    "noop": {},
    "vrfy": {"address": A},
    "expn": {"address": "a"},
    "mail": {"sender": A},
    "rcpt": {"recipient": B},
    "data": {"message": b"x"},
    "sendmail": {"sender": A, "recipients": [B], "message": b"x"},
    "send_message": {"message": MESSAGE},
    "starttls": {},
    "login": {"username": "ann", "password": "x"},
    "auth_plain": {"username": "ann", "password": "x"},
    "auth_crammd5": {"username": "ann", "password": "x"},
    "auth_login": {"username": "ann", "password": "x"},
    "auth_xoauth2": {"username": "ann", "access_token": "x"},
    "supports_extension": {"extension": "size"},
    "get_transport_info": {"key": "peername"},
}


@pytest.fixture(scope="module")
def catcher():
    with rsmtp.Catcher(tls="none", any_login=True) as catcher:
        yield catcher


def called(function, signature, given):
    """Calls it, by position if callers have no name for an argument."""
    places = [
        given[name]
        for name, parameter in signature.parameters.items()
        if name in given and parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL)
    ]
    named = {
        name: value
        for name, value in given.items()
        if signature.parameters[name].kind
        not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
    }
    return function(*places, **named)


async def faults_of(call, signature, good):
    found = []
    for argument in signature.parameters:
        for name, value in WRONG.items():
            if argument == "self":
                continue
            try:
                await asyncio.wait_for(call({**good, argument: value}), 5)
            except AS_DOCUMENTED as error:
                told, named = ("" if isinstance(error, UnicodeEncodeError) else str(error)), True
            except Exception as error:
                told = f"{type(error).__name__}: {error}"
                named = isinstance(error, (TypeError, ValueError, LookupError, OSError)) and (
                    argument in told
                    or (argument, "command") == ("args", told.split()[1])
                    # aiosmtplib's own messages.
                    or (argument in ("sock", "socket_path") and "using a socket" in told)
                    # The error names the field whose address is wrong.
                    or (argument == "message" and "From" in told)
                )
            else:
                continue
            if not named or INNER.search(told.replace("__main__", "")):
                found.append(f"{argument}={name}: {told}")
    return found


@pytest.mark.parametrize("verb", VERBS)
def test_verbs(catcher, verb):
    signature = inspect.signature(getattr(aiosmtplib.SMTP, verb))

    async def call(given):
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=catcher.port, timeout=5)
        await client.connect()
        try:
            result = called(getattr(client, verb), signature, given)
            if inspect.isawaitable(result):
                await result
        finally:
            client.close()
            await asyncio.sleep(0)

    assert not asyncio.run(faults_of(call, signature, VERBS[verb]))


def test_making_a_client_and_connecting(catcher):
    good = {"hostname": "127.0.0.1", "port": catcher.port}

    async def making(given):
        client = aiosmtplib.SMTP(**given)
        try:
            await client.connect()
        finally:
            client.close()

    async def connecting(given):
        client = aiosmtplib.SMTP(timeout=5)
        try:
            await client.connect(**given)
        finally:
            client.close()

    async def run():
        return await faults_of(making, inspect.signature(aiosmtplib.SMTP), good) + await faults_of(
            connecting, inspect.signature(aiosmtplib.SMTP.connect), good
        )

    assert not asyncio.run(run())


def test_sending_in_one_call(catcher):
    signature = inspect.signature(aiosmtplib.send)
    good = {"message": MESSAGE, "hostname": "127.0.0.1", "port": catcher.port, "timeout": 5}

    async def call(given):
        await called(aiosmtplib.send, signature, given)

    assert not asyncio.run(faults_of(call, signature, good))


@pytest.mark.parametrize("secret", ["correct\udc80horse", b"correct\xffhorse", 123456789])
@pytest.mark.parametrize("verb", ["login", "auth_plain", "auth_xoauth2"])
def test_a_secret_is_not_shown(catcher, verb, secret):
    async def run():
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=catcher.port) as client:
            await getattr(client, verb)("ann", secret)

    with pytest.raises((TypeError, ValueError), match="^(password|access_token): ") as raised:
        asyncio.run(run())
    for error in (raised.value, raised.value.__context__):
        assert not any(piece in str(error) for piece in ("correct", "horse", "123456789"))
