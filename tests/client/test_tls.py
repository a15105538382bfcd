"""TLS is verified by default and configured by keywords, and an SSLContext is followed exactly."""

import smtplib
import ssl
import time

import pytest

import rsmtp
from client.scripted import serve
from rsmtp import errors
from rsmtp import smtplib as mirror

pytestmark = pytest.mark.usefixtures("either_driver")

A, B = "a@example.org", "b@example.org"


def connected(catcher, tls, context, **options):
    return rsmtp.SmtpClient("localhost", catcher.port, tls=tls, context=context, timeout=20, **options)


@pytest.fixture(params=["starttls", "implicit"])
def tls(request):
    return request.param


@pytest.fixture
def catcher(tls):
    with rsmtp.Catcher(tls=tls) as catcher:
        yield catcher


# -- certificates ------------------------------------------------------------


def test_an_unknown_authority_is_refused_and_the_message_says_what_to_do(catcher, tls):
    with pytest.raises(errors.SMTPCertificateError) as caught:
        connected(catcher, tls, None)
    assert isinstance(caught.value, ssl.SSLCertVerificationError)
    assert caught.value.stage == "handshake"
    assert "ca_file" in str(caught.value)
    assert catcher.count == 0


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ("wrong-name", "name"),
        ("expired", "expired"),
        ("not-yet-valid", "not yet|not valid yet"),
        ("untrusted", "ca_file|signature"),
        ("self-signed", "ca_file|self-signed"),
    ],
)
def test_a_bad_certificate_is_refused_in_words(catcher, tls, certificate, words):
    catcher.fault("handshake", certificate=certificate)
    with pytest.raises(errors.SMTPCertificateError, match=words):
        connected(catcher, tls, rsmtp.TlsConfig(ca_file=catcher.ca_file))
    assert not any("AUTH" in line or "MAIL" in line for line in catcher.conversations[0].lines)


@pytest.mark.parametrize(
    "certificate", ["wrong-name", "expired", "not-yet-valid", "untrusted", "self-signed"]
)
def test_what_an_ssl_context_raises_is_the_cause_of_ours(catcher, tls, certificate):
    catcher.fault("handshake", certificate=certificate)
    context = ssl.create_default_context(cafile=catcher.ca_file)
    with pytest.raises(errors.SMTPCertificateError) as caught:
        connected(catcher, tls, context)
    assert type(caught.value.__cause__) is ssl.SSLCertVerificationError
    assert caught.value.verify_message == caught.value.__cause__.verify_message != ""


@pytest.mark.parametrize("certificate", [None, "wrong-name", "expired", "self-signed"])
def test_verify_false_takes_any_certificate(catcher, tls, certificate):
    if certificate:
        catcher.fault("handshake", certificate=certificate)
    with connected(catcher, tls, rsmtp.TlsConfig(verify=False)) as client:
        assert client.sendmail(A, B, "x") == {}
        assert client.tls.verified is False


def test_ca_file_server_name_and_facts(catcher, tls):
    config = rsmtp.TlsConfig(ca_file=catcher.ca_file, server_name="localhost")
    client = rsmtp.SmtpClient("127.0.0.1", catcher.port, tls=tls, context=config, timeout=20)
    assert client.sendmail(A, B, "x") == {}
    assert (client.tls.version, client.tls.verified) == ("TLSv1.3", True)
    assert catcher.messages[0].tls.server_name == "localhost"
    client.quit()


def test_another_server_name_is_another_server(catcher, tls):
    config = rsmtp.TlsConfig(ca_file=catcher.ca_file, server_name="mail.example.org")
    with pytest.raises(errors.SMTPCertificateError, match="mail.example.org"):
        connected(catcher, tls, config)


def test_an_ip_address_is_verified_as_such(catcher, tls):
    config = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    with rsmtp.SmtpClient("127.0.0.1", catcher.port, tls=tls, context=config, timeout=20) as client:
        assert client.tls.verified


@pytest.mark.parametrize("where", ["missing", "empty", "garbage"])
@pytest.mark.parametrize("argument", ["ca_file", "client_certificate"])
def test_a_file_that_cannot_be_used_is_named(catcher, tls, argument, where, tmp_path):
    path = tmp_path / "some.pem"
    if where != "missing":
        path.write_text("" if where == "empty" else "-----BEGIN CERTIFICATE-----\nx\n")
    with pytest.raises((errors.SMTPTLSError, OSError, ValueError), match=r"some\.pem"):
        connected(catcher, tls, rsmtp.TlsConfig(**{argument: path}))


@pytest.mark.parametrize("bad", [{"minimum_version": "1.1"}, {"minimum_version": "x"}])
def test_a_config_that_makes_no_sense_is_a_valueerror(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        rsmtp.TlsConfig(**bad)


# -- versions and client certificates, against Python's own TLS ------------------


def speaking(identity, tls, *, maximum=None, wants_certificate=False, seen=None):
    def script(peer):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        if maximum:
            context.maximum_version = maximum
        if wants_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(identity)
        context.sni_callback = lambda sock, name, ctx: seen.append(name) if seen is not None else None
        if tls == "starttls":
            peer.offer_tls()
        peer.secure(context)
        if wants_certificate and seen is not None:
            seen.append(bool(peer.socket.getpeercert()))
        if tls == "implicit":
            peer.say("220 hello")
        while command := peer.line():
            peer.say("221 bye" if command == "QUIT" else "250 ok")

    return quiet(script)


def quiet(script):
    """A handshake that the client ends is not the server's failure."""

    def run(peer):
        try:
            script(peer)
        except OSError:
            pass

    return run


def contexts(identity, kind, *, client_certificate=None, minimum=None):
    if kind == "TlsConfig":
        return rsmtp.TlsConfig(
            ca_file=identity, client_certificate=client_certificate, minimum_version=minimum
        )
    context = ssl.create_default_context(cafile=identity)
    if client_certificate:
        context.load_cert_chain(client_certificate)
    if minimum:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


KINDS = pytest.mark.parametrize("kind", ["TlsConfig", "SSLContext"])


@KINDS
def test_the_minimum_version_is_kept(identity, tls, kind):
    old = speaking(identity, tls, maximum=ssl.TLSVersion.TLSv1_2)
    with serve(old) as server:
        with rsmtp.SmtpClient(
            "localhost", server.port, tls=tls, context=contexts(identity, kind), timeout=20
        ) as client:
            assert client.tls.version == "TLSv1.2"
    with serve(old) as server:
        with pytest.raises(ssl.SSLError):
            context = contexts(identity, kind, minimum="1.3")
            rsmtp.SmtpClient("localhost", server.port, tls=tls, context=context, timeout=20)


@KINDS
def test_the_server_name_is_told(identity, tls, kind):
    seen = []
    with serve(speaking(identity, tls, seen=seen)) as server:
        with rsmtp.SmtpClient(
            "localhost", server.port, tls=tls, context=contexts(identity, kind), timeout=20
        ):
            pass
    assert seen == ["localhost"]


@KINDS
def test_a_client_certificate_is_shown(identity, tls, kind):
    seen = []
    with serve(speaking(identity, tls, wants_certificate=True, seen=seen)) as server:
        context = contexts(identity, kind, client_certificate=str(identity))
        with rsmtp.SmtpClient("localhost", server.port, tls=tls, context=context, timeout=20) as client:
            assert client.noop() == (250, b"ok")
    assert seen == ["localhost", True]


@KINDS
def test_a_client_certificate_that_is_missing_is_an_error(identity, tls, kind):
    with serve(speaking(identity, tls, wants_certificate=True)) as server:
        with pytest.raises((ssl.SSLError, smtplib.SMTPServerDisconnected)):
            context = contexts(identity, kind)
            client = rsmtp.SmtpClient("localhost", server.port, tls=tls, context=context, timeout=20)
            client.noop()


@pytest.mark.parametrize(
    "octets", [b"220 I speak plain\r\n", b"\x15\x03\x03\x00\x02\x02\x28", b"", b"\0" * 50]
)
@KINDS
def test_a_handshake_that_is_none(identity, tls, kind, octets):
    def script(peer):
        if tls == "starttls":
            peer.offer_tls()
        peer.octets(5)
        peer.send(octets)

    with serve(quiet(script)) as server:
        with pytest.raises((ssl.SSLError, smtplib.SMTPServerDisconnected)) as caught:
            context = contexts(identity, kind)
            rsmtp.SmtpClient("localhost", server.port, tls=tls, context=context, timeout=20)
        assert str(caught.value)


# -- STARTTLS ---------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("injected", [b"250 injected\r\n", b"2", b"\x16\x03\x01"])
def test_what_follows_the_220_in_plaintext_is_an_error(identity, kind, injected):
    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 STARTTLS")
        peer.line()
        peer.send(b"220 go on\r\n" + injected)
        peer.until_closed()

    with serve(script) as server:
        client = rsmtp.SmtpClient("localhost", server.port, timeout=20)
        with pytest.raises(errors.SMTPProtocolError, match="tampering|plaintext"):
            client.starttls(context=contexts(identity, kind))
        assert client.state == "broken"
        server.wait_for_end()
        assert server.heard.endswith(b"STARTTLS\r\n")


def plain(extensions, starttls):
    def script(peer):
        peer.say("220 hello")
        while command := peer.line():
            verb = command.split(" ")[0]
            peer.say(
                *(
                    ["250-server", *extensions]
                    if verb == "EHLO"
                    else [starttls if verb == "STARTTLS" else "250 ok"]
                )
            )

    return script


def test_starttls_that_was_stripped_is_an_error():
    with serve(plain(["250 HELP"], "502 what?")) as server:
        with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
            rsmtp.SmtpClient("localhost", server.port, tls="starttls", timeout=20)
        server.wait_for_end()
        assert b"MAIL" not in server.heard


def test_starttls_that_was_stripped_means_nothing_in_plaintext():
    with serve(plain(["250 AUTH PLAIN"], "502 what?")) as server:
        client = rsmtp.SmtpClient("localhost", server.port, timeout=20)
        with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
            client.starttls()
        for attempt in (
            lambda: client.login("ann", "x"),
            lambda: client.sendmail(A, B, "x"),
            lambda: client.mail(A),
            lambda: client.docmd("MAIL", f"FROM:<{A}>"),
        ):
            with pytest.raises(errors.SMTPStateError, match="plaintext"):
                attempt()
        client.close()
        server.wait_for_end()
        for verb in (b"AUTH", b"MAIL", b"STARTTLS"):
            assert verb not in server.heard


def test_a_script_for_smtplib_may_do_without_starttls():
    with serve(plain(["250 HELP"], "502 what?")) as server:
        client = mirror.SMTP("localhost", server.port, timeout=20)
        with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
            client.starttls()
        assert client.mail(A) == (250, b"ok")
        client.close()


@pytest.mark.parametrize("answer", ["454 not now", "502 no", "250 fine"])
def test_starttls_that_was_refused_means_nothing_in_plaintext(answer):
    with serve(plain(["250-AUTH PLAIN", "250 STARTTLS"], answer)) as server:
        client = rsmtp.SmtpClient("localhost", server.port, timeout=20)
        with pytest.raises(smtplib.SMTPResponseException):
            client.starttls()
        for attempt in (
            lambda: client.login("ann", "x"),
            lambda: client.sendmail(A, B, "x"),
            lambda: client.mail(A),
        ):
            with pytest.raises(smtplib.SMTPException):
                attempt()
        client.close()
        server.wait_for_end()
        for verb in (b"AUTH", b"MAIL"):
            assert verb not in server.heard


def test_what_was_learnt_before_tls_is_forgotten():
    with rsmtp.Catcher(without=["DSN"]) as catcher:
        client = rsmtp.SmtpClient("localhost", catcher.port, timeout=20)
        client.ehlo()
        assert client.has_extn("starttls")
        client.starttls(context=rsmtp.TlsConfig(ca_file=catcher.ca_file))
        assert client.esmtp_features == {}
        assert client.ehlo_resp is None
        assert client.state == "secured"
        client.ehlo()
        assert not client.has_extn("starttls")
        with pytest.raises(smtplib.SMTPException):
            client.starttls()
        client.quit()


def test_the_constructor_does_it_all():
    with rsmtp.Catcher(require_auth=True) as catcher:
        context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        with rsmtp.SmtpClient(
            "localhost", catcher.port, tls="starttls", context=context, timeout=20
        ) as client:
            assert client.has_extn("auth")
            client.login(catcher.username, catcher.password)
            assert client.sendmail(A, B, "x") == {}
    assert catcher.messages[0].tls is not None


def test_a_constructor_that_fails_leaves_no_connection():
    with rsmtp.Catcher() as catcher:
        with pytest.raises(ssl.SSLError):
            rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", timeout=20)
        end = time.monotonic() + 5
        while catcher.connections and time.monotonic() < end:
            time.sleep(0.02)
        assert catcher.connections == 0


# -- the opening -----------------------------------------------------------------


def starttls_session(server_context, *, auth=(), until=None):
    """A script that offers STARTTLS, performs it, and returns what it received."""

    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 STARTTLS")
        assert peer.line() == "STARTTLS"
        if until == "STARTTLS":
            peer.say("454 4.7.0 not now")
            peer.until_closed()
            return
        peer.say("220 go")
        peer.secure(server_context)
        peer.line()
        if until == "EHLO":
            peer.say("550 5.7.1 not you")
            peer.line()  # HELO
            peer.say("550 5.7.1 not you")
        else:
            peer.say("250 AUTH PLAIN CRAM-MD5")
        peer.line()
        peer.say("221 bye")

    return script


def test_a_server_without_starttls_is_named_and_what_can_be_done():
    with serve(scripted_plain) as server:
        with pytest.raises(
            errors.SMTPNotSupportedError, match=r'^127\.0\.0\.1 does not .*tls="none"'
        ) as caught:
            rsmtp.SmtpClient("127.0.0.1", server.port, tls="starttls", timeout=20)
        assert caught.value.stage == "starttls"
        server.wait_for_end()
        assert server.heard.count(b"\r\n") == 1  # EHLO


def scripted_plain(peer):
    peer.say("220 hello")
    peer.line()
    peer.say("250 server")
    peer.until_closed()


@pytest.mark.parametrize(
    ("until", "error", "stage"),
    [
        ("STARTTLS", errors.SMTPResponseException, "starttls"),
        ("EHLO", errors.SMTPHeloError, "hello"),
    ],
)
def test_a_refusal_on_the_way_tells_its_stage(server_context, until, error, stage):
    with serve(starttls_session(server_context, until=until)) as server:
        with pytest.raises(error) as caught:
            rsmtp.SmtpClient(
                "localhost", server.port, tls="starttls", context=rsmtp.TlsConfig(verify=False), timeout=20
            )
        assert caught.value.stage == stage
        assert caught.value.path and caught.value.last_words


def test_what_the_server_offers_after_tls_is_known(server_context):
    with serve(starttls_session(server_context)) as server:
        with rsmtp.SmtpClient(
            "localhost", server.port, tls="starttls", context=rsmtp.TlsConfig(verify=False), timeout=20
        ) as client:
            assert client.state == "ready"
            assert client.ehlo_resp == b"AUTH PLAIN CRAM-MD5"


def test_keys_of_both_kinds_are_sent_at_once():
    """OpenSSL 3.5 and later choose X25519MLKEM768 for a client that knows it, and ask for its key with
    a second hello, a round trip later, if the first has none."""
    groups = []

    def script(peer):
        length = int.from_bytes(peer.octets(5)[3:], "big")
        groups.extend(_groups_with_keys(peer.octets(length)))

    with serve(script) as server:
        with pytest.raises(errors.SMTPException):
            rsmtp.SmtpClient("localhost", server.port, tls="implicit", timeout=20)
    assert groups == [0x11EC, 0x001D]  # X25519MLKEM768, X25519


def _groups_with_keys(hello):
    """The groups in the extension key_share of a ClientHello (RFC 8446 4.1.2 and 4.2.8)."""
    at = 4 + 2 + 32  # type and length, version, random
    at += 1 + hello[at]  # session
    at += 2 + int.from_bytes(hello[at : at + 2], "big")  # cipher suites
    at += 1 + hello[at]  # compression
    at += 2
    while at < len(hello):
        kind, length = (int.from_bytes(hello[at + n : at + n + 2], "big") for n in (0, 2))
        extension, at = hello[at + 4 : at + 4 + length], at + 4 + length
        while kind == 51 and len(extension) > 2:
            extension = extension[2:]
            yield int.from_bytes(extension[:2], "big")
            extension = extension[2 + int.from_bytes(extension[2:4], "big") :]
