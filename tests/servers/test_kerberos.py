"""Logins with a Kerberos ticket (RFC 4752) from a test KDC, to a Dovecot that has the service's
key.

The Kerberos library is configured by the environment, so each test sets that.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time

import pytest

import rsmtp
from rsmtp import errors
from rsmtp.credentials import CredentialError
from rsmtp.credentials.kerberos import Ticket
from servers.others import Dovecot, running
from servers.test_logins import WAYS, arrived, at, trust

every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
pytestmark = pytest.mark.usefixtures("in_the_realm")
BY_TICKET = {"mechanism": "GSSAPI"}


@pytest.fixture
def log_before():
    return {}


@pytest.fixture(scope="module")
def dovecot(realm):
    with running(Dovecot, realm) as server:
        yield server


@pytest.fixture
def relay(dovecot):
    with rsmtp.Catcher(tls="none", port=dovecot.relay) as catcher:
        yield catcher


@pytest.fixture
def message():
    return rsmtp.Message("hello", subject="By a ticket", from_="ann@bed.test", to="b@example.org")


@every_way
@pytest.mark.parametrize("user", [None, "ann"])
@pytest.mark.usefixtures("ticket")
def test_a_ticket_logs_in(dovecot, relay, message, way, user):
    way(message, BY_TICKET | {"username": user}, **at(dovecot))
    arrived(message, relay)
    who = "ann" if user else "ann@bed.test"
    assert f"user=<{who}>, method=GSSAPI," in dovecot.log()


@every_way
def test_a_key_in_a_file_gets_the_ticket(realm, dovecot, relay, message, way, monkeypatch, tmp_path):
    keytab = tmp_path / "keytab"
    realm.export("eve", keytab)
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(keytab))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/cache")
    way(message, BY_TICKET, **at(dovecot))
    arrived(message, relay)
    assert "user=<eve@bed.test>, method=GSSAPI," in dovecot.log()


@every_way
@pytest.mark.usefixtures("ticket")
def test_a_ticket_lets_in_its_owner_alone(dovecot, message, way):
    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        way(message, BY_TICKET | {"username": "eve"}, **at(dovecot))
    assert raised.value.hint.startswith("The server does not let in the owner of this ticket or certificate")


@every_way
@pytest.mark.usefixtures("ticket")
def test_without_tls_it_is_the_same(dovecot, relay, message, way):
    """The server is on this machine, and without TLS there is nothing to bind the login to."""
    with rsmtp.SmtpClient(dovecot.host, dovecot.port, tls="none") as client:
        assert client.login(mechanism="GSSAPI")[0] == 235


# -- what is missing is told before anything is sent ------------------------------------------


def refused(way, message, server, *, host=None):
    there = at(server, server_name="localhost") | ({} if host is None else {"host": host})
    with pytest.raises(CredentialError) as raised:
        way(message, BY_TICKET, **there)
    return str(raised.value)


@every_way
def test_no_ticket(dovecot, message, way):
    said = refused(way, message, dovecot)
    assert said == "there is no Kerberos ticket: get one with kinit, or name a keytab in KRB5_CLIENT_KTNAME"
    assert "no auth attempts" in dovecot.log() or "GSSAPI" not in dovecot.log()


@pytest.fixture(scope="module")
def expired(realm):
    """The fixture is made once, because the ticket takes time to expire."""
    cache = realm.ticket("ann", "1s")
    time.sleep(3)
    return cache


@every_way
def test_a_ticket_that_has_expired(expired, dovecot, message, way, monkeypatch):
    monkeypatch.setenv("KRB5CCNAME", expired)
    assert "has expired: get a new one with kinit" in refused(way, message, dovecot)


@every_way
@pytest.mark.usefixtures("ticket")
def test_a_server_that_the_realm_does_not_know(dovecot, message, way):
    said = refused(way, message, dovecot, host="127.0.0.1")
    assert "has no service smtp/127.0.0.1: connect by the name" in said


@pytest.mark.usefixtures("ticket")
@pytest.mark.parametrize("host", ["other.test", "OTHER.test."])
def test_a_server_of_another_realm(host):
    with pytest.raises(
        CredentialError, match=r"has no service smtp/(?i:other\.test): connect by .* own realm"
    ):
        Ticket(host)


@pytest.mark.usefixtures("ticket")
def test_a_realm_that_this_machine_does_not_know(tmp_path, monkeypatch):
    (tmp_path / "krb5.conf").write_text("[libdefaults]\ndns_lookup_kdc = false\nrdns = false\n")
    monkeypatch.setenv("KRB5_CONFIG", str(tmp_path / "krb5.conf"))
    with pytest.raises(CredentialError, match=r"no KDC is known .* smtp/localhost: say in krb5.conf"):
        Ticket("localhost")


@pytest.mark.parametrize("host", ["", "/run/smtp"])
def test_a_server_without_a_name(host):
    with pytest.raises(CredentialError, match='mechanism="GSSAPI" needs the name of the server'):
        Ticket(host)


def test_a_kdc_that_does_not_answer(realm, monkeypatch):
    monkeypatch.setenv("KRB5CCNAME", realm.ticket("ann"))
    realm.stop()
    try:
        with pytest.raises(
            CredentialError, match="no KDC answers that could give a ticket for smtp/"
        ) as raised:
            Ticket("localhost")
        assert raised.value.transient
    finally:
        realm.start()


@every_way
def test_without_the_package(dovecot, message, way, monkeypatch):
    monkeypatch.setitem(sys.modules, "gssapi", None)
    assert (
        refused(way, message, dovecot) == "mechanism=\"GSSAPI\" needs gssapi: pip install 'rsmtp[kerberos]'"
    )


@every_way
def test_it_takes_no_password(dovecot, message, way):
    with pytest.raises(ValueError, match="mechanism: "):
        way(message, BY_TICKET | {"username": "ann", "password": "x"}, **at(dovecot))


@pytest.mark.usefixtures("ticket")
def test_an_event_loop_goes_on_while_the_kdc_is_asked(dovecot, monkeypatch):
    made = Ticket.__init__

    def slow(self, host):
        time.sleep(0.5)
        made(self, host)

    monkeypatch.setattr(Ticket, "__init__", slow)

    async def main(timeout):
        turns = 0

        async def ticking():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.01)

        ticker = asyncio.create_task(ticking())
        async with rsmtp.AsyncSmtpClient(
            dovecot.host, dovecot.port, context=trust(dovecot), timeout=20
        ) as client:
            client.timeout = timeout
            reply = await client.login(mechanism="GSSAPI")
        ticker.cancel()
        return reply, turns

    reply, turns = asyncio.run(main(20))
    assert reply[0] == 235 and turns > 5
    monkeypatch.setattr(Ticket, "__init__", lambda self, host: time.sleep(3))

    async def late():
        async with rsmtp.AsyncMailer(**at(dovecot), **BY_TICKET, timeout=0.2, retries=0) as mailer:
            await mailer.send(("a@x.example", ["b@x.example"], b"x"))

    with pytest.raises(errors.SMTPTimeoutError, match="getting a Kerberos ticket took longer than 0.2 s"):
        asyncio.run(late())


# -- the command line -------------------------------------------------------------------------


def command(dovecot, *words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "rsmtp", *words, "--mechanism", "GSSAPI", "--ca-file", dovecot.ca_file],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.usefixtures("ticket")
def test_the_command_line(dovecot, relay):
    url = f"smtp://{dovecot.host}:{dovecot.port}?tls=starttls"
    sent = command(
        dovecot, "send", "--server", url, "--from", "ann@bed.test", "--to", "b@x.example", "--text", "x"
    )
    assert sent.returncode == 0 and len(relay.messages) == 1, sent.stderr
    seen = command(dovecot, "check", "--login", "--json", url)
    assert json.loads(seen.stdout)["ports"][0]["login"] == {"username": None, "mechanism": "GSSAPI"}
    none = command(
        dovecot,
        "send",
        "--server",
        url,
        "--from",
        "a@x.example",
        "--to",
        "b@x.example",
        "--text",
        "x",
        KRB5CCNAME="FILE:/nonexistent/cache",
    )
    assert none.returncode == 77 and "there is no Kerberos ticket: get one with kinit" in none.stderr
    assert "Traceback" not in none.stderr


# -- many at once -----------------------------------------------------------------------------


@pytest.mark.usefixtures("ticket")
def test_sessions_that_log_in_at_once_while_others_look_on(dovecot, relay):
    """The library releases the interpreter while it works, so nothing may wait for it."""
    messages = [("ann@bed.test", ["b@example.org"], f"Subject: {n}\r\n\r\nx\r\n".encode()) for n in range(40)]
    settings = at(dovecot) | BY_TICKET | {"tls": "starttls", "connections": 4, "max_messages": 2, "window": 1}
    with rsmtp.Mailer(**settings) as mailer:
        ended = threading.Event()

        def look():
            while not ended.is_set():
                assert "localhost" in repr(mailer)
                time.sleep(0)

        onlookers = [threading.Thread(target=look) for _ in range(2)]
        for each in onlookers:
            each.start()
        try:
            assert mailer.send_all(messages).sent == 40
        finally:
            ended.set()
            for each in onlookers:
                each.join()

    async def main():
        async with rsmtp.AsyncMailer(**settings) as mailer:
            return (await mailer.send_all(messages)).sent

    assert asyncio.run(main()) == 40
    assert len(relay.messages) == 80
