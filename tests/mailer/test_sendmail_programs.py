"""Programs in place of sendmail that hang, leave others behind, talk, or do not listen."""

import asyncio
import os
import signal
import threading
import time

import pytest

import rsmtp

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")


def letter(octets=10):
    return "a@example.org", ["b@example.org"], b"Subject: x\r\n\r\n" + b"hello\r\n" * (octets // 7)


SIZES = [100, 1_000_000]


@pytest.fixture
def program(tmp_path):
    def program(script):
        path = tmp_path / "sendmail"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return f"sendmail://{path}"

    return program


@pytest.mark.usefixtures("either_mailer")
@pytest.mark.parametrize("octets", SIZES)
@pytest.mark.parametrize(
    ("script", "fate", "words"),
    [
        ("cat > /dev/null; sleep 20 &", "sent", ""),
        ("cat > /dev/null; sleep 20 & echo busy >&2; exit 75", "not sent", "busy"),
        ("yes | head -c 1000000; cat > /dev/null", "sent", ""),
        ("yes | head -c 1000000 >&2; cat > /dev/null", "sent", ""),
        ("cat > /dev/null; exec 2>&-; sleep 0.5; exit 3", "not sent", "said nothing (exit status: 3)"),
        ("cat > /dev/null; kill -9 $$", "not sent", "said nothing (signal: 9 (SIGKILL))"),
    ],
)
def test_what_became_of_it_is_known_when_the_program_ends(program, script, fate, words, octets):
    started = time.monotonic()
    with rsmtp.Mailer(program(script)) as mailer:
        receipt = mailer.send(letter(octets), check=False)
    assert time.monotonic() - started < 10
    assert receipt.recipients[0].fate == fate and words in str(receipt.error)


@pytest.mark.usefixtures("either_mailer")
@pytest.mark.parametrize("script", ["exit 0", "head -c 10 > /dev/null"])
def test_a_program_that_did_not_read_all_has_not_taken_it(program, script):
    with rsmtp.Mailer(program(script)) as mailer:
        receipt = mailer.send(letter(1_000_000), check=False)
    assert receipt.not_sent


@pytest.mark.usefixtures("either_mailer")
def test_what_it_has_left_to_another_program_may_still_be_taken(program, tmp_path):
    with rsmtp.Mailer(program(f"exec 3<&0; (sleep 1; cat > {tmp_path}/taken) <&3 & exit 0")) as mailer:
        receipt = mailer.send(letter(1_000_000), check=False)
    assert receipt.recipients[0].fate == "unknown" and "another one has yet to read" in str(receipt.error)


class Stopped(Exception):
    pass


@pytest.mark.parametrize(
    ("script", "fate"), [("cat > /dev/null; exec sleep 30", "unknown"), ("exec sleep 30", "not sent")]
)
@pytest.mark.parametrize("many", [False, True])
def test_a_program_that_hangs_is_killed_by_an_interrupt(program, script, fate, many):
    def stop(number, frame):
        raise Stopped

    before = signal.signal(signal.SIGUSR1, stop)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    started = time.monotonic()
    try:
        with rsmtp.Mailer(program(script)) as mailer, pytest.raises(Stopped) as raised:
            if many:
                mailer.send_all([letter(1_000_000)] * 3)
            else:
                mailer.send(letter(1_000_000))
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
    assert time.monotonic() - started < 10
    receipt = min(raised.value.report.receipts, key=lambda one: one.index) if many else raised.value.receipt
    assert receipt.recipients[0].fate == fate


def test_and_where_the_task_is_cancelled(program):
    async def main():
        async with rsmtp.AsyncMailer(program("cat > /dev/null; exec sleep 30")) as mailer:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(mailer.send(letter()), 0.5)

    started = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - started < 10
