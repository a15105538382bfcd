"""A conversation over a socket that the caller has already connected."""

import asyncio
import contextlib
import socket
import ssl
import threading

import pytest
from client.scripted import Server

import rsmtp
from rsmtp import smtplib

UNVERIFIED = rsmtp.TlsConfig(verify=False)
MESSAGE = b"Subject: mine\r\n\r\n" + b"a line of it\r\n" * 20_000


def connected(catcher):
    return socket.create_connection((catcher.host, catcher.port))


def unverified_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Recorder:
    """A minimal socket that records how it is used."""

    def __init__(self, sock):
        self._sock = sock
        self.asked = set()

    def recv(self, size):
        self.asked.add("recv")
        return self._sock.recv(size)

    def sendall(self, octets):
        self.asked.add("sendall")
        self._sock.sendall(octets)

    def settimeout(self, seconds):
        self._sock.settimeout(seconds)


def test_the_whole_conversation_goes_over_it(catcher):
    sock = connected(catcher)
    with rsmtp.SmtpClient(sock=sock) as client:
        assert client.sock is sock
        assert client.sendmail("a@example.org", ["b@example.org"], MESSAGE) == {}
    assert sock.fileno() == -1
    assert catcher.messages[0].data.endswith(b"a line of it\r\n")


@pytest.mark.parametrize("make_context", [lambda: UNVERIFIED, unverified_context], ids=["TlsConfig", "ssl"])
def test_starttls_over_it(catcher, make_context):
    with rsmtp.SmtpClient("localhost", sock=connected(catcher)) as client:
        client.starttls(context=make_context())
        assert client.tls.server_name == "localhost"
        # With TLS there is nothing to report.
        assert not hasattr(client.sock, "send")
        assert client.sendmail("a@example.org", ["b@example.org"], MESSAGE) == {}
    assert len(catcher.messages) == 1


def test_any_object_with_a_few_methods_will_do(catcher):
    recorder = Recorder(connected(catcher))
    with (
        contextlib.closing(recorder._sock),
        rsmtp.SmtpClient(sock=recorder, tls="starttls", context=UNVERIFIED) as client,
    ):
        assert client.sendmail("a@example.org", ["b@example.org"], MESSAGE) == {}
    assert recorder.asked == {"recv", "sendall"}


def test_tls_of_the_callers_own_is_enough_for_a_login():
    with rsmtp.Catcher(tls="implicit") as catcher:
        sock = unverified_context().wrap_socket(connected(catcher), server_hostname="localhost")
        with rsmtp.SmtpClient("mail.example.com", sock=sock) as client:
            assert client.tls is None
            client.login(catcher.username, catcher.password)
            assert client.sendmail("a@example.org", ["b@example.org"], MESSAGE) == {}


def test_implicit_tls_over_it():
    with (
        rsmtp.Catcher(tls="implicit") as catcher,
        rsmtp.SmtpClient("localhost", sock=connected(catcher), tls="implicit", context=UNVERIFIED) as client,
    ):
        assert client.tls.version == "TLSv1.3"


@pytest.mark.parametrize(("host", "is_heard"), [("mail.example.com", False), ("localhost", True)])
def test_a_password_in_plaintext_goes_to_this_machine_only(host, is_heard):
    """The peer may be a proxy on this machine."""

    def takes_any_password(peer):
        peer.say("220 hi")
        peer.line()
        peer.say("250-hi", "250 AUTH PLAIN")
        if peer.line().startswith("AUTH"):
            peer.say("235 welcome")
            peer.line()

    with Server(takes_any_password) as server:
        sock = socket.create_connection((server.host, server.port))
        client = rsmtp.SmtpClient(host, sock=sock, tls="none")
        with (
            contextlib.nullcontext()
            if is_heard
            else pytest.raises(rsmtp.SMTPNotSupportedError, match="not encrypted")
        ):
            client.login("ann", "secret")
        client.close()


def test_the_sockets_own_timeout_is_kept_to_and_kept():
    def says_nothing_more(peer):
        peer.say("220 hi")
        peer.line()
        peer.line()

    with Server(says_nothing_more) as server:
        sock = socket.create_connection((server.host, server.port))
        sock.settimeout(0.2)
        client = rsmtp.SmtpClient(sock=sock)
        assert sock.gettimeout() == 0.2
        with pytest.raises(rsmtp.SMTPTimeoutError, match=r"within 0\.2 s"):
            client.noop()
        assert client.sock is None and client.state == "broken"


def test_a_timeout_of_the_clients_goes_before_the_sockets(catcher):
    sock = connected(catcher)
    with rsmtp.SmtpClient(sock=sock, timeout=7):
        assert sock.gettimeout() == 7


def test_another_thread_may_close_it():
    waits = threading.Event()

    def says_nothing_more(peer):
        peer.say("220 hi")
        peer.line()
        waits.set()
        peer.line()

    with Server(says_nothing_more) as server:
        client = rsmtp.SmtpClient(sock=socket.create_connection((server.host, server.port)))
        closer = threading.Thread(target=lambda: (waits.wait(20), client.close()))
        closer.start()
        with pytest.raises(rsmtp.SMTPServerDisconnected):
            client.noop()
        closer.join()


def test_what_the_server_said_before_it_went_is_heard():
    def leaves(peer):
        peer.say("220 hi", "421 4.3.2 going down")

    with Server(leaves) as server:
        client = rsmtp.SmtpClient(sock=socket.create_connection((server.host, server.port)))
        with pytest.raises(rsmtp.SMTPServerDisconnected, match="going down"):
            client.noop()


def test_large_mail_data_to_a_server_that_answers_early_does_not_hang():
    def refuses_early(peer):
        peer.say("220 hi")
        peer.line()
        peer.say("250-hi", "250-PIPELINING", "250 CHUNKING")
        with contextlib.suppress(OSError):
            peer.socket.settimeout(0.5)
            peer.say("421 4.3.0 no more" + "." * 400)
            while peer.line():
                pass

    with Server(refuses_early) as server:
        client = rsmtp.SmtpClient(sock=socket.create_connection((server.host, server.port)), timeout=10)
        # The server's 421 arrives before our MAIL or as its answer.
        with pytest.raises((rsmtp.SMTPServerDisconnected, rsmtp.SMTPSenderRefused)):
            client.sendmail("a@example.org", ["b@example.org"], b"x" * 8_000_000)


def test_smtplibs_way_of_giving_one(catcher):
    server = smtplib.SMTP()
    server.sock = sock = connected(catcher)
    server.file = None
    assert server.getreply()[0] == 220
    assert server.ehlo()[0] == 250
    assert server.sock is sock
    server.quit()
    assert server.sock is None


def test_it_is_for_one_connection(catcher):
    client = rsmtp.SmtpClient(sock=connected(catcher))
    client.quit()
    assert client.connect(catcher.host, catcher.port)[0] == 220
    assert not isinstance(client.sock, socket.socket)
    client.quit()


def test_asyncio(catcher):
    async def send():
        async with rsmtp.AsyncSmtpClient(
            "localhost", sock=connected(catcher), tls="starttls", context=UNVERIFIED
        ) as client:
            return await client.sendmail("a@example.org", ["b@example.org"], MESSAGE)

    assert asyncio.run(send()) == {}
    assert len(catcher.messages) == 1


def test_asyncio_says_what_it_can_not_take(catcher):
    async def enter(sock):
        async with rsmtp.AsyncSmtpClient(sock=Recorder(sock)):
            pass

    with connected(catcher) as sock, pytest.raises(TypeError, match="sock: asyncio wants a plain socket"):
        asyncio.run(enter(sock))


def test_a_unix_socket(tmp_path):
    path = tmp_path / "smtp.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        for _ in range(4):
            accepted, _ = listener.accept()
            with accepted, accepted.makefile("rb") as lines:
                accepted.sendall(b"220 hi\r\n")
                for line in lines:
                    accepted.sendall(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 ok\r\n")
                    if line.startswith(b"QUIT"):
                        break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    async def over_asyncio(**where):
        async with rsmtp.AsyncSmtpClient(**where) as client:
            return await client.noop()

    with rsmtp.SmtpClient(str(path)) as client:
        assert client.noop() == (250, b"ok")
    with smtplib.SMTP(str(path)) as client:
        assert client.noop() == (250, b"ok")
    assert asyncio.run(over_asyncio(socket_path=path)) == (250, b"ok")
    with rsmtp.SmtpClient(socket_path=path) as client:
        assert client.noop() == (250, b"ok")
    thread.join(10)
    listener.close()


def test_a_path_and_a_host_are_two_places(tmp_path):
    with pytest.raises(ValueError, match="socket_path"):
        rsmtp.SmtpClient("mail.example.com", socket_path=tmp_path / "x")
