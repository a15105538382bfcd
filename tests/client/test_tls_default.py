"""Without a `tls` argument, STARTTLS comes before a login and before mail, unless the connection
stays on this machine. Servers on the network use this machine's own address."""

import contextlib
import smtplib as stdlib
import socket
import ssl

import network
import pytest

import rsmtp
from client.scripted import Server, answering, serve
from rsmtp import errors
from rsmtp import smtplib as mirror

pytestmark = pytest.mark.usefixtures("either_driver")

A, B = "a@example.org", "b@example.org"
MESSAGE = rsmtp.Message("hi", subject="s", from_=A, to=B)
UNVERIFIED = rsmtp.TlsConfig(verify=False)


@pytest.fixture(scope="session")
def here():
    return network.own_address()


@pytest.fixture
def remote(here, monkeypatch, tmp_path):
    """A Catcher on the network. The system trusts its authority."""
    with rsmtp.Catcher(here, allow_remote=True) as catcher:
        monkeypatch.setenv("SSL_CERT_FILE", str(catcher.ca_file))
        yield catcher


def commands(catcher):
    said = [line for line in catcher.conversations[-1].lines if line.startswith("C: ")]
    return [line[3:].split()[0].upper() for line in said]


def a_sendmail(client):
    client.sendmail(A, B, b"Subject: x\r\n\r\nhi\r\n")


def a_message(client):
    client.send_message(MESSAGE)


def a_mail(client):
    assert client.mail(A)[0] == 250


def a_mail_by_hand(client):
    assert client.docmd("MAIL", f"FROM:<{A}>")[0] == 250


def a_login(client):
    client.login("ann", "secret")


def an_auth(client):
    client.user, client.password = "ann", "secret"
    client.auth("PLAIN", client.auth_plain)


WAYS = [a_sendmail, a_message, a_mail, a_mail_by_hand, a_login, an_auth]


@pytest.mark.parametrize("introduced", [False, True, "helo"])
@pytest.mark.parametrize("way", WAYS)
def test_starttls_comes_first_on_the_network(remote, way, introduced):
    with rsmtp.SmtpClient(remote.host, remote.port, timeout=20) as client:
        if introduced:
            client.helo() if introduced == "helo" else client.ehlo()
        assert client.tls is None
        with contextlib.suppress(errors.SMTPAuthenticationError):
            way(client)
        assert client.tls.verified
        assert client.has_extn("auth")  # of the second EHLO
    said = commands(remote)
    at = said.index("STARTTLS")
    assert said[at - 1 : at + 2] == ["EHLO", "STARTTLS", "EHLO"]
    assert not {"MAIL", "AUTH"} & set(said[:at])


def test_once_a_session(remote):
    with rsmtp.SmtpClient(remote.host, remote.port, timeout=20) as client:
        a_sendmail(client)
        a_sendmail(client)
        client.connect(remote.host, remote.port)
        a_sendmail(client)
    assert remote.count == 3
    assert [conversation.tls is not None for conversation in remote.conversations] == [True, True]


def test_the_tutorials_script_says_what_it_always_said(remote):
    server = rsmtp.SmtpClient(remote.host, remote.port, timeout=20)
    server.ehlo()
    server.starttls()
    server.ehlo()
    server.login(remote.username, remote.password)
    server.sendmail(A, B, "Subject: x\n\nhi\n")
    server.quit()
    said = commands(remote)
    assert said[:4] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
    assert said[-1] == "QUIT" and "MAIL" in said and said.count("EHLO") == 2


def without_starttls(here, **replies):
    return Server(answering(replies, extensions=["AUTH PLAIN LOGIN"]), host=here)


@pytest.mark.parametrize("options", [{}, {"allow_plaintext_auth": True}, {"context": UNVERIFIED}])
@pytest.mark.parametrize("way", WAYS)
def test_where_it_is_not_offered_the_error_names_the_host_and_the_way_out(here, way, options):
    with (
        without_starttls(here) as server,
        rsmtp.SmtpClient(here, server.port, timeout=20, **options) as client,
    ):
        for _ in range(2):
            with pytest.raises(errors.SMTPNotSupportedError, match="tls=.none.") as caught:
                way(client)
            assert here in str(caught.value)
            assert caught.value.stage == "starttls"
        assert b"MAIL" not in server.heard and b"AUTH" not in server.heard
        assert client.noop()[0] == 250  # the session can still be used for what is no mail


@pytest.mark.parametrize("way", WAYS)
def test_where_it_is_refused_nothing_goes_out_either(here, way):
    script = answering({"STARTTLS": "454 4.7.0 not now"}, extensions=["STARTTLS", "AUTH PLAIN"])
    with Server(script, host=here) as server, rsmtp.SmtpClient(here, server.port, timeout=20) as client:
        for error in (errors.SMTPResponseException, errors.SMTPException):
            with pytest.raises(error):
                way(client)
        assert b"MAIL" not in server.heard and b"AUTH" not in server.heard


def test_none_means_none(here):
    with without_starttls(here) as server, rsmtp.SmtpClient(here, server.port, tls="none") as client:
        a_sendmail(client)
        with pytest.raises(errors.SMTPNotSupportedError, match="not encrypted"):
            a_login(client)
    with (
        without_starttls(here) as server,
        rsmtp.SmtpClient(here, server.port, tls="none", allow_plaintext_auth=True) as client,
    ):
        a_login(client)


def test_on_loopback_a_message_and_a_login_go_without_tls():
    script = answering(extensions=["STARTTLS", "AUTH PLAIN"])
    with serve(script) as server, rsmtp.SmtpClient("localhost", server.port) as client:
        a_sendmail(client)
        a_login(client)
        assert b"STARTTLS" not in server.heard


def test_on_loopback_a_context_asks_for_tls(server_context):
    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 STARTTLS")
        assert peer.line() == "STARTTLS"
        peer.say("220 go")
        peer.secure(server_context)
        answering(greeting="250 server")(after_hello(peer))

    with serve(script) as server, rsmtp.SmtpClient("localhost", server.port, context=UNVERIFIED) as client:
        a_sendmail(client)
        assert client.tls is not None


def after_hello(peer):
    """Reads the EHLO. The greeting of the script that continues is its answer."""
    peer.line()
    return peer


def test_the_clients_context_is_that_of_starttls(remote, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with rsmtp.SmtpClient(remote.host, remote.port, context=UNVERIFIED) as client:
        client.starttls()
        assert client.tls.verified is False


def test_the_address_decides_and_not_the_name(here, monkeypatch):
    """The name suggests this machine, but its address is another one."""
    found = socket.getaddrinfo

    def elsewhere(host, *args, **options):
        return found(here if host == "localhost" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
    with without_starttls(here) as server, rsmtp.SmtpClient("localhost", server.port, timeout=20) as client:
        with pytest.raises(errors.SMTPNotSupportedError, match="localhost does not offer STARTTLS"):
            a_sendmail(client)


@pytest.mark.parametrize("host", ["mail.example.org", "127.0.0.1.example.org"])
def test_a_socket_to_this_machine_may_lead_elsewhere(host, either_driver):
    with serve(answering()) as server:
        sock = socket.create_connection((server.host, server.port))
        with rsmtp.SmtpClient(host, sock=sock, timeout=20) as client:
            with pytest.raises(errors.SMTPNotSupportedError, match=host):
                a_sendmail(client)


def test_a_unix_socket_stays_here(tmp_path):
    path = tmp_path / "smtp.sock"
    with serve(answering(), path=path), rsmtp.SmtpClient(socket_path=path, timeout=20) as client:
        a_sendmail(client)


def test_the_mirror_does_as_smtplib(here):
    for module in (mirror, stdlib):
        with without_starttls(here) as server, module.SMTP(here, server.port, timeout=20) as client:
            client.sendmail(A, [B], "Subject: x\n\nhi\n")
            assert b"mail from" in server.heard.lower()


def test_a_server_that_shows_another_certificate_hears_nothing(here):
    with rsmtp.Catcher(here, allow_remote=True) as catcher:
        with rsmtp.SmtpClient(here, catcher.port, timeout=20) as client, pytest.raises(ssl.SSLError):
            a_sendmail(client)
        assert catcher.count == 0


def test_a_subclass_has_its_own_way_of_it(remote):
    class Own(mirror.SMTP):
        _rsmtp_like_smtplib = False

        def starttls(self, **options):
            called.append("starttls")
            return super().starttls(**options)

    called = []
    with Own(remote.host, remote.port, timeout=20) as client:
        a_sendmail(client)
    assert called == ["starttls"]
