"""Both clients have the same names, signatures, defaults and documentation."""

import inspect
import typing

import pytest

import rsmtp
from rsmtp._client.verbs import Verbs

BLOCKING, ASYNC = rsmtp.SmtpClient, rsmtp.AsyncSmtpClient
# Names that only one of the two clients has.
ONLY_BLOCKING = {"__enter__", "__exit__"}
ONLY_ASYNC = {"__aenter__", "__aexit__", "__await__", "__del__"}
# Scripts that are parts of other scripts.
PARTS = {
    "_rsmtp_arrive",
    "_rsmtp_leave",
    "_rsmtp_log_in",
    "_rsmtp_secrets",
    "_rsmtp_open",
    "_rsmtp_open_for_mail",
    "_rsmtp_starttls_if_needed",
    "_rsmtp_cancel_auth",
    "_rsmtp_perform_auth",
    "_rsmtp_perform_seen",
    "_rsmtp_login_by_steps",
    "_rsmtp_ask_about",
    "_rsmtp_data_by_steps",
}
# Verbs that send nothing, or don't wait for an answer.
PLAIN = {"auth_cram_md5", "auth_login", "auth_plain", "close", "has_extn", "set_debuglevel"}


def names(cls):
    shared = set(dir(object))
    return {name for name in dir(cls) if not name.startswith("_") or name.startswith("__")} - shared


def verbs(cls):
    return {name for name in names(cls) if not name.startswith("_") and callable(getattr(cls, name))}


def test_names():
    assert names(BLOCKING) - names(ASYNC) == ONLY_BLOCKING
    assert names(ASYNC) - names(BLOCKING) == ONLY_ASYNC


@pytest.mark.parametrize("name", sorted(verbs(BLOCKING)))
def test_a_verb(name):
    blocking, awaited = getattr(BLOCKING, name), getattr(ASYNC, name)
    assert inspect.signature(blocking) == inspect.signature(awaited)
    assert blocking.__doc__ == awaited.__doc__
    assert blocking.__doc__
    assert blocking.__name__ == awaited.__name__
    assert inspect.iscoroutinefunction(awaited) == (name not in PLAIN)
    assert not inspect.iscoroutinefunction(blocking)
    assert typing.get_type_hints(blocking) == typing.get_type_hints(awaited)


def test_constructors():
    """The constructors agree. Arguments that only aiosmtplib has are in `rsmtp.aiosmtplib`."""
    assert inspect.signature(ASYNC) == inspect.signature(BLOCKING) == inspect.signature(Verbs)


def test_every_script_is_a_verb_of_both():
    """Without this check, a client could lack the verb for a script."""
    scripts = {
        name.removeprefix("_rsmtp_")
        for name, script in inspect.getmembers(Verbs)
        if inspect.isgeneratorfunction(script) and name not in PARTS
    }
    assert len(scripts) > 20
    for cls in (BLOCKING, ASYNC):
        assert scripts <= set(vars(cls))


def test_a_subclass_has_its_own_way():
    said = []

    class Mine(ASYNC):
        async def ehlo(self, name=""):
            said.append("ehlo")
            return await super().ehlo(name)

        async def rcpt(self, recip, options=()):
            said.append(recip)
            return await super().rcpt(recip, options)

    async def main(catcher):
        async with Mine(catcher.host, catcher.port) as client:
            return await client.sendmail("a@example.org", ["b@example.org"], "Subject: s\n\nhello\n")

    import asyncio

    with rsmtp.Catcher(tls="none") as catcher:
        assert asyncio.run(main(catcher)) == {}
        assert len(catcher.messages) == 1
    assert said == ["ehlo", "b@example.org"]
