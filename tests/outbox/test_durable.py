"""When data is on the disk, and what a machine that stops leaves behind."""

import errno
import os
import time

import pytest
from outbox.letters import number_of, raw

import rsmtp
from rsmtp.outbox import Outbox, OutboxError, boots


@pytest.fixture
def waits(monkeypatch):
    """The waits for the disk: "log" by the outbox, "commit" by SQLite."""
    seen = []
    keep = os.fdatasync

    def sync(file):
        seen.append("log")
        keep(file)

    monkeypatch.setattr(os, "fdatasync", sync)
    return seen


def claimed(outbox, count):
    outbox.put_all(raw(number) for number in range(count))
    owner = outbox._store.enlist("one that is dead", time.time())
    return owner, outbox._store.claim(owner, time.time()).messages()


def expire(outbox, **more):
    with outbox._database.writing() as connection:
        connection.execute("UPDATE outbox_owner SET lease = 0")
        for name, value in more.items():
            connection.execute(f"UPDATE outbox_owner SET {name} = ?", (value,))


@pytest.mark.parametrize("boot", ["another boot", boots.present(), None])
def test_after_a_machine_has_stopped_all_that_was_claimed_is_unknown(outbox, catcher, boot):
    owner, (first, second, _) = claimed(outbox, 3)
    outbox._store.say_ends(owner, [first.id, second.id], [], time.time())
    told = {"address": "bob@example.net", "fate": "sent", "stage": None, "code": 250, "text": "ok"}
    receipt = rsmtp.Receipt.from_dict({
        "index": 0, "from_addr": "ann@example.org", "message_id": None, "attempts": 1, "server": "there",
        "seconds": None, "error": None, "recipients": [told | {"transient": False}],
    })  # fmt: skip
    outbox._store.settle(owner, [(first.id, receipt)], time.time(), as_stored=True)
    expire(outbox, boot=boot)
    with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
        outbox.run(mailer)
    stopped = boot == "another boot"
    assert [entry.state for entry in outbox.entries()] == [
        "sent",
        "unknown",
        "unknown" if stopped else "sent",
    ]
    assert [number_of(message.data) for message in catcher.messages] == ([] if stopped else [2])
    assert ("the machine of one that is dead" in outbox.get(2).error) == stopped


@pytest.mark.skipif(boots.present() is None, reason="this system doesn't tell its boots apart")
def test_an_end_is_said_without_a_wait_and_a_fate_is_told_after_one(outbox, waits):
    owner, messages = claimed(outbox, 3)
    assert waits == ["log"]
    outbox._store.say_ends(owner, [one.id for one in messages], [], time.time())
    assert waits == ["log"]
    outbox._store.settle(owner, [], time.time())
    assert waits == ["log"] * 2


def test_where_boots_can_not_be_told_apart_each_step_waits(tmp_path, waits, monkeypatch):
    monkeypatch.setattr(boots, "present", lambda: None)
    with Outbox(tmp_path / "outbox.db") as outbox:
        owner, messages = claimed(outbox, 3)
        asked = []
        with outbox._database.reading() as connection:
            connection.set_trace_callback(asked.append)
        outbox._store.say_ends(owner, [one.id for one in messages], [], time.time())
        outbox._store.settle(owner, [], time.time())
        assert not [one for one in asked if "synchronous" in one] and waits == []
        with outbox._database.reading() as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
            assert connection.execute("SELECT boot FROM outbox_owner").fetchall() == [(None,)]


@pytest.mark.skipif(boots.present() is None, reason="this system doesn't tell its boots apart")
def test_a_disk_that_fails_ends_the_run_and_nothing_is_sent(outbox, catcher, monkeypatch):
    outbox.put_all(raw(number) for number in range(3))

    def fails(file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fails)
    with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
        with pytest.raises(OutboxError, match="the disk did not take what was written: Input/output error"):
            outbox.run(mailer)
        assert not catcher.messages
        monkeypatch.undo()
        assert outbox.run(mailer).sent == 3
    assert len(catcher.messages) == 3
