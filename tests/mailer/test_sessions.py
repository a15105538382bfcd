"""Sessions are opened with as few round trips as possible, kept, reused, and retired."""

import asyncio
import re
import select
import ssl
import threading
import time

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors
from servers import certificates

pytestmark = pytest.mark.usefixtures("either_mailer")

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
MESSAGE = ("a@example.org", ["b@example.org"], CONTENT)


@pytest.fixture
def secure():
    with rsmtp.Catcher() as catcher:
        yield catcher


@pytest.fixture
def tls(tmp_path):
    """The TLS contexts of the server and of the client."""
    folder = tmp_path / "tls"
    certificates.make(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context, rsmtp.TlsConfig(ca_file=folder / "ca.pem")


def plain(catcher, **options):
    options = {"backoff": 0.01, "timeout": 20, **options}
    return rsmtp.Mailer(f"smtp://127.0.0.1:{catcher.port}?tls=none", **options)


class Handshake:
    """The server's side of TLS over a socket. `turns` counts how often it sent something and
    waited for an answer before the connection was ready."""

    def __init__(self, socket, context):
        self.socket = socket
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.turns = 0
        while not self._done(self._tls.do_handshake):
            self.turns += self._flush()
            self._incoming.write(self.socket.recv(65536))
        self._flush()

    def _done(self, step):
        try:
            self._last = step()
        except ssl.SSLWantReadError:
            return False
        return True

    def _flush(self):
        octets = self._outgoing.read()
        self.socket.sendall(octets)
        return bool(octets)

    def recv(self, size):
        while not self._done(lambda: self._tls.read(size)):
            if not (octets := self.socket.recv(65536)):
                return b""
            self._incoming.write(octets)
        return self._last

    def sendall(self, octets):
        self._tls.write(octets)
        self._flush()

    def close(self):
        self.socket.close()

    def shutdown(self, how):
        self.socket.shutdown(how)


def test_from_connecting_to_quit_in_six_turns(tls):
    """The server answers only when the whole flight has arrived. A client that waited for an
    answer within the flight would wait for ever."""
    server_context, client_context = tls
    turns = []

    def script(peer):
        def flight(*commands):
            for command in commands:
                assert peer.line().startswith(command)
                if command == "BDAT":
                    peer.octets(len(CONTENT))
            turns.append(commands)

        peer.say("220 hello")
        flight("EHLO")
        peer.say("250-server", "250 STARTTLS")
        flight("STARTTLS")
        peer.say("220 go ahead")
        peer.socket = Handshake(peer.socket, server_context)
        turns.extend(["TLS"] * peer.socket.turns)
        flight("EHLO")
        peer.say("250-server", "250-PIPELINING", "250-CHUNKING", "250 AUTH CRAM-MD5 PLAIN")
        flight("AUTH PLAIN AHUAcA==")
        peer.say("235 welcome")
        flight("MAIL", "RCPT", "BDAT", "QUIT")
        peer.say("250 ok", "250 ok", "250 taken", "221 bye")

    with serve(script) as server:
        url = f"smtp://u:p@localhost:{server.port}"
        with rsmtp.Mailer(url, context=client_context, timeout=20, keep_idle=0) as mailer:
            assert mailer.send(MESSAGE).ok
            assert mailer.idle == 0
        server.wait_for_end()
    assert len(turns) == 6, turns


def test_a_second_session_resumes_tls(tls):
    """OpenSSL on the server's side confirms it."""
    context, client_context = tls
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
        url = f"smtp://localhost:{server.port}"
        with rsmtp.Mailer(url, context=client_context, keep_idle=0) as mailer:
            for _ in range(3):
                assert mailer.send(MESSAGE).ok
    assert resumed == [False, True, True]


def test_an_ssl_context_decides_for_itself(secure):
    url = f"smtp://{secure.username}:{secure.password}@localhost:{secure.port}"
    with rsmtp.Mailer(url, context=ssl.create_default_context(cafile=secure.ca_file)) as mailer:
        assert mailer.send(MESSAGE).ok
    with rsmtp.Mailer(url, context=ssl.create_default_context()) as mailer:
        with pytest.raises(ssl.SSLCertVerificationError):
            mailer.send(MESSAGE)
        with pytest.raises(ssl.SSLCertVerificationError) as raised:
            mailer.send_all([MESSAGE] * 2)
    # The exceptions are rsmtp's, and the SSLContext's own, as with the client.
    receipts = raised.value.report.receipts
    assert {type(receipt.error) for receipt in receipts} == {errors.SMTPCertificateError}
    first, second = (receipt.error for receipt in receipts)
    assert first is not second
    assert len(secure.messages) == 1


def test_nothing_goes_out_in_plaintext_where_starttls_is_stripped(catcher):
    with rsmtp.Mailer(f"smtp://user:secret@127.0.0.1:{catcher.port}?tls=starttls", retries=0) as mailer:
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


def test_a_session_is_retired_when_it_has_seen_as_many_domains_as_it_may():
    domains = ["one.example", "ONE.example", "two.example", "three.example", "one.example"]
    first = ("a@example.org", [f"b{n}@{domain}" for n, domain in enumerate(domains)], CONTENT)
    second = ("a@example.org", ["b5@two.example"], CONTENT)
    with serve(answering(extensions=["PIPELINING", "LIMITS RCPTDOMAINMAX=2"])) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none") as mailer:
            report = mailer.send_all([first, second])
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
            time.sleep(0.05)  # the goodbye is on its way
            receipt = mailer.send(MESSAGE)
        assert receipt.ok and receipt.attempts == 1
        assert [peer.heard.count(b"MAIL FROM") for peer in server.peers] == [1, 1]


@pytest.mark.parametrize("silence", [0, 1.1])
def test_a_kept_session_that_the_server_ends_at_mail_has_cost_the_message_no_attempt(catcher, silence):
    with plain(catcher, retries=0) as mailer:
        assert mailer.send(MESSAGE).ok
        time.sleep(silence)
        catcher.fault("MAIL", reply=(421, "4.4.2 idle too long"), times=1)
        receipt = mailer.send(MESSAGE)
    assert receipt.ok and receipt.attempts == 1
    assert len(catcher.conversations) == 2 and catcher.count == 2


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_new_session_that_the_server_ends_before_the_message_has(catcher, verb):
    catcher.fault(verb, reply=(421, "4.7.0 not now"))
    with plain(catcher, retries=0) as mailer:
        receipt = mailer.send(MESSAGE, check=False)
    assert receipt.refused and receipt.attempts == 1 and len(catcher.conversations) == 1


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_session_that_ends_for_policy_has_cost_the_message_an_attempt(catcher, verb):
    """A receiver that slows this sender down isn't asked again at once."""
    with plain(catcher, retries=0, chunking=False) as mailer:
        assert mailer.send(MESSAGE).ok
        catcher.fault(verb, reply=(421, "4.7.28 an unusual rate of mail"), times=1)
        receipt = mailer.send(MESSAGE, check=False)
    assert receipt.refused and receipt.attempts == 1 and len(catcher.conversations) == 1


@pytest.mark.parametrize("extensions", [[], ["PIPELINING"], ["CHUNKING"], ["PIPELINING", "CHUNKING"]])
@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize(("verb", "usual"), [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go on")])
def test_a_server_that_says_421_after_some_messages_refuses_none(extensions, connections, verb, usual):
    """As Exim does after smtp_accept_max_per_connection, at MAIL."""
    replies = (*[usual] * 7, "421 too many messages in this connection")
    with serve(answering({verb: replies}, extensions=extensions)) as server:
        options = {"tls": "none", "retries": 0, "connections": connections}
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, **options) as mailer:
            report = mailer.send_all([MESSAGE] * 40)
            assert report.ok and report.total == 40, report.troubles
            assert all(mailer.send(MESSAGE).attempts == 1 for _ in range(10))


def test_a_session_takes_a_message_however_long_it_took_to_open(catcher):
    with plain(catcher, max_age=1e-6) as mailer:
        assert mailer.send(MESSAGE).ok
        assert mailer.idle == 0
        assert mailer.send_all([MESSAGE] * 3).sent == 3
    assert len(catcher.conversations) == 4


def test_idle_time_over_means_a_new_session(catcher):
    with plain(catcher, keep_idle=0.01) as mailer:
        assert mailer.send(MESSAGE).ok
        threading.Event().wait(0.05)
        assert mailer.send(MESSAGE).ok
    assert len(catcher.conversations) == 2


def test_several_sessions_at_once(catcher):
    catcher.fault("end-of-data", reply="usual", delay=0.1)
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
            receipt = mailer.send(("a@example.org", ["b@example.org", "c@example.org"], CONTENT), check=False)
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


def test_a_server_that_leaves_the_last_quit_unanswered_is_not_waited_for():
    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250-PIPELINING", "250 CHUNKING")
        while not (command := peer.line()).startswith("QUIT"):
            if command.startswith("BDAT"):
                peer.octets(int(command.split()[1]))
            peer.say("250 ok")
        peer.until_closed()

    # A test may last 60 seconds.
    with serve(script) as server:
        options = {"host": "127.0.0.1", "port": server.port, "tls": "none", "timeout": 300, "keep_idle": 0}
        with rsmtp.Mailer(**options) as mailer:
            report = mailer.send_all([MESSAGE] * 3)
    assert report.sent == 3 and b"QUIT\r\n" in server.heard


@pytest.mark.parametrize("login", ["235 2.7.0 yes", "535 5.7.8 no"])
def test_the_answer_to_quit_is_not_waited_for(login, monkeypatch):
    """Where a login is refused, and where an idle session is closed with its mailer."""
    timeout = asyncio.timeout
    monkeypatch.setattr(asyncio, "timeout", lambda _: timeout(None))
    has_gone = []

    def script(peer):
        peer.say("220 hello")
        while not (command := peer.line()).startswith("QUIT"):
            if command.startswith("EHLO"):
                peer.say("250-server", "250-PIPELINING", "250-CHUNKING", "250 AUTH PLAIN")
                continue
            if command.startswith("BDAT"):
                peer.octets(int(command.split()[1]))
            peer.say(login if command.startswith("AUTH") else "250 ok")
        has_gone.append(bool(select.select([peer.socket], [], [], 10)[0]))

    with serve(script) as server:
        with rsmtp.Mailer(f"smtp://ann:secret@127.0.0.1:{server.port}?tls=none") as mailer:
            if login.startswith("235"):
                assert mailer.send(MESSAGE).ok
            else:
                with pytest.raises(rsmtp.errors.SMTPAuthenticationError):
                    mailer.send(MESSAGE)
        server.wait_for_end()
    assert has_gone == [True]


def test_the_log_tells_the_conversation_while_a_handler_listens(catcher, caplog):
    def send():
        with plain(catcher, keep_idle=0) as mailer:
            return mailer.send_all([MESSAGE] * 2)

    assert send().ok
    assert not [record for record in caplog.records if record.name == "rsmtp.smtp"]
    with caplog.at_level("DEBUG", "rsmtp.smtp"):
        assert send().ok
    said = [record.getMessage() for record in caplog.records if record.name == "rsmtp.smtp"]
    assert sum("RCPT TO:<b@example.org>" in line for line in said) == 2, said


@pytest.mark.parametrize(
    "url", ["smtp://ann:pa/ss@example.org", "smtp://ann:pa[ss@example.org", "smtp://ann:s3cret"]
)
def test_a_password_in_a_bad_url_is_nowhere_in_the_error(url):
    with pytest.raises(ValueError) as caught:
        rsmtp.Mailer(url)
    error, said = caught.value, []
    while error is not None:
        said.append(str(error))
        error = error.__cause__ or error.__context__
    assert not any(part in text for part in ("pa/ss", "pa[ss", "'pa'", "s3cret") for text in said), said
