import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import rsmtp
from client import facade
from rsmtp import smtplib as mirror


@pytest.fixture(params=["blocking", "asyncio"])
def either_driver(request, monkeypatch):
    """Runs the test with both drivers. For asyncio, the facade replaces the blocking client."""
    if request.param == "blocking":
        yield request.param
        return
    monkeypatch.setattr(rsmtp, "SmtpClient", facade.Client)
    monkeypatch.setattr(mirror, "LMTP", facade.Lmtp)
    yield request.param
    facade.close_loop()


@pytest.fixture(scope="session")
def identity(tmp_path_factory):
    """A self-signed certificate with its key, for scripted servers and for clients."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("identity") / "identity.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture
def server_context(identity):
    """The server's side of TLS for a scripted server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity)
    return context
