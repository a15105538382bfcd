"""`xclient`: a gateway speaks on behalf of another client, with both drivers."""

import pytest

import rsmtp
from client.facade import Client, close_loop


@pytest.fixture(params=[rsmtp.SmtpClient, Client], ids=["SmtpClient", "AsyncSmtpClient"])
def client_of(request):
    yield request.param
    close_loop()


def send(client):
    client.sendmail("ann@example.org", ["bob@example.org"], "Subject: x\n\nhi\n")


def test_the_session_is_that_clients_from_then_on(client_of):
    with rsmtp.Catcher(tls="none", xclient=True) as catcher, client_of("localhost", catcher.port) as client:
        client.ehlo()
        assert "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT" in client.ehlo_resp.decode()
        greeting = client.xclient("192.0.2.7", port=40001, name="spike.example", login="eve+1", proto="esmtp")
        assert greeting[0] == 220
        assert (client.state, client.esmtp_features, client.ehlo_resp) == ("greeted", {}, None)
        send(client)
        # The client that the gateway now speaks for must not use XCLIENT itself.
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="does not offer XCLIENT"):
            client.xclient("192.0.2.8")
        with client_of("localhost", catcher.port) as other:
            other.xclient(name="spike.example", helo="[UNAVAILABLE]")
            other.xclient("2001:DB8::1", port=40002)
            send(other)
    first, second = catcher.messages
    assert (first.peer, first.username) == ("192.0.2.7:40001", "eve+1")
    assert first.xclient == {
        "ADDR": "192.0.2.7", "PORT": "40001", "NAME": "spike.example", "LOGIN": "eve+1", "PROTO": "ESMTP",
    }  # fmt: skip
    assert second.peer == "[2001:db8::1]:40002"
    assert (second.xclient["HELO"], second.xclient["NAME"]) == ("[UNAVAILABLE]", "spike.example")
    # Both send EHLO again.
    assert first.helo.startswith("[127.")


def test_under_tls_and_before_a_login(client_of):
    with rsmtp.Catcher(xclient=True, require_auth=True) as catcher:
        context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        with client_of("localhost", catcher.port, tls="starttls", context=context) as client:
            client.xclient("192.0.2.7")
            assert client.tls.version == "TLSv1.3"
            client.login(catcher.username, catcher.password)
            send(client)
    (message,) = catcher.messages
    assert (message.peer, message.username) == ("192.0.2.7:0", catcher.username)
    assert message.tls.version == "TLSv1.3"


def test_a_server_offers_it_to_its_gateways_alone(client_of):
    with rsmtp.Catcher(tls="none") as catcher, client_of("localhost", catcher.port) as client:
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="smtpd_authorized_xclient_hosts"):
            client.xclient("192.0.2.7")
        assert client.docmd("XCLIENT", "ADDR=192.0.2.7")[0] == 550
        send(client)
    assert catcher.messages[0].peer.startswith("127.")
    assert catcher.messages[0].xclient == {}


def test_a_refusal_is_raised(client_of):
    with rsmtp.Catcher(tls="none", xclient=True) as catcher, client_of("localhost", catcher.port) as client:
        catcher.fault("XCLIENT", reply=(550, "5.7.0 not you"))
        with pytest.raises(rsmtp.SMTPResponseException, match="not you"):
            client.xclient("192.0.2.7")
        client.mail("ann@example.org")
        with pytest.raises(rsmtp.SMTPException, match="within a mail transaction"):
            client.xclient("192.0.2.7")
        client.rset()
        send(client)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "addr: nothing is said"),
        ({"addr": "localhost"}, "addr: .*no IP address"),
        ({"addr": ""}, "addr: .*is empty"),
        ({"destaddr": "1.2.3"}, "destaddr: .*no IP address"),
        ({"port": 0}, "port: .*no port"),
        ({"port": "x"}, "port: .*no port"),
        ({"destport": 65536}, "destport: .*no port"),
        ({"proto": "LMTP"}, "proto: .*neither SMTP nor ESMTP"),
        ({"name": "a\r\nRSET"}, "name: .*control character"),
        ({"login": "\0"}, "login: .*control character"),
    ],
)
def test_what_can_not_be_meant_is_refused_before_anything_is_said(client_of, given, words):
    with rsmtp.Catcher(tls="none", xclient=True) as catcher, client_of("localhost", catcher.port) as client:
        with pytest.raises(ValueError, match=words):
            client.xclient(**given)
        lines = [str(line) for line in catcher.conversations[0].lines]
        assert not any("EHLO" in line for line in lines)


def test_it_takes_text(client_of):
    with rsmtp.Catcher(tls="none", xclient=True) as catcher, client_of("localhost", catcher.port) as client:
        with pytest.raises(TypeError, match="addr: "):
            client.xclient(b"192.0.2.7")
        with pytest.raises(ValueError, match=r"port: .*1\.5.* is no port"):
            client.xclient(port=1.5)
