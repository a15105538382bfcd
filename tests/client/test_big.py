"""Large amounts: one big message, many messages, many recipients, and a server that stops reading."""

import resource
import time

import pytest

import rsmtp
from client.scripted import serve

pytestmark = pytest.mark.usefixtures("either_driver")

A, B = "a@example.org", "b@example.org"


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_a_message_of_100_megabytes(tls):
    body = b"Subject: big\r\n\r\n" + (b"x" * 76 + b"\r\n") * (100_000_000 // 78)
    with rsmtp.Catcher(tls=tls, max_size=200_000_000, keep=0) as catcher:
        context = rsmtp.TlsConfig(ca_file=catcher.ca_file) if tls != "none" else None
        client = rsmtp.SmtpClient("localhost", catcher.port, tls=tls, context=context, timeout=30)
        client.ehlo()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        begin = time.monotonic()
        assert client.sendmail(A, B, body) == {}
        assert time.monotonic() - begin < 40
        # In kilobytes. There is no copy of the whole message.
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000
        client.quit()
        assert catcher.count == 1


@pytest.mark.parametrize("without", [[], ["CHUNKING"], ["CHUNKING", "PIPELINING"]])
def test_many_messages_on_one_connection(without):
    with rsmtp.Catcher(tls="none", without=without, keep=0) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port, timeout=30) as client:
            for number in range(3_334):
                client.sendmail(A, B, b"Subject: %d\r\n\r\nhello\r\n" % number)
        assert catcher.count == 3_334


@pytest.mark.parametrize("without", [[], ["PIPELINING", "CHUNKING"]])
def test_a_thousand_recipients(without):
    recipients = [f"r{number}@example.org" for number in range(1000)]
    with rsmtp.Catcher(tls="none", without=without) as catcher:
        catcher.fault("RCPT", reply=(550, "no"), address="r500@example.org")
        with rsmtp.SmtpClient(catcher.host, catcher.port, timeout=30) as client:
            assert client.sendmail(A, recipients, "x") == {"r500@example.org": (550, b"no")}
        [message] = catcher.messages
        assert message.rcpt_tos == [r for r in recipients if r != "r500@example.org"]


@pytest.mark.timeout(240)
def test_a_server_that_reads_no_more_until_its_replies_are_read():
    """A long group of commands gets long replies. A client that only writes would wait for ever."""
    count = 20_000
    reply = b"250 " + b"y" * 400 + b"\r\n"

    def script(peer):
        import socket

        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            peer.socket.setsockopt(socket.SOL_SOCKET, option, 4096)
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 PIPELINING")
        peer.line()
        peer.send(reply)
        for _ in range(count):
            peer.line()
            peer.send(reply)
        peer.line()
        peer.say("354 go on")
        peer.mail_data()
        peer.say("250 queued")
        peer.until_closed()

    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        assert client.sendmail(A, [f"r{number}@example.org" for number in range(count)], "x") == {}
        client.close()


def test_memory_stays_small_whatever_a_server_sends():
    def script(peer):
        peer.say("220 hello")
        peer.line()
        while True:
            peer.send(b"250-" + b"x" * 60_000)

    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(rsmtp.errors.SMTPProtocolError):
            client.noop()
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8_000
