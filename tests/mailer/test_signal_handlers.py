"""An exception that a signal's handler raises, as the time limits of Celery and RQ do, ends a sending at
once: it is no fault of the messages, which would be sent nevertheless."""

import os
import signal
import threading
import time

import pytest

import rsmtp
from rsmtp.tasks import Deliverer, job

LETTER = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")


class TimeLimit(Exception):
    pass


@pytest.fixture
def limit():
    """Interrupts with a TimeLimit after half a second."""

    def raises(number, frame):
        raise TimeLimit

    before = signal.signal(signal.SIGUSR1, raises)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGUSR1))
    timer.start()
    yield
    timer.join()
    signal.signal(signal.SIGUSR1, before)


def send(url, outbox):
    rsmtp.Mailer(url).send(LETTER)


def send_all(url, outbox):
    rsmtp.Mailer(url).send_all([LETTER])


def stream(url, outbox):
    list(rsmtp.Mailer(url).send_all([LETTER], stream=True))


def run(url, outbox):
    outbox.put(LETTER)
    outbox.run(rsmtp.Mailer(url))


def send_from_it(url, outbox):
    outbox.send(rsmtp.Mailer(url), LETTER, key="1")


def deliver(url, outbox):
    Deliverer(url, once=outbox)(job(LETTER, key="1"))


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="there are no such signals here")
@pytest.mark.parametrize(("stage", "state"), [("greeting", "queued"), ("end-of-data", "unknown")])
@pytest.mark.parametrize("way", [send, send_all, stream, run, send_from_it, deliver])
def test_a_time_limit_is_not_waited_out(way, stage, state, tmp_path, limit):
    outbox = rsmtp.Outbox(tmp_path / "mail.db")
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault(stage, reply="usual", delay=15)
        started = time.monotonic()
        with pytest.raises(TimeLimit):
            way(f"smtp://{catcher.host}:{catcher.port}?tls=none", outbox)
        assert time.monotonic() - started < 8
    if way in (run, send_from_it, deliver):
        (entry,) = outbox.entries()
        assert entry.state == state
