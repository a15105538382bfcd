"""Which servers are trusted: every kind of certificate, with a TlsConfig and an SSLContext, by
STARTTLS and from the first octet."""

import contextlib
import datetime
import ipaddress
import smtplib
import socket
import ssl
import threading
import time
import warnings

import pytest
from client.scripted import serve
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import rsmtp

A, B = "a@example.org", "b@example.org"


class Authorities:
    """Certificates in a folder. Each PEM file holds a certificate and its key."""

    def __init__(self, folder):
        self.folder = folder
        ours = self.make("ca", "Our CA", authority=True)
        again = self.make("again", "Our CA", authority=True)
        other = self.make("other", "Other CA", authority=True)
        localhost = {"names": ["localhost"], "addresses": ["127.0.0.1"]}
        self.make("good", signer=ours, **localhost)
        self.make("another name", signer=ours, names=["mail.example.org"])
        self.make("a name in it", signer=ours, names=["localhost.example.org", "notlocalhost"])
        self.make("a wildcard for all", signer=ours, names=["*", "*.localhost"])
        self.make("the address as a name", signer=ours, names=["127.0.0.1"])
        self.make("the address only", signer=ours, addresses=["127.0.0.1"])
        self.make("another address", signer=ours, addresses=["127.0.0.2"])
        self.make("expired", signer=ours, begin=-9, end=-3, **localhost)
        self.make("not yet valid", signer=ours, begin=2, **localhost)
        self.make("self-signed", **localhost)
        self.make("by another authority", signer=other, **localhost)
        self.make("by its namesake", signer=again, **localhost)

    def make(
        self,
        name,
        common="localhost",
        *,
        authority=False,
        signer=None,
        names=(),
        addresses=(),
        begin=-1,
        end=5,
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
        now = datetime.datetime.now(datetime.UTC)
        issuer, issuer_key = signer or (subject, key)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=begin))
            .not_valid_after(now + datetime.timedelta(days=end))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if authority:
            others = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment"]
            others += ["key_agreement", "encipher_only", "decipher_only"]
            usage = dict.fromkeys(others, False)
            builder = builder.add_extension(
                x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True
            ).add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        else:
            alternatives = [x509.DNSName(n) for n in names]
            alternatives += [x509.IPAddress(ipaddress.ip_address(a)) for a in addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
            )
        certificate = builder.sign(issuer_key, hashes.SHA256())
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.path(name).write_bytes(pem + private)
        return subject, key

    def path(self, name):
        return self.folder / f"{name.replace(' ', '-')}.pem"


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    return Authorities(tmp_path_factory.mktemp("authorities"))


@pytest.fixture(params=["starttls", "implicit"])
def tls(request):
    return request.param


@pytest.fixture(params=["TlsConfig", "SSLContext"])
def trusting(request, authorities):
    if request.param == "TlsConfig":
        return rsmtp.TlsConfig(ca_file=authorities.path("ca"))
    return ssl.create_default_context(cafile=authorities.path("ca"))


def securing(authorities, name, tls, *, versions=None, then=None, lines=None):
    """A script that shows this certificate. Lines inside TLS are added to `lines`."""

    def script(peer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authorities.path(name))
        if versions:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                context.minimum_version, context.maximum_version = versions
        if tls == "starttls":
            peer.offer_tls()
        with contextlib.suppress(OSError):
            peer.secure(context)
            if tls == "implicit":
                peer.say("220 hello")
            if then:
                then(peer)
                return
            while line := peer.line():
                if lines is not None:
                    lines.append(line)
                peer.say("354 go on" if line == "DATA" else "221 bye" if line == "QUIT" else "250 ok")
                if line == "DATA":
                    peer.mail_data()
                    peer.say("250 queued")

    return script


def send(server, tls, context, host="localhost"):
    client = rsmtp.SmtpClient(timeout=5)
    client.context = context
    if tls == "implicit":
        client = rsmtp.SmtpClient(timeout=5, tls="implicit", context=context)
        client.connect(host, server.port)
    else:
        client.connect(host, server.port)
        client.starttls(context=context)
    assert client.sendmail(A, B, "x") == {}
    return client


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_good_certificate(authorities, tls, trusting, host):
    with serve(securing(authorities, "good", tls)) as server:
        client = send(server, tls, trusting, host)
        assert client.tls.verified and client.tls.server_name == host
        client.quit()


BAD = [
    "another name",
    "a name in it",
    "a wildcard for all",
    "the address as a name",
    "another address",
    "expired",
    "not yet valid",
    "self-signed",
    "by another authority",
    "by its namesake",
]
# Without a DNS name OpenSSL reads the common name, and an SSLContext is followed exactly.
BY_COMMON_NAME = {"another address"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("name", BAD)
def test_a_bad_certificate(authorities, tls, trusting, host, name):
    if name in BY_COMMON_NAME and host == "localhost" and isinstance(trusting, ssl.SSLContext):
        host = "127.0.0.1"
    lines = []
    with serve(securing(authorities, name, tls, lines=lines)) as server:
        with pytest.raises(ssl.SSLCertVerificationError) as caught:
            send(server, tls, trusting, host)
        server.wait_for_end()
    assert lines == []
    assert isinstance(caught.value, rsmtp.errors.SMTPCertificateError)
    if isinstance(trusting, rsmtp.TlsConfig):
        # The error says what to change: a name, a file, a clock, or who has to do it.
        advice = ("server_name", "ca_file", "clock", "owner")
        assert any(word in str(caught.value) for word in advice), str(caught.value)
        assert host in str(caught.value)


def test_an_address_is_verified_as_an_address(authorities, tls, trusting):
    with serve(securing(authorities, "the address only", tls)) as server:
        assert send(server, tls, trusting, "127.0.0.1").tls.verified


@pytest.mark.parametrize("name", BAD)
def test_nothing_is_verified_where_that_was_said(authorities, tls, name):
    for context in (rsmtp.TlsConfig(verify=False), ssl._create_unverified_context()):
        with serve(securing(authorities, name, tls)) as server:
            client = send(server, tls, context)
            assert client.tls.verified is False
            client.quit()


def test_a_context_that_does_not_look_at_the_name_is_obeyed(authorities, tls):
    context = ssl.create_default_context(cafile=authorities.path("ca"))
    context.check_hostname = False
    with serve(securing(authorities, "another name", tls)) as server:
        client = send(server, tls, context)
        # Nothing claims that the certificate was verified.
        assert client.tls.verified is False
        client.quit()
    for name in ("expired", "self-signed", "by another authority"):
        with serve(securing(authorities, name, tls)) as server:
            with pytest.raises(ssl.SSLCertVerificationError):
                send(server, tls, context)


@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_an_old_version_is_refused_with_advice(authorities, tls, trusting, version):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = (ssl.TLSVersion.TLSv1, ssl.TLSVersion[version])
    with serve(securing(authorities, "good", tls, versions=old)) as server:
        with pytest.raises(ssl.SSLError) as caught:
            send(server, tls, trusting)
    assert isinstance(caught.value, rsmtp.errors.SMTPTLSError)
    if isinstance(trusting, rsmtp.TlsConfig):
        assert "SSLContext" in str(caught.value) and "version" in str(caught.value)


@pytest.mark.parametrize("context", [5, "x", object(), b"", [], {}])
def test_what_is_no_context(authorities, tls, context):
    with serve(securing(authorities, "good", tls)) as server:
        with pytest.raises(TypeError, match="context"):
            send(server, tls, context)


# -- inside TLS --------------------------------------------------------------------


def raw_octets(octets):
    """Sends octets outside of TLS, as an attacker on the network would."""

    def then(peer):
        peer.line()
        with socket.socket(fileno=socket.dup(peer.socket.fileno())) as wire:
            wire.sendall(octets)
        peer.until_closed()

    return then


INSIDE = {
    "plaintext from an attacker": raw_octets(b"250 ok\r\n"),
    "a record that was changed": raw_octets(b"\x17\x03\x03\x00\x20" + b"\x55" * 32),
    "an alert in plaintext": raw_octets(b"\x15\x03\x03\x00\x02\x02\x28"),
    "a connection that ends without a word": lambda peer: (
        peer.line(),
        peer.socket.shutdown(socket.SHUT_RDWR),
    ),
    "an endless reply": lambda peer: [peer.line()] + [peer.say("250-" + "x" * 1000) for _ in range(20_000)],
    "nonsense": lambda peer: (peer.line(), peer.say("hello"), peer.until_closed()),
    "a reset": lambda peer: (peer.line(), peer.reset()),
}


@pytest.mark.parametrize("what", INSIDE)
def test_a_fault_inside_tls(authorities, tls, trusting, what):
    def then(peer):
        if what != "nothing":
            INSIDE[what](peer)

    with serve(securing(authorities, "good", tls, then=then)) as server:
        client = rsmtp.SmtpClient(timeout=5, tls=tls, context=trusting)
        with pytest.raises((ssl.SSLError, smtplib.SMTPServerDisconnected)) as caught:
            client.connect("localhost", server.port)
            client.ehlo_or_helo_if_needed()
        assert "handshake" not in str(caught.value)
        assert client.state == "broken"
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()
        client.close()


def test_the_end_of_tls_is_the_end(authorities, tls, trusting):
    """The server sends close_notify and leaves the connection open. The client doesn't wait."""
    over = threading.Event()

    def then(peer):
        peer.line()
        peer.socket.setblocking(False)
        with contextlib.suppress(ssl.SSLError, OSError):
            peer.socket.unwrap()
        over.wait(25)

    with serve(securing(authorities, "good", tls, then=then)) as server:
        client = rsmtp.SmtpClient(timeout=30, tls=tls, context=trusting)
        begin = time.monotonic()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.connect("localhost", server.port)
            client.ehlo_or_helo_if_needed()
        took = time.monotonic() - begin
        over.set()
        assert took < 15
        client.close()


def test_what_waits_after_the_handshake_is_no_answer(authorities, trusting):
    said = threading.Event()

    def then(peer):
        peer.say("250 I know what you will ask")
        said.set()
        peer.until_closed()

    with serve(securing(authorities, "good", "starttls", then=then)) as server:
        client = rsmtp.SmtpClient("localhost", server.port, timeout=20)
        client.starttls(context=trusting)
        assert said.wait(20)
        time.sleep(0.05)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.ehlo()
        assert client.state == "broken"
        client.close()


def test_a_250_that_waits_before_the_final_dot_inside_tls(authorities, tls, trusting):
    def then(peer):
        while line := peer.line():
            peer.say(*(["354 go on", "250 queued"] if line == "DATA" else ["250 ok"]))

    with serve(securing(authorities, "good", tls, then=then)) as server:
        client = rsmtp.SmtpClient(timeout=5, tls=tls, context=trusting)
        with pytest.raises(smtplib.SMTPServerDisconnected) as caught:
            client.connect("localhost", server.port)
            client.sendmail(A, B, "x\r\n" * 100_000)
        assert dict(caught.value.fates) == {B: "not sent"}
        client.close()


class Chain:
    """root - middle - leaf, with the given key usage of the middle's certificate. None means that
    it has no such extension."""

    def __init__(self, folder, usage):
        now = datetime.datetime.now(datetime.UTC)
        keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("root", "middle", "leaf")}

        def make(name, signer, *extensions):
            def subject(common):
                return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

            builder = (
                x509.CertificateBuilder()
                .subject_name(subject(name))
                .issuer_name(subject(signer))
                .public_key(keys[name].public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - datetime.timedelta(days=1))
                .not_valid_after(now + datetime.timedelta(days=5))
                .add_extension(x509.BasicConstraints(ca=name != "leaf", path_length=None), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[name].public_key()), False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[signer].public_key()), False
                )
            )
            for extension in extensions:
                builder = builder.add_extension(extension, critical=True)
            made = builder.sign(keys[signer], hashes.SHA256())
            return made.public_bytes(serialization.Encoding.PEM)

        def key_usage(*names):
            every = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment"]
            every += ["key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
            return x509.KeyUsage(**{name: name in names for name in every})

        root = make("root", "root", key_usage("key_cert_sign", "crl_sign"))
        middle = make("middle", "root", *([] if usage is None else [key_usage(*usage)]))
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        leaf = make("leaf", "middle", names)
        private = keys["leaf"].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "chain.pem").write_bytes(leaf + middle + private)
        (folder / "unneeded.pem").write_bytes(leaf + middle + root + leaf + private)
        (folder / "ca.pem").write_bytes(root)
        self.folder = folder

    def path(self, name):
        return self.folder / f"{name}.pem"


@pytest.mark.parametrize("store", ["ca_file", "SSL_CERT_FILE", "SSLContext"])
@pytest.mark.parametrize("shown", ["chain", "unneeded"])
@pytest.mark.parametrize(
    "usage",
    [None, ["key_cert_sign"], ["key_cert_sign", "digital_signature"], ["digital_signature"], ["crl_sign"]],
)
def test_an_authority_must_be_allowed_to_sign(tmp_path, monkeypatch, tls, store, shown, usage):
    """RFC 5280 section 4.2.1.3, as OpenSSL applies it."""
    chain = Chain(tmp_path, usage)
    if store == "ca_file":
        context = rsmtp.TlsConfig(ca_file=chain.path("ca"))
    elif store == "SSL_CERT_FILE":
        monkeypatch.setenv("SSL_CERT_FILE", str(chain.path("ca")))
        context = None
    else:
        context = ssl.create_default_context(cafile=chain.path("ca"))
    # From Python 3.13 on, the ssl module's own contexts want the extension to be there.
    strict = store == "SSLContext" and context.verify_flags & ssl.VERIFY_X509_STRICT
    allowed = "key_cert_sign" in usage if usage else not strict
    with serve(securing(chain, shown, tls)) as server:
        if allowed:
            send(server, tls, context).quit()
            return
        with pytest.raises(rsmtp.SMTPCertificateError) as raised:
            send(server, tls, context)
    if store != "SSLContext":
        assert "may not sign certificates (keyUsage without keyCertSign)" in str(raised.value)
        assert raised.value.hint == "The server's owner must replace it."
