"""A timeout limits a whole reply and the whole handshake. A deadline limits the whole call."""

import smtplib
import ssl
import time

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import errors

pytestmark = pytest.mark.usefixtures("either_driver")

A, B = "a@example.org", "b@example.org"


def drip(interval):
    """Sends an answer octet by octet, without end."""

    def script(peer):
        peer.say("220 hello")
        peer.line()
        while True:
            peer.send(b"250-")
            time.sleep(interval)

    return script


def stall(peer):
    peer.say("220 hello")
    peer.until_closed()


def assert_closed(client, words="timed out"):
    assert client.state == "broken"
    assert client.sock is None
    with pytest.raises(smtplib.SMTPServerDisconnected, match=words):
        client.noop()


@pytest.mark.parametrize("script", [stall, drip(0.1)], ids=["stall", "drip"])
@pytest.mark.parametrize("limits", [{"timeout": 1.5}, {"timeout": 30, "deadline": 1.5}])
def test_a_reply_that_does_not_come_whole(script, limits):
    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, **limits)
        begin = time.monotonic()
        with pytest.raises(errors.SMTPTimeoutError) as caught:
            client.noop()
        assert 1.4 < time.monotonic() - begin < 15
        assert isinstance(caught.value, (TimeoutError, smtplib.SMTPServerDisconnected))
        assert "1.5 s" in str(caught.value)
        assert caught.value.stage == "command"
        assert_closed(client)


def test_a_greeting_that_does_not_come():
    with serve(lambda peer: peer.until_closed()) as server:
        with pytest.raises(TimeoutError) as caught:
            rsmtp.SmtpClient(server.host, server.port, timeout=0.3)
        assert caught.value.stage == "greeting"
        server.wait_for_end()


@pytest.mark.parametrize("context", [None, ssl.create_default_context()], ids=["ours", "SSLContext"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("dripping", [False, True], ids=["stall", "drip"])
def test_a_handshake_that_does_not_end(tls, dripping, context):
    def script(peer):
        if tls == "starttls":
            peer.offer_tls()
        # After the client's hello, the server sends a handshake record that is never completed.
        peer.octets(5)
        for octet in b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"\x03" * 1000 if dripping else b"":
            peer.send(bytes([octet]))
            time.sleep(0.05)
        peer.until_closed()

    with serve(script) as server:
        begin = time.monotonic()
        with pytest.raises(errors.SMTPTimeoutError) as caught:
            rsmtp.SmtpClient("localhost", server.port, tls=tls, context=context, timeout=1.5)
        assert time.monotonic() - begin < 15
        assert caught.value.stage == "handshake"


def test_a_deadline_ends_a_conversation_that_gets_on_slowly():
    def script(peer):
        peer.say("220 hello")
        while peer.line():
            time.sleep(0.2)
            peer.say("250 ok")

    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=5, deadline=2)
        begin = time.monotonic()
        with pytest.raises(errors.SMTPTimeoutError, match="whole operation"):
            client.sendmail(A, [f"r{n}@example.org" for n in range(50)], "x")
        assert time.monotonic() - begin < 5
        assert_closed(client)


def test_a_slow_conversation_within_its_timeout_is_no_error():
    def script(peer):
        peer.say("220 hello")
        while peer.line():
            for octet in b"250 ok\r\n":
                peer.send(bytes([octet]))
                time.sleep(0.02)

    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=2)
        for _ in range(15):
            assert client.noop() == (250, b"ok")
        client.close()


def test_a_server_that_reads_no_more():
    def script(peer):
        peer.say("220 hello")
        for reply in ("250 server", "250 ok", "250 ok"):
            peer.line()
            peer.say(reply)
        peer.line()
        peer.say("354 go on")
        time.sleep(5)

    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=1.5)
        with pytest.raises(errors.SMTPTimeoutError) as caught:
            client.sendmail(A, B, b"x" * 50_000_000)
        assert caught.value.stage == "mail data"
        assert dict(caught.value.fates) == {B: "not sent"}
        assert_closed(client)


@pytest.mark.parametrize("name", ["timeout", "deadline"])
@pytest.mark.parametrize("value", [0, 0.0, -1, float("nan")])
def test_a_time_that_is_none(name, value):
    with serve(answering()) as server:
        with pytest.raises(ValueError, match=name):
            rsmtp.SmtpClient(server.host, server.port, **{name: value})
        assert not server.peers


@pytest.mark.parametrize("value", [None, 1e9, 30])
def test_long_times(value):
    with serve(answering()) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=value, deadline=value)
        assert client.noop() == (250, b"ok")
        client.quit()


def test_a_timeout_of_infinity_is_no_limit_or_an_error_in_words():
    with serve(answering()) as server:
        try:
            rsmtp.SmtpClient(server.host, server.port, timeout=float("inf")).close()
        except ValueError as error:
            assert "timeout" in str(error)


def test_the_timeout_can_be_changed_on_the_socket():
    with serve(stall) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=60)
        client.sock.settimeout(0.2)
        assert client.sock.gettimeout() == 0.2
        with pytest.raises(TimeoutError):
            client.noop()
        assert_closed(client)


def test_a_client_that_timed_out_can_connect_anew():
    with serve(stall) as stalled, serve(answering()) as good:
        client = rsmtp.SmtpClient(stalled.host, stalled.port, timeout=0.2)
        with pytest.raises(TimeoutError):
            client.noop()
        client.timeout = 20
        assert client.connect(good.host, good.port) == (220, b"hello")
        assert client.noop() == (250, b"ok")
        client.close()
