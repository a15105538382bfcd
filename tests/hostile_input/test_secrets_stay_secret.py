"""A malformed secret is given wherever a secret is accepted. No error, display, log, transcript or
pickle shows any of it."""

import asyncio
import base64
import io
import logging
import os
import pickle
import re
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout

import pytest

import rsmtp
import rsmtp.aiosmtplib
import rsmtp.smtplib
from rsmtp import _rsmtp
from rsmtp.cli import main
from rsmtp.inbox.release import release

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nx\r\n")
MARK = "sEcrEt77mArk"
OCTETS = MARK.encode()


class Shows:
    """An object of a wrong type that shows its content."""

    def __repr__(self):
        return MARK

    __str__ = __repr__


class Text(str):
    __slots__ = ()

    def __repr__(self):
        return f"<{MARK}>"


VALUES = {
    "text": MARK,
    "subclass": Text(MARK),
    "long": MARK * 3000,
    "line end": f"{MARK}\r\n",
    "line end within": f"{MARK}\n{MARK}",
    "NUL": f"{MARK}\0",
    "surrogate": f"{MARK}\udc80",
    "only a surrogate behind": f"\ud800{MARK}",
    "not ASCII": f"{MARK}ü\u202e",
    "escape": f"{MARK}\x1b[0m",
    "octets": OCTETS,
    "bytearray": bytearray(OCTETS),
    "list": [MARK],
    "tuple": (MARK,),
    "dict": {MARK: MARK},
    "object": Shows(),
    "exception": ValueError(MARK),
}


def told(value):
    return lambda: value


class Azures:
    def __init__(self, token):
        self.token, self.expires_on = token, time.time() + 3600

    def __repr__(self):
        return MARK


def forced(value):
    """Gives a value that the server refuses, and then the secret in its place."""
    return lambda force=False: (value if force else "secret", time.time() + 3600)


async def awaited(value):
    return value


def tried(call, *args, **kwargs):
    """Returns the result or the exception. A coroutine is run on a loop."""
    try:
        got = call(*args, **kwargs)
        return asyncio.run(got) if asyncio.iscoroutine(got) else got
    except Exception as error:
        return error


def client_login(catcher, **given):
    with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
        return [client, tried(client.login, "ann", **given), client.transcript, repr(client)]


def mirror_login(catcher, value, **given):
    with rsmtp.smtplib.SMTP(catcher.host, catcher.port) as client:
        return [client, tried(client.login, "ann", value, **given), client.transcript]


async def async_login(catcher, **given):
    async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
        try:
            return [client, await client.login("ann", **given), client.transcript]
        except Exception as error:
            return [client, error, client.transcript]


async def aiosmtplib_login(catcher, method, value):
    async with rsmtp.aiosmtplib.SMTP(catcher.host, catcher.port, start_tls=False) as client:
        try:
            return [client, await getattr(client, method)("ann", value)]
        except Exception as error:
            return [client, error]


async def aiosmtplib_connects(catcher, **given):
    client = rsmtp.aiosmtplib.SMTP(
        hostname=catcher.host, port=catcher.port, start_tls=False, username="ann", **given
    )
    try:
        await client.connect()
    finally:
        client.close()


def docmd(catcher, *args):
    with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
        client.ehlo()
        return [client, tried(client.docmd, *args), client.transcript]


def answered(catcher, value):
    """Answers the second line of AUTH LOGIN with the secret."""
    with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
        client.ehlo()
        client.docmd("AUTH", "LOGIN")
        return [client, tried(client.docmd, value), client.transcript]


def sent(catcher, value):
    with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
        client.ehlo()
        client.docmd("AUTH", "LOGIN")
        whole = f"{value}\r\n" if isinstance(value, str) else value
        said = tried(client.send, whole)
        result = [client, said, client.transcript]
        # Only a whole line can be an answer.
        if isinstance(value, str) and not isinstance(said, Exception):
            result += [tried(client.getreply), client.transcript]
        client.close()
        return result


def by_authobject(catcher, value):
    with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
        client.ehlo()
        return [client, tried(client.auth, "PLAIN", lambda challenge=None: value), client.transcript]


def by_mailer(catcher, cls=rsmtp.Mailer, **given):
    settings = {"host": catcher.host, "port": catcher.port, "tls": "none", "retries": 0, "timeout": 20}
    if "url" in given:
        settings = {"retries": 0, "timeout": 5}
    mailer = cls(**settings, **given)
    shown = mailer._repr_mimebundle_()
    if cls is rsmtp.Mailer:
        with mailer:
            return [mailer, shown, tried(mailer.send, MESSAGE, check=False), tried(mailer.send, MESSAGE)]

    async def whole():
        async with mailer:
            try:
                return [mailer, shown, await mailer.send(MESSAGE)]
            except Exception as error:
                return [mailer, shown, error]

    return asyncio.run(whole())


SEND = ["send", "--from", "a@example.org", "--to", "b@example.org", "--text", "x"]


def at_the_command_line(*args, **environment):
    out = io.StringIO()
    before = {name: os.environ.get(name) for name in environment}
    try:
        os.environ.update(environment)
        with redirect_stdout(out), redirect_stderr(out):
            try:
                main(args)
            except SystemExit:
                pass
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return out.getvalue()


def environment_login(catcher, value):
    """Logs in with the password in RSMTP_PASSWORD. A value that a variable can't hold is skipped."""
    if not isinstance(value, str) or "\0" in value or "\ud800" in value:
        return None
    url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
    return at_the_command_line(*SEND, "--username", "ann", url, RSMTP_PASSWORD=value)


def released(catcher, value):
    """Releases a message from the web inbox to a server that refuses the login or fails earlier."""
    with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
        client.login("ann", "another")
        client.sendmail(*MESSAGE)
    given = {"host": catcher.host, "port": catcher.port, "tls": "none", "username": "ann", "password": value}
    return [release(catcher.messages[-1], given)]


def caught(catcher, value, *options, **environment):
    """Runs `rsmtp catch` on a port that is in use, so that it ends at once."""
    if not isinstance(value, str) or "\0" in value or "\ud800" in value:
        return None
    place = ["--host", catcher.host, "--port", str(catcher.port), "--no-web"]
    return at_the_command_line("catch", *place, *options, **environment)


def url_of(catcher, value, scheme="smtp"):
    if not isinstance(value, str):
        return value
    return f"{scheme}://ann:{value}@{catcher.host}:{catcher.port}?tls=none"


AIO = rsmtp.AsyncMailer
PLACES = {
    "login password": lambda c, v: client_login(c, password=v),
    "login token": lambda c, v: client_login(c, access_token=v),
    "login password, LOGIN": lambda c, v: client_login(c, password=v, mechanism="LOGIN"),
    "login password, CRAM-MD5": lambda c, v: client_login(c, password=v, mechanism="CRAM-MD5"),
    "login callable": lambda c, v: client_login(c, password=told(v)),
    "login token callable": lambda c, v: client_login(c, access_token=told(v)),
    "login callable, expiring": lambda c, v: client_login(c, password=told((v, time.time() + 3600))),
    "login callable, odd expiry": lambda c, v: client_login(c, access_token=told((v, v))),
    "login callable, three": lambda c, v: client_login(c, access_token=told((v, v, v))),
    "login callable, azure's": lambda c, v: client_login(c, access_token=told(Azures(v))),
    "login callable, another by force": lambda c, v: client_login(c, password=forced(v)),
    "mirror login": mirror_login,
    "async login": lambda c, v: async_login(c, password=v),
    "async login callable": lambda c, v: async_login(c, access_token=lambda: awaited(v)),
    "aiosmtplib login": lambda c, v: aiosmtplib_login(c, "login", v),
    "aiosmtplib auth_plain": lambda c, v: aiosmtplib_login(c, "auth_plain", v),
    "aiosmtplib auth_login": lambda c, v: aiosmtplib_login(c, "auth_login", v),
    "aiosmtplib auth_crammd5": lambda c, v: aiosmtplib_login(c, "auth_crammd5", v),
    "aiosmtplib auth_xoauth2": lambda c, v: aiosmtplib_login(c, "auth_xoauth2", v),
    "aiosmtplib password": lambda c, v: aiosmtplib_connects(c, password=v),
    "aiosmtplib generator": lambda c, v: aiosmtplib_connects(c, oauth_token_generator=lambda: awaited(v)),
    "docmd AUTH": lambda c, v: docmd(c, "AUTH", v),
    "docmd one text": lambda c, v: docmd(c, f"auth plain {v}" if isinstance(v, str) else v),
    "docmd NOOP before it": lambda c, v: docmd(c, f"NOOP\r\nAUTH PLAIN {v}" if isinstance(v, str) else v),
    "an answer by hand": answered,
    "an answer by send": sent,
    "authobject": by_authobject,
    "Mailer password": lambda c, v: by_mailer(c, username="ann", password=v),
    "Mailer token": lambda c, v: by_mailer(c, username="ann", access_token=v),
    "Mailer callable": lambda c, v: by_mailer(c, username="ann", password=told(v)),
    "Mailer url": lambda c, v: by_mailer(c, url=url_of(c, v)),
    "Mailer other url": lambda c, v: by_mailer(c, url=url_of(c, v, "smtpx")),
    "Mailer url as host": lambda c, v: by_mailer(c, url=None, host=url_of(c, v)),
    "Mailer proxy": lambda c, v: by_mailer(c, proxy=url_of(c, v, "socks5")),
    "client proxy": lambda c, v: rsmtp.SmtpClient(c.host, c.port, proxy=url_of(c, v, "http")),
    "client url as host": lambda c, v: rsmtp.SmtpClient(url_of(c, v)),
    "AsyncMailer password": lambda c, v: by_mailer(c, AIO, username="ann", password=v),
    "AsyncMailer token": lambda c, v: by_mailer(c, AIO, username="ann", access_token=v),
    "AsyncMailer callable": lambda c, v: by_mailer(c, AIO, username="ann", password=told(v)),
    "Mailer callable, expiring": lambda c, v: by_mailer(
        c, username="ann", access_token=told((v, time.time() + 3600))
    ),
    "AsyncMailer callable, expiring": lambda c, v: by_mailer(
        c, AIO, username="ann", access_token=told((v, time.time() + 3600))
    ),
    "AsyncMailer url": lambda c, v: by_mailer(c, AIO, url=url_of(c, v)),
    "rsmtp.send": lambda c, v: rsmtp.send(
        MESSAGE, host=c.host, port=c.port, tls="none", username="ann", password=v
    ),
    "rsmtp.asend": lambda c, v: rsmtp.asend(
        MESSAGE, host=c.host, port=c.port, tls="none", username="ann", access_token=v
    ),
    "Catcher password": lambda c, v: [rsmtp.Catcher(password=v)],
    "Catcher token": lambda c, v: [rsmtp.Catcher(token=v)],
    "command line": environment_login,
    "rsmtp catch": lambda c, v: caught(c, v, "--password", v),
    "rsmtp catch, environment": lambda c, v: caught(c, v, "--password-from-env", "CATCH", CATCH=v),
    "inbox release": released,
    "the engine's login": lambda c, v: [_rsmtp.Login("ann", password=v), _rsmtp.Login("ann", access_token=v)],
    "the engine's CRAM-MD5": lambda c, v: _rsmtp.cram_md5("ann", v, b"x"),
    "the engine's request": lambda c, v: _rsmtp.Request.login("ann", v),
}

HIDDEN = [
    re.compile(pattern)
    for text in (MARK, f"ann\0{MARK}", f"\0ann\0{MARK}")
    for pattern in (re.escape(text), re.escape(base64.b64encode(text.encode()).decode()[:14]))
]


def everything(result):
    """Everything that a program may show of a result."""
    if isinstance(result, (list, tuple)):
        for one in result:
            yield from everything(one)
        return
    yield repr(result)
    yield str(result)
    if isinstance(result, BaseException):
        yield "".join(traceback.format_exception(result))
        yield repr(result.args)
        yield repr(vars(result))
        for next_one in (result.__cause__, result.__context__):
            if next_one is not None:
                yield from everything(next_one)
    if hasattr(result, "_repr_mimebundle_"):
        yield from map(str, result._repr_mimebundle_().values())
    try:
        octets = pickle.dumps(result)
    except Exception:
        return
    yield octets.decode("latin-1")


@pytest.fixture(scope="module")
def catcher():
    with rsmtp.Catcher(tls="none", username="ann", password="another", auth_before_tls=True) as catcher:
        yield catcher


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nothing_shows_a_secret(place, value, catcher, caplog, capsys):
    with caplog.at_level(logging.DEBUG):
        result = tried(place, catcher, value)
    told_somewhere = [*everything(result), caplog.text, *capsys.readouterr()]
    for text in told_somewhere:
        for hidden in HIDDEN:
            assert not hidden.search(text), text[:2000]
