"""Loops that are closed in the middle, and mailers that are closed in another loop than their own."""

import asyncio
import gc
import subprocess
import sys
import threading
import time
import warnings

import pytest

import rsmtp

MESSAGE = "a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n"

LEFT_BEHIND = """
import asyncio, gc, sys, time
import rsmtp
{factory}
message = "a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nhello\\r\\n"

async def client():
    async with rsmtp.AsyncSmtpClient("127.0.0.1", {port}) as client:
        await asyncio.gather(*(client.sendmail(*message) for _ in range(3)))

async def mirror():
    from rsmtp.aiosmtplib import SMTP
    async with SMTP(hostname="127.0.0.1", port={port}, start_tls=False) as client:
        await client.sendmail(*message)

async def entered():
    shared = rsmtp.AsyncSmtpClient("127.0.0.1", {port})
    async def one():
        async with shared:
            await shared.sendmail(*message)
    await asyncio.gather(one(), one())

async def send():
    async with rsmtp.AsyncMailer("smtp://127.0.0.1:{port}?tls=none", connections=1) as mailer:
        await asyncio.gather(mailer.send(message), mailer.send(message))

async def send_all():
    async with rsmtp.AsyncMailer("smtp://127.0.0.1:{port}?tls=none") as mailer:
        await mailer.send_all([message] * 200)

async def each():
    async with rsmtp.AsyncMailer("smtp://127.0.0.1:{port}?tls=none") as mailer:
        async for receipt in mailer.send_all([message] * 200):
            pass

for turns in [*range(30), 300]:
    loop = new_event_loop()
    left = loop.create_task({way}())
    for _ in range(turns):
        loop.run_until_complete(asyncio.sleep(0 if turns < 30 else 0.001))
    loop.close()
    del left, loop
    gc.collect()
print("ended")
"""


@pytest.mark.parametrize("factory", ["asyncio", "uvloop"])
@pytest.mark.parametrize("way", ["client", "mirror", "entered", "send", "send_all", "each"])
def test_a_loop_that_is_closed_in_the_middle_raises_nothing(way, factory):
    """Python complains of each task that is destroyed, and uvloop of its own."""
    pytest.importorskip(factory)
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("end of data", stall=True)
        program = LEFT_BEHIND.format(
            port=catcher.port, way=way, factory=f"from {factory} import new_event_loop"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.stdout == "ended\n", done.stderr
    assert "Exception ignored" not in done.stderr and "never retrieved" not in done.stderr, done.stderr


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_mailer_that_another_thread_closes_quits_in_its_own_loop():
    sent, closed = threading.Event(), threading.Event()

    async def sends(mailer):
        await asyncio.gather(*(mailer.send(MESSAGE) for _ in range(3)))
        sent.set()
        turning = asyncio.get_running_loop()
        turning.set_debug(True)
        while not closed.is_set():
            await asyncio.sleep(0.001)
        # The sessions are ended in one turn of this loop.
        await asyncio.sleep(0.1)

    with rsmtp.Catcher(tls="none") as catcher:
        mailer = rsmtp.AsyncMailer(f"smtp://127.0.0.1:{catcher.port}?tls=none", connections=3)
        thread = threading.Thread(target=asyncio.run, args=[sends(mailer)], daemon=True)
        thread.start()
        assert sent.wait(20)
        quits = mailer.idle
        assert quits >= 1
        threads = []
        leave = mailer._pool._end_idle

        def leaving():
            threads.append(threading.get_ident())
            leave()

        mailer._pool._end_idle = leaving
        asyncio.run(mailer.aclose(), debug=True)
        closed.set()
        thread.join(20)
        assert threads == [thread.ident] and mailer.idle == 0
        wait_for(lambda: sum("C: QUIT" in one.lines for one in catcher.conversations) == quits)


def test_a_mailer_is_closed_after_its_loop_has_stopped():
    loop = asyncio.new_event_loop()
    with rsmtp.Catcher(tls="none") as catcher:
        mailer = rsmtp.AsyncMailer(f"smtp://127.0.0.1:{catcher.port}?tls=none")
        assert loop.run_until_complete(mailer.send(MESSAGE)).ok
        asyncio.run(mailer.aclose(), debug=True)
        assert mailer.idle == 0
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()


def test_a_mailer_is_closed_after_its_loop():
    loop = asyncio.new_event_loop()
    with rsmtp.Catcher(tls="none") as catcher, warnings.catch_warnings():
        # A loop's transports are not closed by its end.
        warnings.simplefilter("ignore", ResourceWarning)
        mailer = rsmtp.AsyncMailer(f"smtp://127.0.0.1:{catcher.port}?tls=none")
        assert loop.run_until_complete(mailer.send(MESSAGE)).ok
        loop.close()
        asyncio.run(mailer.aclose(), debug=True)
        assert mailer.idle == 0
        gc.collect()


def test_a_sending_shows_nothing_of_its_own():
    mailer = rsmtp.AsyncMailer("null:")
    assert [name for name in dir(mailer.send_all([])) if not name.startswith("_")] == []
