"""Without a `tls` argument, a Mailer uses STARTTLS unless the server is on this machine. Servers on
the network use this machine's own address."""

import asyncio

import network
import pytest
from client.scripted import Server, answering, serve

import rsmtp
from rsmtp import errors

pytestmark = pytest.mark.usefixtures("either_mailer")

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
LOGIN = {"user": "ann", "password": "secret"}


@pytest.fixture(scope="session")
def here():
    return network.own_address()


def offering(*extensions, **where):
    return Server(answering(extensions=extensions), **where)


@pytest.mark.parametrize("more", [{}, LOGIN, {"context": rsmtp.TlsConfig(verify=False)}])
def test_nothing_goes_to_the_network_without_tls(here, more):
    with offering("AUTH PLAIN", host=here) as server:
        with rsmtp.Mailer(host=here, port=server.port, retries=0, **more) as mailer:
            with pytest.raises(errors.SMTPNotSupportedError, match='tls="none"') as caught:
                mailer.send(MESSAGE)
        assert f"{here}:{server.port}" in str(caught.value)
        assert b"MAIL" not in server.heard and b"AUTH" not in server.heard


def test_a_url_says_it_too(here):
    with offering(host=here) as server:
        with rsmtp.Mailer(f"smtp://{here}:{server.port}?tls=none", retries=0) as mailer:
            assert mailer.send(MESSAGE).ok
        with rsmtp.Mailer(f"smtp://{here}:{server.port}", retries=0) as mailer:
            with pytest.raises(errors.SMTPNotSupportedError):
                mailer.send(MESSAGE)


def test_on_the_network_by_starttls(here, monkeypatch):
    with rsmtp.Catcher(here, allow_remote=True) as catcher:
        monkeypatch.setenv("SSL_CERT_FILE", str(catcher.ca_file))
        with rsmtp.Mailer(host=here, port=catcher.port, retries=0) as mailer:
            mailer.send(MESSAGE).raise_for_refused()
        assert catcher.messages[0].tls is not None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_message_to_this_machine_needs_no_tls(host):
    with offering("STARTTLS") as server:
        with rsmtp.Mailer(host=host, port=server.port, retries=0) as mailer:
            assert mailer.send(MESSAGE).ok
        assert b"STARTTLS" not in server.heard
        with rsmtp.Mailer(f"smtp://{host}:{server.port}", retries=0) as mailer:
            assert mailer.send(MESSAGE).ok


def test_a_unix_socket_is_on_this_machine(tmp_path):
    path = tmp_path / "smtp.sock"
    with serve(answering(), path=path), rsmtp.Mailer(host=str(path), retries=0) as mailer:
        assert mailer.send(MESSAGE).ok


def test_a_login_on_this_machine_needs_no_tls():
    with offering("STARTTLS", "AUTH PLAIN") as server:
        with rsmtp.Mailer(host="localhost", port=server.port, retries=0, **LOGIN) as mailer:
            assert mailer.send(MESSAGE).ok
        assert b"STARTTLS" not in server.heard and b"AUTH PLAIN" in server.heard


@pytest.mark.parametrize("more", [{}, LOGIN])
def test_a_context_asks_for_tls_on_this_machine_too(more):
    more = {"context": rsmtp.TlsConfig(verify=False), **more}
    with offering("AUTH PLAIN") as server:
        with rsmtp.Mailer(host="localhost", port=server.port, retries=0, **more) as mailer:
            with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
                mailer.send(MESSAGE)
        assert b"MAIL" not in server.heard and b"AUTH" not in server.heard
        with rsmtp.Mailer(host="localhost", port=server.port, retries=0, tls="none", **more) as mailer:
            assert mailer.send(MESSAGE).ok


def test_one_call_does_the_same(here):
    for host, sent in ((here, False), ("127.0.0.1", True)):
        with offering(host=host) as server:
            for send in (rsmtp.send, lambda *given, **more: asyncio.run(rsmtp.asend(*given, **more))):
                if sent:
                    assert send(MESSAGE, host=host, port=server.port, retries=0).ok
                else:
                    with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
                        send(MESSAGE, host=host, port=server.port, retries=0)
