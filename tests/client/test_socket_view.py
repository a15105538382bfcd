"""`client.sock` gives the same facts about TLS as the standard library's socket."""

import asyncio
import smtplib
import ssl

import pytest

import rsmtp
from client.scripted import answering, serve


def stdlib_tells(catcher):
    with smtplib.SMTP("localhost", catcher.port) as server:
        server.starttls(context=ssl.create_default_context(cafile=catcher.ca_file))
        return server.sock.getpeercert(), server.sock.getpeercert(True), server.sock.cipher()


@pytest.fixture(scope="module")
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


@pytest.mark.parametrize("kind", ["TlsConfig", "SSLContext"])
@pytest.mark.parametrize("client", ["SmtpClient", "AsyncSmtpClient"])
def test_the_certificate_and_the_cipher(catcher, client, kind):
    context = {
        "TlsConfig": lambda: rsmtp.TlsConfig(ca_file=catcher.ca_file),
        "SSLContext": lambda: ssl.create_default_context(cafile=catcher.ca_file),
    }[kind]()
    opened = getattr(rsmtp, client)("localhost", catcher.port, tls="starttls", context=context)

    async def look():
        async with opened:
            return tells(opened.sock)

    def tells(sock):
        return sock.getpeercert(), sock.getpeercert(True), sock.cipher(), sock.version()

    told, der, cipher, version = asyncio.run(look()) if client == "AsyncSmtpClient" else tells(opened.sock)
    if client == "SmtpClient":
        opened.quit()
    theirs, their_der, their_cipher = stdlib_tells(catcher)
    assert der == their_der
    assert {key: told[key] for key in ("subject", "issuer", "notBefore", "notAfter")} == {
        key: theirs[key] for key in ("subject", "issuer", "notBefore", "notAfter")
    }
    assert told["subjectAltName"][:2] == theirs["subjectAltName"][:2]
    assert ssl.cert_time_to_seconds(told["notAfter"]) > ssl.cert_time_to_seconds(told["notBefore"])
    assert (cipher, version) == (their_cipher, their_cipher[1])


def test_without_verification_and_without_tls(catcher):
    with rsmtp.SmtpClient(
        "localhost", catcher.port, tls="starttls", context=rsmtp.TlsConfig(verify=False)
    ) as client:
        assert client.sock.getpeercert() == {}
        assert client.sock.getpeercert(binary_form=True)
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        assert client.sock.getpeercert() is client.sock.cipher() is client.sock.version() is None


def test_the_name_that_the_certificate_is_for(catcher):
    """STARTTLS to an address or through a tunnel, with a check of the server's own name."""
    context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        client.starttls(context=context, server_hostname="localhost")
        assert client.tls.server_name == "localhost"
    with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        with pytest.raises(rsmtp.SMTPCertificateError):
            client.starttls(context=context, server_hostname="other.example")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("Ann <ann@example.org>", "ann@example.org"),
        ('"a > b" <ann@example.org>', "ann@example.org"),
        ("ann@example.org (Ann)", "ann@example.org"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("Ann Lee", "Ann Lee"),
    ],
)
def test_what_vrfy_asks_about(given, said):
    with serve(answering()) as server, rsmtp.SmtpClient(server.host, server.port) as client:
        client.verify(given)
        client.expn(given)
        client.quit()
        server.wait_for_end()
        assert f"VRFY {said}\r\nEXPN {said}\r\n".encode().lower() in server.heard.lower()


@pytest.mark.parametrize("given", ["ann@example.org> SIZE=1", "<ann@example.org", "a <b@c> d", "a <b> <c>"])
def test_stray_brackets_in_what_vrfy_asks_about(given):
    with serve(answering()) as server, rsmtp.SmtpClient(server.host, server.port) as client:
        for verb in (client.verify, client.expn):
            with pytest.raises(ValueError, match="angle brackets"):
                verb(given)
