"""`AsyncMailer` reports the same as `Mailer`, and handles cancellation and event loops."""

import asyncio
import contextlib
import gc
import itertools
import logging
import os
import random
import socket
import subprocess
import sys
import threading
import time

import anyio
import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors

CONTENT = b"Subject: x\r\n\r\nhello\r\n"


def messages(count):
    return [("a@example.org", [f"b{number}@example.org"], CONTENT) for number in range(count)]


def options(server, **more):
    return {"host": "127.0.0.1", "port": server.port, "tls": "none", "backoff": 0.01, "timeout": 20, **more}


def run(main):
    """Runs in debug mode. Nothing may be left behind, and every exception has to be retrieved."""
    told = []

    async def inside():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        result = await main()
        gc.collect()
        await asyncio.sleep(0)
        # A closed connection is gone two turns of the loop later.
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, left
        return result

    sockets = open_sockets()
    result = asyncio.run(inside(), debug=True)
    gc.collect()
    assert not told, told
    # The catcher's end of a connection is in this process and ends a little after the mailer's.
    end = time.monotonic() + 10
    while (left := open_sockets() - sockets) and time.monotonic() < end:
        time.sleep(0.01)
    return result, left


def open_sockets():
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                found.add(int(name))
    return found


def told(receipt, port=0):
    """The contents of a receipt, without the time and the server's port."""
    recipients = [(one.address, one.fate, one.code, one.text, one.transient) for one in receipt.recipients]
    error = receipt.error
    facts = [getattr(error, name, None) for name in ("stage", "code", "enhanced_code", "transient", "errno")]
    words = str(error).replace(f":{port} ", " ")
    return receipt.index, receipt.ok, receipt.attempts, recipients, type(error), words, facts


def by_both(script, count, **more):
    """The results of Mailer and AsyncMailer with the same server: receipts, the exception, the
    messages to resend, and the number of sessions."""
    both = []

    def add(report, raised, server):
        again = sorted(report.to_retry)
        receipts = sorted(told(receipt, server.port) for receipt in report.receipts)
        words = str(raised).replace(f":{server.port} ", " ")
        both.append((receipts, type(raised), words, again, len(server.peers)))

    with serve(script) as server, rsmtp.Mailer(**options(server, **more)) as mailer:
        raised = None
        try:
            report = mailer.send_all(messages(count))
        except errors.SMTPException as error:
            raised, report = error, error.report
        add(report, raised, server)
    with serve(script) as server:

        async def main():
            async with rsmtp.AsyncMailer(**options(server, **more)) as mailer:
                try:
                    return await mailer.send_all(messages(count)), None
                except errors.SMTPException as error:
                    return error.report, error

        (report, raised), _ = run(main)
        add(report, raised, server)
    return both


PIPELINING, CHUNKING = ["PIPELINING"], ["PIPELINING", "CHUNKING"]


@pytest.mark.parametrize(
    ("replies", "extensions", "more"),
    [
        ({}, (), {}),
        ({}, PIPELINING, {}),
        ({}, CHUNKING, {}),
        ({"RCPT TO:<b1": "550 5.1.1 no such user"}, PIPELINING, {}),
        ({"RCPT TO:<b1": ("450 4.2.0 later", "250 ok")}, PIPELINING, {}),
        ({"RCPT TO:<b1": "450 4.2.0 later"}, PIPELINING, {"retries": 1}),
        ({"MAIL": "550 not you"}, PIPELINING, {}),
        ({"DATA": "554 no"}, (), {}),
        ({".": "554 spam"}, PIPELINING, {}),
        ({}, PIPELINING, {"max_messages": 2}),
        ({}, [*PIPELINING, "LIMITS MAILMAX=2"], {}),
        ({}, PIPELINING, {"keep_idle": 0}),
        ({}, PIPELINING, {"per_day": 3}),
        ({".": None}, (), {"retries": 0}),
        ({"BDAT": "503 what?"}, CHUNKING, {"retries": 0}),
        ({"MAIL": ("250 ok", None)}, PIPELINING, {"retries": 1}),
        ({"MAIL": None}, PIPELINING, {"retries": 1}),
        ({"EHLO": "550 5.7.1 not you", "HELO": "550 5.7.1 not you"}, (), {}),
        ({"EHLO": ("421 4.3.2 busy",)}, (), {"retries": 1}),
        ({"EHLO": None}, (), {"retries": 0}),
        ({"EHLO": "no reply"}, (), {"retries": 1}),
        ({"AUTH": "535 5.7.8 wrong"}, ["AUTH PLAIN"], {"user": "u", "password": "p"}),
        ({"AUTH": "454 4.7.0 later"}, ["AUTH PLAIN"], {"user": "u", "password": "p", "retries": 1}),
        ({}, ["AUTH GSSAPI"], {"user": "u", "password": "p"}),
        ({}, (), {"tls": "starttls"}),
    ],
)
def test_receipts_are_those_of_mailer(replies, extensions, more):
    first, second = by_both(answering(replies, extensions=extensions), 5, **more)
    assert first == second


def test_awaited_iterated_and_asynchronous_iterables():
    with rsmtp.Catcher(tls="none") as catcher:

        async def asynchronous():
            for message in messages(5):
                await asyncio.sleep(0)
                yield message

        async def main():
            async with rsmtp.AsyncMailer(**options(catcher)) as mailer:
                assert (await mailer.send(messages(1)[0])).ok
                assert mailer.idle == 1
                assert (await mailer.send_all(asynchronous())).sent == 5
                indices = [receipt.index async for receipt in mailer.send_all(messages(5))]
                assert sorted(indices) == [0, 1, 2, 3, 4]
                assert mailer.idle == 1
            with pytest.raises(RuntimeError, match="closed"):
                await mailer.send(messages(1)[0])

        _, left = run(main)
        assert not left
        assert len(catcher.messages) == 11 and len(catcher.conversations) == 1


async def both_mailers(catcher):
    """The loop is already running, as in a notebook's cell."""
    tls = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    logged_in = {"user": catcher.username, "password": catcher.password, "context": tls}
    where = {**options(catcher, **logged_in), "host": "localhost", "tls": "starttls"}
    with rsmtp.Mailer(**where) as mailer:
        assert mailer.send_all(messages(50)).sent == 50
    async with rsmtp.AsyncMailer(**where, connections=3) as mailer:
        assert (await mailer.send_all(messages(200))).sent == 200
        async with asyncio.TaskGroup() as group:
            sent = [group.create_task(mailer.send(message)) for message in messages(30)]
        assert all(task.result().ok for task in sent)
        with pytest.raises(TimeoutError) as raised:
            async with asyncio.timeout(0):
                await mailer.send_all(messages(10))
        assert isinstance(raised.value.__cause__, asyncio.CancelledError)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop", "anyio"])
def test_loops_of_every_make(loop):
    with rsmtp.Catcher() as catcher:
        if loop == "anyio":
            anyio.run(both_mailers, catcher)
        else:
            factory = pytest.importorskip("uvloop").new_event_loop if loop == "uvloop" else None
            with asyncio.Runner(debug=True, loop_factory=factory) as runner:
                runner.run(both_mailers(catcher))
        assert catcher.count >= 280


def test_the_second_server_takes_over_whenever_the_first_fails():
    with socket.socket() as bound, serve(answering({"EHLO": "421 go away"})) as rude:
        bound.bind(("127.0.0.1", 0))
        for port in (bound.getsockname()[1], rude.port):
            with rsmtp.Catcher(tls="none") as catcher:

                async def main(port=port, catcher=catcher):
                    urls = [f"smtp://127.0.0.1:{one}?tls=none" for one in (port, catcher.port)]
                    async with rsmtp.AsyncMailer(urls, retries=0) as mailer:
                        return await mailer.send_all(messages(3))

                report, left = run(main)
                assert report.ok and not left and len(catcher.messages) == 3


def test_no_server_there_is_raised_with_a_report():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))

        async def main():
            mailer = rsmtp.AsyncMailer(
                host="127.0.0.1", port=bound.getsockname()[1], tls="none", retries=1, backoff=0.01
            )
            with pytest.raises(errors.SMTPConnectionRefused):
                await mailer.send(messages(1)[0])
            with pytest.raises(errors.SMTPConnectionRefused) as raised:
                await mailer.send_all(messages(3))
            assert raised.value.report.not_sent == 3

        _, left = run(main)
        assert not left


def test_what_the_iterable_raises_has_the_report():
    with rsmtp.Catcher(tls="none") as catcher:

        def broken():
            yield from messages(3)
            raise RuntimeError("no more")

        async def broken_too():
            for message in messages(3):
                yield message
            raise RuntimeError("no more")

        async def main():
            async with rsmtp.AsyncMailer(**options(catcher)) as mailer:
                for iterable in (broken(), broken_too()):
                    with pytest.raises(RuntimeError, match="no more") as raised:
                        await mailer.send_all(iterable)
                    assert raised.value.report.sent == 3

        _, left = run(main)
        assert not left and len(catcher.messages) == 6


def test_an_iterable_that_waits_for_what_was_cancelled_ends_the_sending():
    with rsmtp.Catcher(tls="none") as catcher:

        async def waiting():
            for message in messages(3):
                yield message
            future = asyncio.get_running_loop().create_future()
            future.cancel()
            await future

        async def main():
            async with rsmtp.AsyncMailer(**options(catcher)) as mailer:
                with pytest.raises(asyncio.CancelledError) as raised:
                    await asyncio.wait_for(mailer.send_all(waiting()), 20)
                assert raised.value.report.sent == 3

        _, left = run(main)
        assert not left and len(catcher.messages) == 3


def test_an_iteration_that_is_dropped_ends_its_session():
    with rsmtp.Catcher(tls="none") as catcher:

        async def main():
            async with rsmtp.AsyncMailer(**options(catcher, window=1)) as mailer:
                async with contextlib.aclosing(aiter(mailer.send_all(messages(50)))) as receipts:
                    async for receipt in receipts:
                        assert receipt.ok
                        break
                assert mailer.idle == 0
                assert (await mailer.send(messages(1)[0])).ok

        _, left = run(main)
        assert not left


def test_another_loop_is_told():
    with rsmtp.Catcher(tls="none") as catcher:
        mailer = rsmtp.AsyncMailer(**options(catcher))

        async def first():
            await mailer.send(messages(1)[0])
            with pytest.raises(errors.SMTPStateError, match="another event loop"):
                await asyncio.to_thread(asyncio.run, second())
            await mailer.aclose()

        async def second():
            await mailer.send(messages(1)[0])

        run(first)


@pytest.mark.parametrize("all_at_once", [False, True])
def test_loops_of_several_threads_are_told(all_at_once):
    """One of them sends, and goes on as if the others were not there."""
    before, told = threading.Barrier(4), []

    async def send(mailer):
        if all_at_once:
            return (await mailer.send_all(messages(30))).sent
        return sum(receipt.ok for receipt in await asyncio.gather(*map(mailer.send, messages(30))))

    async def of_a_thread(mailer):
        before.wait()
        sent = 0
        try:
            sent = await send(mailer)
        except errors.SMTPStateError as error:
            assert "another event loop: make one for each" in str(error)
        told.append(sent)
        # Until the others have tried: a loop that is closed holds no mailer.
        await asyncio.to_thread(before.wait)
        if sent:
            await mailer.aclose()

    with rsmtp.Catcher(tls="none") as catcher:
        mailer = rsmtp.AsyncMailer(**options(catcher))
        threads = [
            threading.Thread(target=asyncio.run, args=[of_a_thread(mailer)], daemon=True) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(told) == [0, 0, 0, 30] and catcher.count == 30


LEFT_BEHIND = """
import asyncio, rsmtp
message = "a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nhello\\r\\n"
mailer = rsmtp.AsyncMailer(host="127.0.0.1", port={port}, tls="none", connections=2)
async def one():
    await mailer.send(message)
async def many():
    await mailer.send_all([message] * 300)
for turns in range(12):
    loop = asyncio.new_event_loop()
    # Two of them have the sessions, and the others wait for their turn.
    left = [loop.create_task({way}()) for _ in range(3)]
    for _ in range(turns):
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    receipt = asyncio.run(asyncio.wait_for(mailer.send(message), 10))
    print(receipt.ok)
"""


@pytest.mark.parametrize("way", ["one", "many"])
def test_a_loop_that_is_closed_in_the_middle_takes_no_sessions_along(way):
    # In a process of its own, because Python complains of each task that is destroyed.
    with rsmtp.Catcher(tls="none") as catcher:
        program = LEFT_BEHIND.format(port=catcher.port, way=way)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.stdout == "True\n" * 12, done.stderr


def test_cancelled_at_random_moments_nothing_is_left_and_all_is_told():
    chance = random.Random(6)
    with rsmtp.Catcher(tls="none") as catcher:

        async def main():
            cancelled = 0
            async with rsmtp.AsyncMailer(**options(catcher, connections=3)) as mailer:
                for _ in range(60):
                    sending = asyncio.ensure_future(_report(mailer.send_all(messages(20))))
                    for _ in range(chance.randrange(60)):
                        await asyncio.sleep(0)
                    sending.cancel()
                    try:
                        report = await sending
                    except asyncio.CancelledError as raised:
                        cancelled += 1
                        report = getattr(raised, "report", None)
                    if report is not None:
                        assert report.sent + report.unknown + report.not_sent <= 20
                assert (await mailer.send(messages(1)[0])).ok
            return cancelled

        cancelled, left = run(main)
        assert cancelled and not left


def test_two_sendings_share_the_sessions_and_neither_starves():
    with rsmtp.Catcher(tls="none") as catcher:

        async def endless():
            while True:
                yield messages(1)[0]
                await asyncio.sleep(0)

        async def main():
            async with rsmtp.AsyncMailer(**options(catcher)) as mailer:
                busy = asyncio.ensure_future(_report(mailer.send_all(endless())))
                for _ in range(3):
                    assert (await mailer.send(messages(1)[0])).ok
                busy.cancel()
                with pytest.raises(asyncio.CancelledError) as raised:
                    await busy
                assert raised.value.report.sent

        _, left = run(main)
        assert not left and len(catcher.conversations) <= 2


def test_sending_within_a_sending_on_one_session():
    with rsmtp.Catcher(tls="none") as catcher:

        async def main():
            async with rsmtp.AsyncMailer(**options(catcher)) as mailer:

                async def outer():
                    for message in messages(3):
                        assert (await mailer.send(message)).ok
                        yield message

                async with asyncio.timeout(20):
                    assert (await mailer.send_all(outer())).sent == 3
                assert mailer.idle == 1

        _, left = run(main)
        assert not left and len(catcher.messages) == 6


@pytest.mark.parametrize("asynchronous", [True, False])
def test_an_endless_iterable_ends_when_nothing_can_be_sent(asynchronous):
    async def main():
        async with rsmtp.AsyncMailer("smtp://127.0.0.1:9?tls=none", retries=0) as mailer:

            async def awaited():
                while True:
                    yield messages(1)[0]

            with pytest.raises(errors.SMTPConnectionRefused):
                async with asyncio.timeout(20):
                    await mailer.send_all(awaited() if asynchronous else itertools.repeat(messages(1)[0]))

    _, left = run(main)
    assert not left


@pytest.mark.parametrize("listens", [True, False])
def test_a_conversation_is_recorded_only_for_who_listens(caplog, listens):
    async def main():
        async with rsmtp.AsyncMailer(**options(catcher)) as mailer:
            assert (await mailer.send_all(messages(1))).sent == 1
            (connection,) = mailer._pool._at_rest.values()
            return str(connection.transcript)

    with rsmtp.Catcher(tls="none") as catcher:
        with caplog.at_level(logging.DEBUG if listens else logging.WARNING, "rsmtp.smtp"):
            transcript, _ = run(main)
    assert ("MAIL FROM" in transcript) == ("MAIL FROM" in caplog.text) == listens


@pytest.fixture
def program(tmp_path):
    """A sendmail that reports when it has begun, and never ends."""
    program = tmp_path / "sendmail"
    os.mkfifo(tmp_path / "begun")
    os.mkfifo(tmp_path / "end")
    program.write_text(f"#!/bin/sh\ncd {tmp_path}\ncat > taken\necho > begun\nread line < end\n")
    program.chmod(0o755)
    return program


def test_cancelled_while_a_program_has_the_message(program):
    async def main():
        async with rsmtp.AsyncMailer(f"sendmail://{program}") as mailer:
            sending = asyncio.ensure_future(_report(mailer.send_all(messages(3))))
            await asyncio.to_thread((program.parent / "begun").read_text)
            # At the second cancellation it is already cleaning up.
            for _ in range(2):
                sending.cancel()
                for _ in range(5):
                    await asyncio.sleep(0)
            # The program is killed, with the whole message.
            with pytest.raises(asyncio.CancelledError) as raised:
                await sending
        report = raised.value.report
        assert (report.unknown, report.not_sent) == (1, 2), report
        assert (program.parent / "taken").read_bytes() == CONTENT

    run(main)


async def _report(sending):
    return await sending


def test_one_message_starts_no_task():
    """Tasks that take messages and hold sessions would cost more than the message."""
    started = []

    def start(loop, coroutine, **more):
        started.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **more)

    async def main(server):
        async with rsmtp.AsyncMailer(**options(server)) as mailer:
            await mailer.send(messages(1)[0])
            asyncio.get_running_loop().set_task_factory(start)
            receipt = await mailer.send(messages(1)[0])
            with pytest.raises(TypeError):
                await mailer.send(3)
            asyncio.get_running_loop().set_task_factory(None)
        return receipt

    with rsmtp.Catcher() as server:
        receipt, _ = run(lambda: main(server))
        assert receipt.ok and server.count == 2
    assert started == []
