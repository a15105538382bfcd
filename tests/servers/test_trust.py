"""Which authorities rsmtp trusts by default, and how to choose others."""

import os
import smtplib
import ssl
import subprocess
import sys

import pytest

import rsmtp.smtplib
from rsmtp import TlsConfig


@pytest.fixture
def server(bed):
    server = rsmtp.smtplib.SMTP(bed.host, bed.ports["submission"], timeout=20)
    yield server
    server.close()


def test_starttls_verifies_without_being_told_to(server):
    with pytest.raises(ssl.SSLCertVerificationError):
        server.starttls()


def test_no_password_goes_where_verification_failed(bed, server):
    with pytest.raises(ssl.SSLCertVerificationError):
        server.starttls()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        server.login(bed.username, bed.password)


def test_implicit_tls_verifies_without_being_told_to(bed):
    with pytest.raises(ssl.SSLCertVerificationError):
        rsmtp.smtplib.SMTP_SSL(bed.host, bed.ports["smtps"], timeout=20)


def test_own_authority_by_tls_config(bed, server):
    assert server.starttls(context=TlsConfig(ca_file=bed.ca_file))[0] == 220
    assert server.login(bed.username, bed.password)[0] == 235


def test_another_name_by_tls_config(bed):
    config = TlsConfig(ca_file=bed.ca_file, server_name="localhost")
    with rsmtp.smtplib.SMTP_SSL("127.0.0.1", bed.ports["smtps"], context=config, timeout=20) as server:
        assert server.noop()[0] == 250


def test_certificate_for_another_name_with_tls_config(bed):
    with pytest.raises(ssl.SSLCertVerificationError):
        rsmtp.smtplib.SMTP_SSL("127.0.0.1", bed.ports["smtps"], context=TlsConfig(ca_file=bed.ca_file))


def test_verification_turned_off_by_tls_config(bed):
    config = TlsConfig(verify=False)
    with rsmtp.smtplib.SMTP_SSL(bed.host, bed.ports["smtps"], context=config, timeout=20) as server:
        assert server.noop()[0] == 250


def test_own_authority_by_environment(bed):
    program = (
        "import sys; from rsmtp import smtplib\n"
        "with smtplib.SMTP_SSL(sys.argv[1], int(sys.argv[2])) as server: print(server.noop()[0])"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, bed.host, str(bed.ports["smtps"])],
        env={**os.environ, "SSL_CERT_FILE": bed.ca_file},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (finished.stdout, finished.stderr) == ("250\n", "")


def test_password_that_is_not_ascii(bed, server):
    server.starttls(context=TlsConfig(ca_file=bed.ca_file))
    assert server.login("bob", "smørrebrød")[0] == 235
