"""How often a session waits for its server: STARTTLS, a login, one message and QUIT.

The least that the protocols allow is a wait for the greeting, before which nothing may be said (RFC 5321
3.1), and six turns, five of SMTP and one of TLS:

1. EHLO, which must be the last of a group of commands (RFC 2920 3.1);
2. STARTTLS, the last of its group, too: what is behind it in plaintext would be an attacker's (RFC 3207 4);
3. the ClientHello, also where TLS 1.3 resumes a session (RFC 8446 2.2): only early data would save that, and
   they can be replayed, so that a protocol has to say which of its data may be (RFC 8446 8). SMTP doesn't;
4. EHLO with TLS's Finished: what was offered in plaintext counts no longer (RFC 3207 4.2);
5. AUTH with its initial response (RFC 4954 4): which mechanisms there are is known from that EHLO, and
   the command of an extension is the last of its group, unless the extension says otherwise (RFC 2920
   3.1);
6. MAIL, RCPT, BDAT LAST, the message and QUIT (RFC 2920 3.1, RFC 3030 4.2). Each message has a receipt
   before the answer to QUIT. With DATA that is one turn more, for the 354.
"""

import asyncio
import contextlib
import socket
import threading
import time

import pytest

import rsmtp

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
# Seconds that octets are on the way: what one side says meanwhile arrives together.
WAY = 0.03
# A machine with much to do may need longer between two writes, which then count as two turns. Nothing makes
# two turns one, so the least of several attempts is right.
ATTEMPTS = 3


class Link:
    """A link to a server. It notes who says something, each time that this changes."""

    def __init__(self, port):
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        # For each connection.
        self._said = []
        self._threads = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near = self._listener.accept()[0]
                thread = threading.Thread(target=self._connect, args=(near,), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _connect(self, near):
        said = []
        self._said.append(said)
        with near, socket.create_connection(("127.0.0.1", self._server)) as far:
            back = threading.Thread(target=self._carry, args=("server", far, near, said), daemon=True)
            back.start()
            self._carry("client", near, far, said)
            back.join()

    @staticmethod
    def _carry(who, source, sink, said):
        with contextlib.suppress(OSError):
            while octets := source.recv(65536):
                if said[-1:] != [who]:
                    said.append(who)
                time.sleep(WAY)
                with contextlib.suppress(BlockingIOError):
                    octets += source.recv(65536, socket.MSG_DONTWAIT)
                sink.sendall(octets)
            sink.shutdown(socket.SHUT_WR)

    def said(self):
        """The sessions, which have ended."""
        for thread in self._threads:
            thread.join()
        assert all(said[0] == "server" for said in self._said), "the greeting comes first"
        return self._said

    def turns(self):
        """For each session: how often the server has answered what the client said."""
        return [said[1:].count("server") for said in self.said()]

    def close(self):
        # Closing alone does not end a thread's accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="starttls", username="user", password="password", mechanisms=["PLAIN"]) as catcher:
        yield catcher


@pytest.fixture
def link(catcher):
    link = Link(catcher.port)
    yield link
    link.close()


@pytest.fixture
def server(catcher, link):
    """Arguments of a mailer that reaches the server over the link, and keeps no session."""
    return {
        "host": "localhost",
        "port": link.port,
        "username": "user",
        "password": "password",
        "tls": "starttls",
        "context": rsmtp.TlsConfig(ca_file=catcher.ca_file),
        "keep_idle": 0,
    }


def by_mailer(server, count):
    with rsmtp.Mailer(**server) as mailer:
        for _ in range(count):
            assert mailer.send(MESSAGE).ok


def by_async_mailer(server, count):
    async def send():
        async with rsmtp.AsyncMailer(**server) as mailer:
            for _ in range(count):
                assert (await mailer.send(MESSAGE)).ok

    asyncio.run(send())


both = pytest.mark.parametrize("by", [by_mailer, by_async_mailer])


@both
def test_a_session_takes_five_turns_of_smtp_and_one_of_tls(link, server, catcher, by):
    # The second session resumes the TLS of the first.
    for _ in range(ATTEMPTS):
        by(server, 2)
    new, resumed = link.turns()[::2], link.turns()[1::2]
    assert (min(new), min(resumed)) == (6, 6)
    assert catcher.count == 2 * ATTEMPTS


@both
def test_data_takes_one_turn_more(link, server, by):
    for _ in range(ATTEMPTS):
        by(server | {"chunking": False}, 1)
    assert min(link.turns()) == 7


@both
def test_a_session_that_is_kept_takes_one_turn_for_the_next_message(link, server, by):
    for _ in range(ATTEMPTS):
        by(server | {"keep_idle": 60}, 1)
        by(server | {"keep_idle": 60}, 3)
    # Not the answers: a mailer does not wait for the one to QUIT.
    said = [said.count("client") for said in link.said()]
    assert min(said[1::2]) == min(said[::2]) + 2


def test_a_client_waits_for_the_answer_to_quit(link, server, catcher):
    def said():
        with rsmtp.SmtpClient("localhost", link.port, tls="starttls", context=server["context"]) as client:
            client.login("user", "password")
            client.sendmail(*MESSAGE)

    async def awaited():
        async with rsmtp.AsyncSmtpClient(
            "localhost", link.port, tls="starttls", context=server["context"]
        ) as client:
            await client.login("user", "password")
            await client.sendmail(*MESSAGE)

    for _ in range(ATTEMPTS):
        said()
        asyncio.run(awaited())
    assert (min(link.turns()[::2]), min(link.turns()[1::2])) == (7, 7)
    assert catcher.count == 2 * ATTEMPTS
