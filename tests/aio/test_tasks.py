"""The asyncio side of the client: cancelled tasks, tasks that share a client, and other event
loops."""

import asyncio
import gc
import os
import random
import selectors
import socket
import warnings
import weakref

import anyio
import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors
from rsmtp.aio import AsyncSmtpClient

A, B, C = "a@example.org", "b@example.org", "c@example.org"
LETTER = "Subject: s\n\nhello\n"


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def open_sockets():
    """The numbers of this process's open sockets."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                found.add(int(name))
        except OSError:
            pass
    return found


# -- cancelled ------------------------------------------------------------------


def stops_at(stage):
    """A server that stops answering at a stage."""

    def script(peer):
        if stage != "greeting":
            peer.say("220 hello")
        if stage not in ("greeting", "reply"):
            for reply in ("250 server", "250 ok", "250 ok", "250 ok", "354 go on"):
                peer.line()
                peer.say(reply)
            if stage == "answer":
                peer.mail_data()
        if stage == "body":
            # Read nothing until the client has gone.
            peer.socket.settimeout(20)
            peer.gone.wait(20)
        peer.until_closed()

    return script


@pytest.mark.parametrize(
    ("stage", "fates"),
    [
        ("reply", {}),
        ("body", {B: "not sent", C: "not sent"}),
        ("answer", {B: "unknown", C: "unknown"}),
    ],
)
def test_a_cancelled_verb_ends_the_session_and_tells_the_fates(stage, fates):
    import threading

    gone = threading.Event()

    def script(peer):
        peer.gone = gone
        stops_at(stage)(peer)

    async def main(server):
        client = await rsmtp.AsyncSmtpClient(server.host, server.port)
        body = "x" * 30_000_000 if stage == "body" else LETTER
        verb = client.noop() if stage == "reply" else client.sendmail(A, [B, C], body)
        task = asyncio.create_task(verb)
        before = -1
        while client.state != "data" if stage != "reply" else b"NOOP" not in server.heard:
            await asyncio.sleep(0.01)
        while stage == "answer" and b"\r\n.\r\n" not in server.heard:
            await asyncio.sleep(0.01)
        while stage == "body" and before != client._rsmtp_connection.unsent:
            # Write until the buffers are full.
            before = client._rsmtp_connection.unsent
            await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        gone.set()
        assert getattr(caught.value, "fates", {}) == fates
        assert ("unknown" in "".join(getattr(caught.value, "__notes__", []))) == (stage == "answer")
        assert client.state == "broken"
        assert client.sock is None
        with pytest.raises(errors.SMTPServerDisconnected):
            await client.noop()

    with serve(script) as server:
        asyncio.run(main(server), debug=True)
        server.wait_for_end()


def test_a_task_that_is_cancelled_while_it_waits_its_turn_harms_no_other(catcher):
    async def main():
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
            await client.ehlo()
            sending = asyncio.create_task(client.sendmail(A, B, LETTER))
            waiting = asyncio.create_task(client.noop())
            await asyncio.sleep(0)
            waiting.cancel()
            assert await sending == {}
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert await client.noop() == (250, b"2.0.0 Ok")

    asyncio.run(main(), debug=True)


def test_asyncio_timeout():
    async def main(server):
        client = await rsmtp.AsyncSmtpClient(server.host, server.port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await client.noop()
        assert client.state == "broken"

    with serve(stops_at("reply")) as server:
        asyncio.run(main(server), debug=True)


def test_cancelled_while_connecting():
    import socket

    async def main(address):
        before = open_sockets()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await rsmtp.AsyncSmtpClient(*address)
        await asyncio.sleep(0)
        assert open_sockets() <= before

    # The listener's queue is full, so the next connection gets no answer.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        asyncio.run(main(listener.getsockname()), debug=True)
        for filler in fillers:
            filler.close()


def test_a_task_group_cancels_the_others(catcher):
    async def main():
        async def send():
            async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
                while True:
                    await client.sendmail(A, B, LETTER)

        async def fail():
            await asyncio.sleep(0.2)
            raise ZeroDivisionError

        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                for _ in range(5):
                    group.create_task(send())
                group.create_task(fail())
        assert caught.group_contains(ZeroDivisionError)
        assert len(caught.value.exceptions) == 1

    asyncio.run(main(), debug=True)


def test_close_while_another_task_waits():
    async def main(server):
        client = await rsmtp.AsyncSmtpClient(server.host, server.port)
        waiting = asyncio.create_task(client.noop())
        while b"NOOP" not in server.heard:
            await asyncio.sleep(0.01)
        client.close()
        with pytest.raises(errors.SMTPServerDisconnected, match="closed by another task"):
            await waiting

    with serve(stops_at("reply")) as server:
        asyncio.run(main(server), debug=True)
        server.wait_for_end()


# -- many -----------------------------------------------------------------------


def test_tasks_that_share_a_client_take_turns(catcher):
    async def main():
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
            await client.ehlo()
            letters = [client.sendmail(A, f"{number}@example.org", LETTER) for number in range(20)]
            answers = await asyncio.gather(*letters, *(client.noop() for _ in range(20)))
        assert answers == [{}] * 20 + [(250, b"2.0.0 Ok")] * 20
        received = [message.rcpt_tos for message in catcher.messages]
        assert sorted(received) == sorted([f"{number}@example.org"] for number in range(20))

    asyncio.run(main(), debug=True)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_thousand_sessions_half_of_them_cancelled(loop):
    factory = None
    if loop == "uvloop":
        factory = pytest.importorskip("uvloop").new_event_loop
    chance = random.Random(20)

    async def session(number):
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port, timeout=50) as client:
            await client.sendmail(A, f"{number}@example.org", LETTER)
            assert await client.noop() == (250, b"2.0.0 Ok")

    async def main():
        tasks = [asyncio.create_task(session(number)) for number in range(1000)]
        doomed = chance.sample(tasks, 500)
        for task in doomed:
            await asyncio.sleep(chance.random() / 500)
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for task, result in zip(tasks, results, strict=True):
            assert result is None or (task in doomed and isinstance(result, asyncio.CancelledError)), result
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with rsmtp.Catcher(tls="none") as catcher, warnings.catch_warnings():
        warnings.simplefilter("error")
        before = open_sockets()
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())
        gc.collect()
        left = open_sockets() - before
        # The catcher's ends close when it notices.
        for _ in range(500):
            if not left:
                break
            left = open_sockets() - before
            asyncio.run(asyncio.sleep(0.01))
        assert not left


# -- loops ------------------------------------------------------------------------


async def tutorial(catcher):
    tls = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    server = await rsmtp.AsyncSmtpClient("localhost", catcher.port)
    await server.ehlo()
    await server.starttls(context=tls)
    await server.ehlo()
    await server.login(catcher.username, catcher.password)
    await server.sendmail(A, B, LETTER)
    await server.sendmail(A, B, "x" * 76_000 + "\r\n" * 100_000)
    return await server.quit()


def test_uvloop():
    uvloop = pytest.importorskip("uvloop")
    with rsmtp.Catcher() as catcher:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop, debug=True) as runner:
            assert runner.run(tutorial(catcher))[0] == 221
        assert len(catcher.messages) == 2


def test_anyio():
    async def main(catcher):
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(tutorial, catcher)
        with anyio.move_on_after(0.2) as scope:
            async with rsmtp.AsyncSmtpClient("localhost", catcher.port) as client:
                while True:
                    await client.noop()
        assert scope.cancelled_caught

    with rsmtp.Catcher() as catcher:
        anyio.run(main, catcher)
        assert len(catcher.messages) == 6


def test_another_loop_is_told_so(catcher):
    client = rsmtp.AsyncSmtpClient(catcher.host, catcher.port)
    with asyncio.Runner() as runner:
        runner.run(client.connect())
        other = asyncio.new_event_loop()
        with pytest.raises(errors.SMTPStateError, match="another event loop"):
            other.run_until_complete(client.noop())
        other.close()
        assert runner.run(client.noop())[0] == 250
        runner.run(client.quit())


def test_both_clients_in_one_running_loop(catcher):
    """Both clients run in a loop that is already running, as in a notebook's cell."""

    async def cell():
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            client.sendmail(A, B, LETTER)
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
            await client.sendmail(A, B, LETTER)

    asyncio.run(cell())
    assert len(catcher.messages) == 2


def test_the_loop_is_never_held_up():
    """Sends 10 MB over TLS. One turn of the loop encrypts and writes at most half a megabyte,
    however fast the server reads."""
    turns = [0]

    async def main():
        loop = asyncio.get_running_loop()
        tls = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        async with rsmtp.AsyncSmtpClient("localhost", catcher.port, tls="starttls", context=tls) as client:
            connection = client._rsmtp_connection
            # Nothing is written past the transport, which can be watched.
            connection.attach(None, None)
            write = connection._write_by_transport

            def counting(octets, start):
                turns[-1] += len(octets) - start
                return write(octets, start)

            def tick():
                turns.append(0)
                loop.call_soon(tick)

            connection._write_by_transport = counting
            tick()
            await client.sendmail(A, B, b"x" * 76 * 130_000)

    with rsmtp.Catcher(keep=0) as catcher:
        asyncio.run(main())
    assert sum(turns) > 76 * 130_000
    assert max(turns) < 550_000


@pytest.mark.skipif(os.name == "nt", reason="the proactor of Windows has no selector to count by")
def test_a_message_takes_one_turn_of_the_loop():
    """The task continues in the turn that brings its answer and needs no extra one."""
    turns = 0

    class Counting(selectors.DefaultSelector):
        def select(self, timeout=None):
            nonlocal turns
            turns += 1
            return super().select(timeout)

    async def main():
        async with AsyncSmtpClient("localhost", catcher.port, tls="none") as client:
            await client.sendmail(A, B, LETTER)
            before = turns
            for _ in range(100):
                await client.sendmail(A, B, LETTER)
            return turns - before

    with (
        rsmtp.Catcher(tls="none") as catcher,
        asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Counting())) as runner,
    ):
        # An answer may arrive in pieces, and each piece takes a turn.
        assert 100 <= runner.run(main()) < 180
        assert len(catcher.messages) == 101


@pytest.mark.skipif(os.name == "nt", reason="the proactor of Windows writes by itself")
def test_a_socket_of_a_class_of_ones_own_sends_every_octet():
    sent = []

    class Seen(socket.socket):
        def send(self, octets, *flags):
            sent.append(bytes(octets))
            return super().send(octets, *flags)

    async def main():
        sock = Seen()
        sock.connect(("127.0.0.1", catcher.port))
        async with AsyncSmtpClient("127.0.0.1", sock=sock, tls="none") as client:
            await client.sendmail(A, B, LETTER)

    with rsmtp.Catcher(tls="none") as catcher:
        asyncio.run(main())
    said = b"".join(sent)
    assert said.startswith(b"EHLO ") and b"RCPT TO:<" in said and said.endswith(b"QUIT\r\n")


# -- a client that is gone -----------------------------------------------------------


def test_a_client_that_is_dropped_closes_its_socket():
    async def main(server):
        client = await rsmtp.AsyncSmtpClient(server.host, server.port)
        gone = weakref.ref(client._rsmtp_connection)
        del client
        while gone() is not None:
            await asyncio.sleep(0.01)

    with serve(answering()) as server:
        asyncio.run(main(server), debug=True)
        server.wait_for_end()


def test_a_client_that_was_never_connected_says_nothing():
    client = rsmtp.AsyncSmtpClient("localhost")
    assert client.state == "disconnected"
    del client
    gc.collect()
