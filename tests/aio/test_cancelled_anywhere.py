"""A task is cancelled after each turn of the event loop. Nothing is left behind, and the fates in
the exception match what the server has, which runs in the same loop."""

import asyncio
import contextlib
import gc
import itertools
import ssl

import pytest

import rsmtp
from servers import certificates

A, B, C = "a@example.org", "b@example.org", "c@example.org"
LETTER = "Subject: s\n\nhello\n"


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    """The TLS contexts of the server and of the client."""
    folder = tmp_path_factory.mktemp("cancelled") / "tls"
    certificates.make(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context, rsmtp.TlsConfig(ca_file=folder / "ca.pem", server_name="localhost")


class Server:
    """A server that accepts messages. `took` has the recipients of each."""

    def __init__(self, context, extensions):
        self.context = context
        self.extensions = extensions
        self.took = []
        self.tasks = set()

    @contextlib.asynccontextmanager
    async def run(self):
        listening = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            # A connection that waits to be accepted is still accepted.
            for _ in range(5):
                await asyncio.sleep(0)
            listening.close()
            # Read all that the client had sent.
            if self.tasks:
                _, left = await asyncio.wait(self.tasks, timeout=20)
                assert not left, "a session of the client's is still open"

    async def _serve(self, reader, writer):
        self.tasks.add(asyncio.current_task())
        try:
            with contextlib.suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
                await self._hold(reader, writer)
        finally:
            writer.transport.abort()
            self.tasks.discard(asyncio.current_task())

    async def _hold(self, reader, writer):
        def say(*lines):
            writer.write("".join(f"{line}\r\n" for line in lines).encode())

        say("220 hello")
        recipients = []
        while line := await reader.readline():
            command = line.decode().strip()
            match command.split(" ")[0].upper():
                case "EHLO":
                    say(*(f"250-{word}" for word in ["server", *self.extensions]), "250 STARTTLS")
                case "STARTTLS":
                    say("220 go ahead")
                    await writer.start_tls(self.context)
                case "RCPT":
                    recipients.append(command.partition("<")[2].partition(">")[0])
                    say("250 ok")
                case "DATA":
                    say("354 go on")
                    await reader.readuntil(b"\r\n.\r\n")
                    self.took.append(tuple(recipients))
                    recipients.clear()
                    say("250 taken")
                case "BDAT":
                    await reader.readexactly(int(command.split(" ")[1]))
                    self.took.append(tuple(recipients))
                    recipients.clear()
                    say("250 taken")
                case "QUIT":
                    say("221 bye")
                    return
                case _:
                    say("250 ok")


def cancelled_anywhere(script, server, *, again=False):
    """Runs the script and cancels it, one turn of the loop later each time, until it completes.
    `script(server)` is a coroutine. Returns the number of runs and the exception of each. With
    `again`, each run is cancelled once more while it cleans up."""
    for turns in itertools.count():
        told = []

        async def main(turns=turns, told=told):
            asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
            here = server()
            async with here.run():
                task = asyncio.create_task(script(here))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                raised = None
                try:
                    result = await task
                except asyncio.CancelledError as error:
                    raised, result = error, None
                task = None
            # A closed connection is gone two turns later.
            for _ in range(3):
                await asyncio.sleep(0)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left, (turns, left)
            return here, raised, result

        before = open_sockets()
        here, raised, result = asyncio.run(main(), debug=True)
        yield turns, here, raised
        del here, result
        gc.collect()
        assert not told, (turns, told)
        assert open_sockets() <= before, turns
        if raised is None:
            return


def open_sockets():
    from aio.test_mailer import open_sockets

    return open_sockets()


EXTENSIONS = {"BDAT": ["PIPELINING", "CHUNKING"], "DATA": ["PIPELINING"], "plain": []}


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("offer", "tls"), [("BDAT", "none"), ("BDAT", "starttls"), ("DATA", "none"), ("plain", "none")]
)
def test_a_client(secrets, offer, tls):
    context, trusting = secrets
    seen = set()

    async def script(server):
        client = rsmtp.AsyncSmtpClient("127.0.0.1", server.port, "me.example", 20)
        try:
            async with asyncio.timeout(20):
                await client.connect()
                if tls == "starttls":
                    await client.starttls(context=trusting)
                for recipients in ([B], [B, C]):
                    await client.sendmail(A, recipients, LETTER)
                    server.done = recipients
                await client.quit()
        finally:
            client.close()

    def make():
        server = Server(context, EXTENSIONS[offer])
        server.done = []
        return server

    for turns, server, raised in cancelled_anywhere(script, make):
        fates = getattr(raised, "fates", {})
        answered = [[], [(B,)], [(B,), (B, C)]][len(server.done)]
        seen |= set(fates.values())
        told = tuple(fates)
        match "+".join(sorted(set(fates.values()))):
            case "" | "not sent":
                assert server.took == answered, turns
            case "sent":
                assert server.took == [*answered, told], turns
            case kind:
                assert kind == "unknown", (turns, fates)
                assert server.took in (answered, [*answered, told]), turns
    assert turns > 15
    assert "unknown" in seen


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("offer", "tls", "keep_idle", "again"),
    [
        ("BDAT", "none", 0, False),
        ("BDAT", "starttls", 30, True),
        ("DATA", "none", 30, False),
        ("plain", "none", 30, True),
    ],
)
def test_a_mailer(secrets, offer, tls, keep_idle, again):
    context, trusting = secrets
    recipients = [f"b{number}@example.org" for number in range(4)]

    async def script(server):
        options = {"tls": tls, "context": trusting, "backoff": 0.01, "keep_idle": keep_idle, "connections": 2}
        async with rsmtp.AsyncMailer(host="127.0.0.1", port=server.port, **options) as mailer:
            server.receipts.append(await mailer.send((A, recipients[:1], LETTER)))
            report = await mailer.send_all([(A, [one], LETTER) for one in recipients[1:]])
            server.receipts += report.receipts

    def make():
        server = Server(context, EXTENSIONS[offer])
        server.receipts = []
        return server

    for turns, server, raised in cancelled_anywhere(script, make, again=again):
        # The exception of `send` has one receipt, that of `send_all` a report.
        alone, report = getattr(raised, "receipt", None), getattr(raised, "report", None)
        receipts = server.receipts + ([] if alone is None else [alone]) + (report.receipts if report else [])
        told = {one.address: one.fate for receipt in receipts for one in receipt.recipients}
        for one in recipients:
            took = server.took.count((one,))
            match told.get(one):
                case "sent":
                    assert took == 1, (turns, one)
                case "unknown":
                    assert took <= 1, (turns, one)
                case _:
                    assert took == 0, (turns, one, raised, told)
    assert turns > 20


@pytest.mark.timeout(180)
@pytest.mark.parametrize("turns", range(20, 100, 2))
def test_a_mailer_in_full_flight(turns):
    """Answers arrive while there is more to send, and each answer belongs to its own message."""
    large = LETTER + "x" * 70 + "\n"
    recipients = [f"b{number}@example.org" for number in range(600)]

    async def main():
        async with (
            Server(None, EXTENSIONS["BDAT"]).run() as server,
            rsmtp.AsyncMailer(host="127.0.0.1", port=server.port, tls="none", connections=2) as mailer,
        ):
            letters = ((A, [one], large * (1 + number % 40)) for number, one in enumerate(recipients))

            async def send():
                return await mailer.send_all(letters)

            task = asyncio.create_task(send())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            try:
                return server, await task
            except asyncio.CancelledError as cancelled:
                return server, cancelled.report

    server, report = asyncio.run(main())
    told = {one.address: one.fate for receipt in report.receipts for one in receipt.recipients}
    for one in recipients:
        took = server.took.count((one,))
        match told.get(one):
            case "sent":
                assert took == 1, one
            case "unknown":
                assert took <= 1, one
            case _:
                assert took == 0, (one, told.get(one))
