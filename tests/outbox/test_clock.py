"""The clock is set back or forward while messages wait and are sent."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from outbox.killed import CHILD, agree
from outbox.letters import number_of, raw

import rsmtp
from rsmtp.outbox import Outbox

# Debian's faketime reads the time that it gives a process from a file.
LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


@pytest.fixture
def clock(tmp_path):
    """`clock(seconds)` sets the clock of the processes that are started with `clock.env`."""
    if LIBRARY is None:
        pytest.skip("apt-get install faketime")
    file = tmp_path / "clock"

    def set_to(seconds):
        part = file.with_suffix(".new")
        part.write_text(f"{seconds:+d}s\n")
        part.replace(file)

    set_to(0)
    set_to.env = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "LEASE": "2",
    }
    return set_to


def start(path, catcher, clock, how):
    url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
    return subprocess.Popen(
        [sys.executable, CHILD, path, url, how, "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | clock.env, text=True,
    )  # fmt: skip


def wait_for(condition, seconds=40):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("how", ["threads", "loop"])
def test_set_back_while_two_processes_send(tmp_path, catcher, clock, how):
    """Both processes continue, a killed one is replaced by the other, and each message arrives once."""
    path = tmp_path / "outbox.db"
    catcher.fault("end of data", delay=0.005)
    with Outbox(path) as outbox:
        outbox.put_all(raw(number) for number in range(1200))
        with start(path, catcher, clock, how) as first, start(path, catcher, clock, how) as second:
            wait_for(lambda: len(catcher.messages) > 100)
            clock(-3600)
            so_far = len(catcher.messages)
            wait_for(lambda: len(catcher.messages) > so_far + 100)
            first.kill()
            _, errors = second.communicate(timeout=50)
            assert second.returncode == 0, errors
        # To a process with the new clock, this message was put at a time in the future.
        outbox.put(raw(5000))
        with start(path, catcher, clock, how) as third:
            _, errors = third.communicate(timeout=50)
            assert third.returncode == 0, errors
        assert outbox.status()["queued"] + outbox.status()["sending"] == 0
        agree(outbox, [number_of(message.data) for message in catcher.messages])
        assert outbox.get(1201).state == "sent"


def test_set_forward_while_it_sends(tmp_path, catcher, clock):
    """The other process takes the lease for expired. The message that was being sent is unknown,
    and is not sent twice."""
    path = tmp_path / "outbox.db"
    catcher.fault("end of data", delay=0.005)
    with Outbox(path) as outbox:
        outbox.put_all(raw(number) for number in range(800))
        children = [start(path, catcher, clock, "threads") for _ in range(2)]
        wait_for(lambda: len(catcher.messages) > 100)
        clock(86400)
        for child in children:
            with child:
                _, errors = child.communicate(timeout=50)
                assert child.returncode == 0, errors
        agree(outbox, [number_of(message.data) for message in catcher.messages])


def at(outbox, monkeypatch, when):
    monkeypatch.setattr(time, "time", lambda: when)


def test_what_waits_is_due_as_long_from_now_as_it_was(outbox, catcher, monkeypatch):
    began = time.time()
    catcher.fault("rcpt", reply=(450, "4.2.0 later"), times=1)
    url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
    with rsmtp.Mailer(url, retries=0) as mailer:
        outbox.put(raw(1))
        assert outbox.run(mailer).put_off == 1
        outbox.put_all([raw(2), raw(3)])
        # A given time refers to the clock.
        named = datetime.fromtimestamp(began + 60, UTC)
        outbox.put(raw(4), at=named)
        at(outbox, monkeypatch, began - 7200)
        assert outbox.run(mailer).sent == 2
        assert (
            timedelta(0)
            < outbox.get(1).due - datetime.fromtimestamp(began - 7200, UTC)
            < timedelta(seconds=121)
        )
        assert outbox.get(4).due == named
        # Checking again changes nothing.
        due = outbox.get(1).due
        assert sum(outbox.run(mailer)) == 0 and outbox.get(1).due == due
        at(outbox, monkeypatch, began - 7000)
        assert outbox.run(mailer).sent == 1
        at(outbox, monkeypatch, began + 61)
        assert outbox.run(mailer).sent == 1
    assert [number_of(message.data) for message in catcher.messages] == [2, 3, 1, 4]


def test_the_lease_of_one_that_ended_before_is_no_longer_than_it_was(outbox, monkeypatch):
    began = time.time()
    outbox.put(raw(1))
    owner = outbox._store.enlist("one that is dead", began)
    assert outbox._store.claim(owner, began + 1).ids == [1]
    back = began - 7200
    outbox._store.take_over(back)
    outbox._store.take_over(back + 29)
    assert outbox._store.others(0) == {owner: pytest.approx(back + 30)}
    outbox._store.take_over(back + 31)
    assert outbox._store.others(0) == {} and outbox.status()["queued"] == 1
