"""STARTTLS and implicit TLS, with good and bad certificates."""

import smtplib
import ssl
import time

import pytest

import rsmtp


def test_starttls_with_the_ca_file(trust):
    with rsmtp.Catcher() as catcher:
        with smtplib.SMTP("localhost", catcher.port) as client:
            assert client.has_extn("starttls") is False
            client.starttls(context=trust(catcher))
            client.login(catcher.username, catcher.password)
            assert not client.has_extn("starttls")
            client.sendmail("a@b", "c@d", "x")
        [message] = catcher.messages
    assert message.tls.version == "TLSv1.3"
    assert message.tls.cipher.startswith("TLS_")
    assert message.tls.server_name == "localhost"
    assert "-- TLSv1.3 with" in str(message.conversation)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_implicit_tls(trust, host):
    with rsmtp.Catcher(tls="implicit") as catcher:
        with smtplib.SMTP_SSL(host, catcher.port, context=trust(catcher)) as client:
            assert not client.has_extn("starttls")
            client.login(catcher.username, catcher.password)
            client.sendmail("a@b", "c@d", "x" * 1_000_000)
        assert catcher.messages[0].size == 1_000_002


def test_tls_1_2_is_spoken_too(trust):
    with rsmtp.Catcher(tls="implicit") as catcher:
        context = trust(catcher)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with smtplib.SMTP_SSL("localhost", catcher.port, context=context) as client:
            client.sendmail("a@b", "c@d", "x")
        assert catcher.messages[0].tls.version == "TLSv1.2"


def test_a_client_that_trusts_others_is_shown(trust):
    with rsmtp.Catcher() as catcher:
        with pytest.raises(ssl.SSLCertVerificationError):
            secure(catcher, ssl.create_default_context())
        while not catcher.conversations[0].closed:
            time.sleep(0.01)
        assert "-- the TLS handshake failed" in str(catcher.conversations[0])


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("wrong-name", "Hostname mismatch"),
        ("expired", "has expired"),
        ("not-yet-valid", "not yet valid"),
        ("untrusted", "unable to get local issuer|signature failure|self-signed"),
        ("self-signed", "self-signed|unable to get local issuer"),
    ],
)
def test_bad_certificates(trust, tls, certificate, words):
    with rsmtp.Catcher(tls=tls) as catcher:
        catcher.fault("handshake", certificate=certificate, times=1)
        context = trust(catcher)
        with pytest.raises(ssl.SSLCertVerificationError, match=words):
            secure(catcher, context)
        secure(catcher, context)


def secure(catcher, context):
    if catcher.tls == "implicit":
        smtplib.SMTP_SSL("localhost", catcher.port, context=context).close()
        return
    client = smtplib.SMTP("localhost", catcher.port)
    try:
        client.starttls(context=context)
    finally:
        client.close()


def test_nothing_may_follow_starttls(line):
    with rsmtp.Catcher() as catcher, line(catcher) as raw:
        raw.say("EHLO me")
        raw.send(b"STARTTLS\r\nMAIL FROM:<a@b>\r\n")
        assert raw.reply()[0] == 554
        assert raw.rest() == b""


def test_what_was_learnt_before_tls_is_forgotten(line, trust):
    with rsmtp.Catcher(auth_before_tls=True) as catcher, line(catcher) as raw:
        raw.say("EHLO me", "MAIL FROM:<a@b>")
        raw.starttls(trust(catcher))
        assert raw.say("RCPT TO:<c@d>", "MAIL FROM:<a@b>", "EHLO me", "STARTTLS") == [
            503,
            503,
            250,
            503,
        ]


def test_starttls_injection_by_the_server(line):
    with rsmtp.Catcher() as catcher, line(catcher) as raw:
        catcher.fault("STARTTLS", extra=b"250 injected\r\n")
        raw.say("EHLO me")
        raw.send(b"STARTTLS\r\n")
        assert raw.file.readline().startswith(b"220 ")
        assert raw.file.readline() == b"250 injected\r\n"


def test_without_tls_there_is_no_ca_file():
    with rsmtp.Catcher(tls="none") as catcher:
        assert catcher.ca_file is None
