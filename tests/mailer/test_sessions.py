"""Sessions: opened in as few turns as there can be, kept, used again, retired."""

import asyncio
import re
import select
import socket
import ssl
import threading

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors
from servers import certificates

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
MESSAGE = ("a@example.org", ["b@example.org"], CONTENT)


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def secure():
    with rsmtp.Catcher() as catcher:
        yield catcher


def plain(catcher, **options):
    options = {"backoff": 0.01, "timeout": 20, **options}
    return rsmtp.Mailer(f"smtp://127.0.0.1:{catcher.port}?tls=none", **options)


def logged_in(catcher, port=None, **options):
    context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    url = f"smtp://{catcher.username}:{catcher.password}@localhost:{port or catcher.port}"
    return rsmtp.Mailer(url, context=context, timeout=20, **options)


class Turns:
    """Sits between client and server, and counts how often the client spoke after the
    server had, and was answered: the round trips of a conversation."""

    def __init__(self, port):
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.count = 0
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def _relay(self):
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            asked = server_spoke = False
            while True:
                ready, _, _ = select.select([client, server], [], [], 20)
                # What the server still says belongs to the turn before.
                for source, sink in ((server, client), (client, server)):
                    if source not in ready:
                        continue
                    octets = source.recv(65536)
                    if not octets:
                        return
                    if source is server:
                        self.count += asked
                        asked, server_spoke = False, True
                    else:
                        asked = asked or server_spoke
                    sink.sendall(octets)

    def counted(self):
        self._thread.join(20)
        self._listener.close()
        return self.count


def test_from_connecting_to_quit_in_six_turns(secure):
    turns = Turns(secure.port)
    with logged_in(secure, turns.port, keep_idle=0) as mailer:
        assert mailer.send(MESSAGE).ok
        assert mailer.idle == 0
    # EHLO, STARTTLS, the handshake, EHLO behind it, AUTH, the message with QUIT.
    assert turns.counted() <= 6
    lines = secure.wait_for(1)[0].conversation.lines
    assert sum("C: AUTH PLAIN" in line or "C: AUTH CRAM" in line for line in lines) == 1


def test_a_second_session_resumes_tls(tmp_path):
    """Asked of OpenSSL, on the server's side."""
    certificates.make(tmp_path / "tls")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "tls" / "server.pem")
    resumed = []

    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 STARTTLS")
        peer.line()
        peer.say("220 go ahead")
        peer.secure(context)
        resumed.append(peer.socket.session_reused)
        while command := peer.line():
            if command == "DATA":
                peer.say("354 go on")
                peer.mail_data()
            peer.say("221 bye" if command == "QUIT" else "250 ok")

    with serve(script) as server:
        tls = rsmtp.TlsConfig(ca_file=tmp_path / "tls" / "ca.pem")
        with rsmtp.Mailer(f"smtp://localhost:{server.port}", context=tls, keep_idle=0) as mailer:
            for _ in range(3):
                assert mailer.send(MESSAGE).ok
    assert resumed == [False, True, True]


def test_nothing_goes_out_in_plaintext_where_starttls_is_stripped(catcher):
    with rsmtp.Mailer(f"smtp://user:secret@127.0.0.1:{catcher.port}", retries=0) as mailer:
        with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
            mailer.send(MESSAGE)
    assert catcher.messages == []
    assert "C: AUTH" not in str(catcher.conversations[0])


def test_a_wrong_password_is_raised_and_the_report_tells_of_the_messages(secure):
    context = rsmtp.TlsConfig(ca_file=secure.ca_file)
    url = f"smtp://{secure.username}:wrong@localhost:{secure.port}"
    with rsmtp.Mailer(url, context=context) as mailer:
        with pytest.raises(errors.SMTPAuthenticationError):
            mailer.send(MESSAGE)
        with pytest.raises(errors.SMTPAuthenticationError) as raised:
            mailer.send_all([MESSAGE] * 3)
    assert raised.value.report.not_sent == 3
    assert "wrong" not in str(raised.value) and "wrong" not in repr(mailer)


def test_a_session_is_used_again_and_asked_nothing(catcher):
    with plain(catcher) as mailer:
        for _ in range(3):
            assert mailer.send(MESSAGE).ok
        assert mailer.idle == 1
    (conversation,) = catcher.conversations
    said = [line for line in conversation.lines if line.startswith("C: ")]
    assert sum("EHLO" in line for line in said) == 1
    assert not any("NOOP" in line for line in said)


@pytest.mark.parametrize("bound", ["max_messages", "MAILMAX"])
def test_a_session_is_retired_by_count(bound):
    if bound == "max_messages":
        with rsmtp.Catcher(tls="none") as catcher, plain(catcher, max_messages=4) as mailer:
            assert mailer.send_all([MESSAGE] * 10).sent == 10
            assert len(catcher.conversations) == 3
            assert catcher.count == 10
        return
    with serve(answering(extensions=["LIMITS MAILMAX=4"])) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none") as mailer:
            assert mailer.send_all([MESSAGE] * 10).sent == 10
        assert [peer.heard.count(b"MAIL FROM") for peer in server.peers] == [4, 4, 2]


def test_recipients_over_rcptmax_go_in_several_transactions():
    with serve(answering(extensions=["LIMITS RCPTMAX=2"])) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none") as mailer:
            receipt = mailer.send(("a@example.org", [f"b{n}@example.org" for n in range(5)], CONTENT))
        assert receipt.ok and len(receipt.sent) == 5 and receipt.attempts == 1
        assert server.heard.count(b"MAIL FROM") == 3


def by_threads(server, message):
    with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none") as mailer:
        return mailer.send_all(message)


def by_the_loop(server, message):
    async def main():
        async with rsmtp.AsyncMailer(host="127.0.0.1", port=server.port, tls="none") as mailer:
            return await mailer.send_all(message)

    return asyncio.run(main())


@pytest.mark.parametrize("send", [by_threads, by_the_loop], ids=["Mailer", "AsyncMailer"])
def test_a_session_is_retired_when_it_has_seen_as_many_domains_as_it_may(send):
    domains = ["one.example", "ONE.example", "two.example", "three.example", "one.example"]
    first = ("a@example.org", [f"b{n}@{domain}" for n, domain in enumerate(domains)], CONTENT)
    second = ("a@example.org", ["b5@two.example"], CONTENT)
    with serve(answering(extensions=["PIPELINING", "LIMITS RCPTDOMAINMAX=2"])) as server:
        report = send(server, [first, second])
    assert report.ok and report.total == 2
    said = [re.findall(rb"TO:<(b\d)@(\w+)", bytes(peer.heard)) for peer in server.peers]
    assert all(len({domain.lower() for _, domain in one}) <= 2 for one in said), said
    assert sorted(who for one in said for who, _ in one) == [b"b%d" % n for n in range(6)]
    assert [who for who, _ in said[0]][:3] == [b"b0", b"b1", b"b2"]


@pytest.mark.parametrize("goodbye", ["close", "421", "reset"])
def test_a_session_that_died_at_rest_is_opened_anew_and_nothing_is_lost(goodbye):
    rested, dead = threading.Event(), threading.Event()
    first = []

    def script(peer):
        if not first:
            first.append(peer)
            peer.say("220 hello")
            for _ in range(4):
                command = peer.line()
                if command.startswith("DATA"):
                    peer.say("354 go on")
                    peer.mail_data()
                peer.say("250 ok")
            rested.wait(20)
            if goodbye == "421":
                peer.say("421 4.4.2 idle too long")
            peer.reset() if goodbye == "reset" else peer.socket.close()
            dead.set()
            return
        answering()(peer)

    with serve(script) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", backoff=0.01) as mailer:
            assert mailer.send(MESSAGE).ok
            rested.set()
            assert dead.wait(20)
            receipt = mailer.send(MESSAGE)
        assert receipt.ok and receipt.attempts == 1
        assert [peer.heard.count(b"MAIL FROM") for peer in server.peers] == [1, 1]


def test_idle_time_over_means_a_new_session(catcher):
    with plain(catcher, keep_idle=0.01) as mailer:
        assert mailer.send(MESSAGE).ok
        threading.Event().wait(0.05)
        assert mailer.send(MESSAGE).ok
    assert len(catcher.conversations) == 2


def test_several_sessions_at_once(catcher):
    catcher.fault("end-of-data", reply="usual", delay=0.02)
    with plain(catcher, connections=4, window=1) as mailer:
        assert mailer.send_all([MESSAGE] * 40).sent == 40
        assert len(catcher.conversations) == 4
        assert mailer.idle == 4
    assert catcher.count == 40


def test_a_lmtp_server_behind_a_unix_socket(tmp_path):
    path = tmp_path / "lmtp"
    with rsmtp.Catcher(protocol="lmtp", unix=path, tls="none") as catcher:
        catcher.fault("end-of-data", reply=(452, "4.2.2 full"), address="c@example.org")
        with rsmtp.Mailer(f"lmtp://{path}", retries=0) as mailer:
            receipt = mailer.send(("a@example.org", ["b@example.org", "c@example.org"], CONTENT))
    assert (receipt.sent, receipt.refused) == (["b@example.org"], ["c@example.org"])
    assert receipt.recipients[1].enhanced_code == "4.2.2"


def test_a_closed_mailer_says_so(catcher):
    mailer = plain(catcher)
    mailer.close()
    with pytest.raises(RuntimeError, match="closed"):
        mailer.send(MESSAGE)


def test_the_variable_names_the_server(catcher, monkeypatch):
    monkeypatch.delenv("RSMTP_URL", raising=False)
    with pytest.raises(ValueError, match="RSMTP_URL"):
        rsmtp.Mailer()
    monkeypatch.setenv("RSMTP_URL", f"smtp://127.0.0.1:{catcher.port}?tls=none")
    with rsmtp.Mailer() as mailer:
        assert mailer.send(MESSAGE).ok


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"url": "http://x"}, "scheme"),
        ({"url": "smtp://"}, "host"),
        ({"url": "smtp://x:99999"}, "port"),
        ({"url": "smtp://x?speed=9"}, "speed"),
        ({"url": "smtps://x?tls=none"}, "smtps"),
        ({"url": "smtp://x?tls=perhaps"}, "tls"),
        ({"url": []}, "empty"),
        ({"url": "file:///nowhere/at/all"}, "folder"),
        ({"host": "x", "connections": 0}, "connections"),
        ({"host": "x", "window": 0}, "window"),
        ({"host": "x", "rate": 0}, "rate"),
        ({"host": "x", "retries": -1}, "retries"),
        ({"host": "x", "keep_idle": -1}, "keep_idle"),
        ({"host": "x", "user": "u"}, "password"),
        ({"host": "x", "password": "p"}, "user"),
        ({"host": "x", "local_hostname": "a b"}, "local_hostname"),
    ],
)
def test_arguments_that_cannot_be_meant(arguments, named):
    with pytest.raises(ValueError, match=named):
        rsmtp.Mailer(**arguments)
