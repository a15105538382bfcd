"""SCRAM and EXTERNAL between rsmtp's clients and the catcher. tests/catcher uses other clients."""

import ssl
import stat
from pathlib import Path

import pytest

import rsmtp
from rsmtp import errors
from rsmtp.testing import SmtpServer

either = pytest.mark.usefixtures("either_driver")
SCRAM = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1"]
WHO = [("ann", "s3cret"), ("a=b,c", "pä ss"), ("jörg", "\u2168")]


def tls_of(catcher, kind):
    """A context that trusts the catcher and uses this TLS version."""
    if kind == "TlsConfig":
        return rsmtp.TlsConfig(ca_file=catcher.ca_file)
    context = ssl.create_default_context(cafile=catcher.ca_file)
    if kind == "TLS 1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize("kind", ["TlsConfig", "SSLContext", "TLS 1.2"])
def test_our_clients_log_in_by_each(mechanism, kind, either_driver):
    with rsmtp.Catcher(username="ann", password="s3cret") as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port, context=tls_of(catcher, kind)) as client:
            client.starttls()
            assert client.login("ann", "s3cret", mechanism=mechanism)[0] == 235
            client.sendmail("a@b.example", ["c@d.example"], "x")
        assert catcher.messages[0].user == "ann"


@either
@pytest.mark.parametrize(("user", "password"), WHO)
def test_names_and_passwords_are_prepared(user, password):
    with rsmtp.Catcher(tls="none", username=user, password=password) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            assert client.login(user, password)[0] == 235
            client.sendmail("a@b.example", ["c@d.example"], "x")
        assert catcher.messages[0].user == user
        assert "AUTH SCRAM-SHA-256 ****" in str(catcher.messages[0].conversation)


@either
@pytest.mark.parametrize("mechanism", SCRAM)
@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("eve", "s3cret")])
def test_a_wrong_login_is_refused(mechanism, user, password):
    with rsmtp.Catcher(username="ann", password="s3cret") as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port, context=tls_of(catcher, "TlsConfig")) as client:
            client.starttls()
            with pytest.raises(errors.SMTPAuthenticationError) as raised:
                client.login(user, password, mechanism=mechanism)
            assert raised.value.smtp_code == 535
            assert client.login("ann", "s3cret", mechanism=mechanism)[0] == 235


def offered(client):
    client.ehlo()
    return client.esmtp_features["auth"].split()


def test_what_is_offered_where():
    with rsmtp.Catcher(auth_before_tls=True) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port, context=tls_of(catcher, "TlsConfig")) as client:
            assert offered(client)[:3] == ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5"]
            assert "EXTERNAL" not in offered(client)
            client.starttls()
            assert offered(client)[:4] == SCRAM and "EXTERNAL" not in offered(client)
        shown = rsmtp.TlsConfig(ca_file=catcher.ca_file, client_certificate=catcher.client_certificate)
        with rsmtp.SmtpClient(catcher.host, catcher.port, context=shown) as client:
            client.starttls()
            assert "EXTERNAL" in offered(client)
    # With any password accepted, the server can't prove that it knows one.
    with rsmtp.Catcher(tls="none", any_login=True) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            assert offered(client) == ["CRAM-MD5", "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"]
            assert client.login("eve", "anything")[0] == 235
    with rsmtp.Catcher(tls="none", any_login=True, password="p", mechanisms=["SCRAM-SHA-1"]) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            assert client.login("eve", "p")[0] == 235


# -- EXTERNAL -------------------------------------------------------------------------


@either
@pytest.mark.parametrize("user", [None, "ann@example.org", "eve"])
def test_the_owner_of_a_certificate_logs_in_by_external(user):
    with rsmtp.Catcher(username="ann@example.org") as catcher:
        shown = rsmtp.TlsConfig(ca_file=catcher.ca_file, client_certificate=catcher.client_certificate)
        with rsmtp.SmtpClient(catcher.host, catcher.port, context=shown) as client:
            client.starttls()
            if user == "eve":
                with pytest.raises(errors.SMTPAuthenticationError):
                    client.login(user, mechanism="EXTERNAL")
                return
            assert client.login(user, mechanism="EXTERNAL")[0] == 235
            client.sendmail("a@b.example", ["c@d.example"], "x")
        assert catcher.messages[0].user == "ann@example.org"


def test_the_server_of_the_tests_has_it_too():
    with SmtpServer(tls="starttls") as server:
        shown = rsmtp.TlsConfig(ca_file=server.ca_file, client_certificate=server.client_certificate)
        with rsmtp.SmtpClient(server.host, server.port, context=shown) as client:
            client.starttls()
            assert client.login(mechanism="EXTERNAL")[0] == 235
    with SmtpServer(tls="none") as server:
        assert server.client_certificate is None


def test_its_file_is_private_and_goes_with_the_catcher():
    with rsmtp.Catcher() as catcher:
        path = Path(catcher.client_certificate)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert catcher.client_certificate == str(path) and "PRIVATE KEY" in path.read_text()
    assert not path.exists()
    with rsmtp.Catcher(tls="none") as catcher:
        assert catcher.client_certificate is None


def test_a_kept_authority_vouches_for_clients_too(tmp_path):
    for _ in range(2):
        with rsmtp.Catcher(authority=tmp_path / "authority", tls="implicit") as catcher:
            shown = rsmtp.TlsConfig(ca_file=catcher.ca_file, client_certificate=catcher.client_certificate)
            with rsmtp.SmtpClient("localhost", catcher.port, tls="implicit", context=shown) as client:
                assert client.login(mechanism="EXTERNAL")[0] == 235


def test_a_certificate_of_another_authority_is_refused(identity):
    with rsmtp.Catcher() as catcher:
        shown = rsmtp.TlsConfig(ca_file=catcher.ca_file, client_certificate=identity)
        client = rsmtp.SmtpClient(catcher.host, catcher.port, context=shown)
        with pytest.raises(errors.SMTPException):
            client.starttls()
            client.ehlo()
        client.close()


@pytest.mark.parametrize("mechanism", ["EXTERNAL", *SCRAM])
@pytest.mark.parametrize("mailer", ["blocking", "asyncio"])
def test_mailers_log_in_too(mechanism, mailer):
    message = rsmtp.Message("x", subject="x", from_="a@b.example", to="c@d.example")
    with rsmtp.Catcher(require_auth=True, username="ann") as catcher:
        shown = rsmtp.TlsConfig(ca_file=catcher.ca_file, client_certificate=catcher.client_certificate)
        settings = {"host": catcher.host, "port": catcher.port, "context": shown, "mechanism": mechanism}
        if mechanism != "EXTERNAL":
            settings |= {"username": "ann", "password": catcher.password}
        if mailer == "blocking":
            assert rsmtp.send(message, **settings).ok
        else:
            import asyncio

            assert asyncio.run(rsmtp.asend(message, **settings)).ok
        assert [message.user for message in catcher.messages] == ["ann"]
