"""A server that waits for TLS stays silent, and so does the client. After a few seconds the error
gives the likely reason. A server that is only slow gets its time."""

import asyncio
import contextlib
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import rsmtp
from client.scripted import Server, answering

GIVEN = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")
TOLD = "no greeting on port {} for 5 s: the server is slow, or it waits for TLS from the first octet"


class Late(Server):
    """Stays silent until it is released, and then answers as a server that accepts a message."""

    def __init__(self):
        self.speak = threading.Event()
        self.told = False
        super().__init__(self._wait_and_answer)

    def _wait_and_answer(self, peer):
        self.speak.wait(30)
        answering(greeting="220 at last")(peer)


class Heard(logging.Handler):
    def __init__(self, servers):
        super().__init__(logging.WARNING)
        self.servers = servers

    def emit(self, record):
        for server in self.servers:
            if record.getMessage() == TOLD.format(server.port):
                server.told = True
                server.speak.set()


def by_client(port):
    with rsmtp.SmtpClient("127.0.0.1", port, timeout=30) as client:
        client.sendmail(*GIVEN)
        return str(client.transcript)


def by_async_client(port):
    async def send():
        async with rsmtp.AsyncSmtpClient("127.0.0.1", port, timeout=30) as client:
            await client.sendmail(*GIVEN)
            return str(client.transcript)

    return asyncio.run(send())


def by_mailer(port):
    with rsmtp.Mailer(host="127.0.0.1", port=port, tls="none", timeout=30) as mailer:
        assert mailer.send(GIVEN).ok


def by_many(port):
    with rsmtp.Mailer(host="127.0.0.1", port=port, tls="none", timeout=30) as mailer:
        assert mailer.send_all([GIVEN]).ok


def by_async_mailer(port):
    async def send():
        async with rsmtp.AsyncMailer(host="127.0.0.1", port=port, tls="none", timeout=30) as mailer:
            assert (await mailer.send(GIVEN)).ok

    asyncio.run(send())


def test_the_likely_reason_is_told_and_the_server_waited_for():
    """All cases run at once, because each takes five seconds. A server answers after it is released."""
    ways = [by_client, by_async_client, by_mailer, by_many, by_async_mailer]
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Late()) for _ in ways]
        handler, logger = Heard(servers), logging.getLogger("rsmtp.mail")
        logger.addHandler(handler)
        stack.callback(logger.removeHandler, handler)
        with ThreadPoolExecutor(len(ways)) as pool:
            done = [pool.submit(way, server.port) for way, server in zip(ways, servers, strict=True)]
            transcripts = [each.result(50) for each in done]
    assert all(server.told for server in servers)
    for transcript, server in zip(transcripts[:2], servers[:2], strict=True):
        assert transcript.count(TOLD.format(server.port)) == 1


def test_check_does_not_wait_long_for_a_server_of_tls():
    with rsmtp.Catcher(tls="implicit") as server:
        done = subprocess.run(
            [sys.executable, "-m", "rsmtp", "check", f"localhost:{server.port}", "--timeout", "40",
             "--ca-file", str(server.ca_file)],
            capture_output=True, text=True, timeout=35,
        )  # fmt: skip
    assert "TLS from the first octet" in done.stdout + done.stderr or "TLSv1.3" in done.stdout


def test_the_command_line_tells_it_while_it_waits():
    letter = ["--from", "a@example.org", "--to", "b@example.org", "--subject", "x", "--text", "hello"]
    with Late() as server:
        url = f"smtp://127.0.0.1:{server.port}?tls=none"
        with subprocess.Popen(
            [sys.executable, "-m", "rsmtp", "send", "--server", url, *letter],
            stderr=subprocess.PIPE,
            text=True,
        ) as program:
            try:
                assert program.stderr.readline().strip() == f"rsmtp: {TOLD.format(server.port)}"
                server.speak.set()
                assert program.wait(20) == 0
            finally:
                program.kill()
