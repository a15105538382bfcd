"""GSSAPI within SASL (RFC 4752), step by step. A test server that has the service's key sends wrong
messages, and asks for the binding of the login to TLS."""

import asyncio
import base64
import ssl

import pytest
from client.scram_server import end_point
from client.scripted import serve

import rsmtp
from rsmtp import errors
from rsmtp.credentials import CredentialError
from servers import certificates

pytestmark = pytest.mark.usefixtures("in_the_realm", "ticket")


@pytest.fixture
def log_before():
    return {}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A folder with a server's certificate and the authority to trust."""
    folder = tmp_path_factory.mktemp("tls") / "made"
    certificates.make(folder)
    return folder


def accepting(realm, context=None, *, binding=None, offer=b"\x01\0\0\0", early=None, answer=None, seen=None):
    """A server that has the key. `offer` has its security layers, `early` is the number of
    answers after which it sends 235, `answer` changes its answers, and `seen` records who logs
    in."""
    import gssapi

    def script(peer):
        peer.say("220 hello")
        is_secure = context is None
        while command := peer.line():
            match command.split()[0].upper():
                case "EHLO":
                    peer.say("250-here", "250 AUTH GSSAPI" if is_secure else "250 STARTTLS")
                case "STARTTLS":
                    peer.say("220 go")
                    peer.secure(context)
                    is_secure = True
                case "AUTH":
                    try:
                        peer.say(log_in(peer))
                    except gssapi.exceptions.GSSError as error:
                        seen.append(type(error).__name__)
                        peer.say("535 5.7.8 no")
                case "QUIT":
                    peer.say("221 bye")
                    return
                case _:
                    peer.say("250 ok")

    def log_in(peer):
        bound = {}
        if binding is not None:
            bound["channel_bindings"] = gssapi.raw.ChannelBindings(application_data=binding)
        key = gssapi.Credentials(usage="accept", store={"keytab": str(realm.keytab)})
        security = gssapi.SecurityContext(creds=key, usage="accept", **bound)

        def asked(octets, number):
            octets = octets if answer is None else answer(number, octets)
            peer.say(f"334 {base64.b64encode(octets).decode()}".rstrip())
            return base64.b64decode(peer.line())

        if early == 0:
            return "235 in"
        token = security.step(asked(b"", 0))
        if early == 1:
            return "235 in"
        assert asked(token, 1) == b"" and security.complete
        if early == 2:
            return "235 in"
        said = security.unwrap(asked(security.wrap(offer, False).message, 2)).message
        seen.append((str(security.initiator_name), said))
        return "235 in"

    return script


def offered(realm, **how):
    """The exception of a login at such a server, and what the server received."""
    seen = []
    with serve(accepting(realm, seen=seen, **how)) as server:
        with rsmtp.SmtpClient("localhost", server.port) as client:
            return client.login("ann", mechanism="GSSAPI"), seen


def test_what_is_agreed_on_is_no_layer_and_whom_to_act_as(realm):
    reply, seen = offered(realm)
    assert reply == (235, b"in") and seen == [("ann@BED.TEST", b"\x01\0\0\0ann")]
    # Other layers may be offered, too.
    assert offered(realm, offer=b"\x07\0\x10\0")[1] == [("ann@BED.TEST", b"\x01\0\0\0ann")]


@pytest.mark.parametrize("early", [0, 1, 2])
@pytest.mark.parametrize("mailer", ["client", "blocking", "asyncio"])
def test_a_server_that_has_proven_nothing_is_not_believed(realm, early, mailer):
    message = ("a@x.example", ["b@x.example"], b"x")
    with serve(accepting(realm, early=early, seen=[])) as server:
        given = {"host": "localhost", "port": server.port, "tls": "none", "retries": 0} | {
            "mechanism": "GSSAPI"
        }
        with pytest.raises(errors.SMTPProtocolError, match="it may be an impostor"):
            if mailer == "client":
                with rsmtp.SmtpClient("localhost", server.port) as client:
                    client.login(mechanism="GSSAPI")
            elif mailer == "blocking":
                rsmtp.send(message, **given)
            else:
                asyncio.run(rsmtp.asend(message, **given))
        server.wait_for_end()
    assert b"MAIL" not in server.heard


@pytest.mark.parametrize("offer", [b"\x06\0\x10\0", b"\0\0\0\0", b"\x01\0\0", b""])
def test_a_layer_that_has_to_be_is_not_taken(realm, offer):
    with pytest.raises(CredentialError, match="wants a security layer of GSSAPI's own"):
        offered(realm, offer=offer)


@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.parametrize("wrong", [b"", b"x" * 40])
def test_what_was_not_said_by_the_owner_of_the_key_is_not_taken(realm, turn, wrong):
    def answer(number, octets):
        return wrong if number == turn else octets

    with pytest.raises(CredentialError, match="does not take the Kerberos ticket, or is not the one"):
        offered(realm, answer=answer)


@pytest.mark.parametrize("context", ["TlsConfig", "SSLContext"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("right", [True, False])
def test_under_tls_the_certificate_binds(realm, certificate, context, version, right):
    """The certificate binds the login with any version of TLS, as Exchange's Extended Protection
    requires."""
    pem, authority = certificate / "server.pem", str(certificate / "ca.pem")
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(pem)
    server_context.minimum_version = server_context.maximum_version = version
    name, digest = end_point(pem)
    binding = f"{name}:".encode() + (digest if right else b"x" * 32)
    tls = rsmtp.TlsConfig(ca_file=authority)
    if context == "SSLContext":
        tls = ssl.create_default_context(cafile=authority)
    seen = []
    with serve(accepting(realm, server_context, binding=binding, seen=seen)) as server:
        with rsmtp.SmtpClient("localhost", server.port, tls="starttls", context=tls) as client:
            if right:
                assert client.login(mechanism="GSSAPI")[0] == 235
            else:
                # With MIT's library, the server reports the refusal.
                with pytest.raises(CredentialError, match="does not take the Kerberos ticket"):
                    client.login(mechanism="GSSAPI")
    assert seen == ([("ann@BED.TEST", b"\x01\0\0\0")] if right else ["BadChannelBindingsError"])


def test_a_class_that_looks_on(realm):
    class Watching(rsmtp.SmtpClient):
        said = []

        def send(self, s):
            self.said.append(s)
            super().send(s)

    seen = []
    with serve(accepting(realm, seen=seen)) as server, Watching("localhost", server.port) as client:
        assert client.login("ann", mechanism="GSSAPI")[0] == 235
    assert seen == [("ann@BED.TEST", b"\x01\0\0\0ann")]
    assert any("AUTH GSSAPI" in str(said) for said in Watching.said)
    with serve(accepting(realm, early=2, seen=seen)) as server:
        with pytest.raises(errors.SMTPProtocolError, match="impostor"):
            Watching("localhost", server.port).login("ann", mechanism="GSSAPI")
