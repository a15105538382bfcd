"""A server that leaves Nagle's algorithm on delays each second answer until the first one is
acknowledged, which the system would do only 40 ms later. Ours is off, or a large message would wait in
the same way."""

import asyncio
import contextlib
import itertools
import socket
import sys
import threading
import time

import pytest

import rsmtp

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_QUICKACK is Linux's")

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
MESSAGES = 20


def converse(accepted):
    """Answers each command in its own write."""
    with accepted, contextlib.suppress(ConnectionError):
        lines = accepted.makefile("rb")
        accepted.sendall(b"220 x\r\n")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"EHLO":
                accepted.sendall(b"250-x\r\n250 PIPELINING\r\n")
            elif verb == b"DATA":
                accepted.sendall(b"354 go on\r\n")
                while lines.readline() not in (b".\r\n", b""):
                    pass
                accepted.sendall(b"250 ok\r\n")
            else:
                accepted.sendall(b"250 ok\r\n")


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def fastest(times):
    """The fastest of several messages. If each message is delayed, so is the fastest."""
    return min(after - before for before, after in itertools.pairwise(times))


def by_client(port):
    with rsmtp.SmtpClient("127.0.0.1", port) as client:
        for _ in range(MESSAGES):
            client.sendmail(*MESSAGE)
            yield time.monotonic()


def by_a_given_socket(port):
    sock = socket.create_connection(("127.0.0.1", port))
    with rsmtp.SmtpClient(sock=sock) as client:
        for _ in range(MESSAGES):
            client.sendmail(*MESSAGE)
            yield time.monotonic()


def by_async_client(port):
    times = []

    async def send():
        async with rsmtp.AsyncSmtpClient("127.0.0.1", port) as client:
            for _ in range(MESSAGES):
                await client.sendmail(*MESSAGE)
                times.append(time.monotonic())

    asyncio.run(send())
    return times


def by_mailer(port):
    with rsmtp.Mailer(host="127.0.0.1", port=port, tls="none") as mailer:
        for _ in range(MESSAGES):
            assert mailer.send(MESSAGE).ok
            yield time.monotonic()


def by_async_mailer(port):
    times = []

    async def send():
        async with rsmtp.AsyncMailer(host="127.0.0.1", port=port, tls="none") as mailer:
            for _ in range(MESSAGES):
                assert (await mailer.send(MESSAGE)).ok
                times.append(time.monotonic())

    asyncio.run(send())
    return times


@pytest.mark.parametrize("by", [by_client, by_a_given_socket, by_async_client, by_mailer, by_async_mailer])
def test_no_message_waits_for_a_delayed_acknowledgement(port, by):
    assert fastest(list(by(port))) < 0.035


def nagle_is_off(sock):
    return bool(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


def given(port):
    """A socket that was made without naming the protocol."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.connect(("127.0.0.1", port))
    return sock


@pytest.mark.parametrize(
    "arguments", [lambda port: {"host": "127.0.0.1", "port": port}, lambda port: {"sock": given(port)}]
)
def test_nothing_that_asyncio_sends_waits_for_an_acknowledgement(port, arguments):
    async def found():
        async with rsmtp.AsyncSmtpClient(**arguments(port)) as client:
            return nagle_is_off(client._rsmtp_connection.transport.get_extra_info("socket"))

    assert asyncio.run(found())


def test_nothing_that_is_sent_over_a_given_socket_waits_for_an_acknowledgement(port):
    sock = given(port)
    with rsmtp.SmtpClient(sock=sock):
        assert nagle_is_off(sock)


def test_a_socket_without_such_options_is_left_alone():
    ours, theirs = socket.socketpair()
    threading.Thread(target=converse, args=(theirs,), daemon=True).start()
    with rsmtp.SmtpClient(sock=ours) as client:
        assert client.noop()[0] == 250
