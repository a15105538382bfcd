"""Files written by earlier versions are opened and converted."""

import contextlib
import sqlite3
import threading
import time
from datetime import UTC, datetime

import pytest
from outbox import version_1, version_2
from outbox.letters import number_of

import rsmtp
from rsmtp.outbox import Outbox, OutboxError


@pytest.fixture
def path(tmp_path):
    version_1.make(tmp_path / "old.db")
    return tmp_path / "old.db"


def test_every_message_keeps_its_state(path):
    with Outbox(path) as outbox:
        states = [entry.state for entry in outbox.entries()]
        assert states == [
            *("queued", "queued", "queued", "sending", "sent", "unknown", "refused", "cancelled", "queued")
        ]
        counts = {state: count for state, count in outbox.status().items() if count}
        assert counts == {"queued": 4, "sending": 1, "sent": 1, "refused": 1, "unknown": 1, "cancelled": 1}
        first = outbox.get("one")
        assert first.to_addrs == ["bob@example.net", "carol@example.net"] and first.attempts == 0
        assert outbox.content(1) == version_1.OCTETS % (1, 1)
        again = outbox.get(2)
        assert again.states == ["sent", "open"] and again.attempts == 1 and again.server == "there:25"
        assert again.due == datetime.fromtimestamp(version_1.DUE + 5, UTC)
        assert "450 4.2.0 later" in str(again.receipt)
        assert outbox.get(7).states == ["sent", "refused"]
        assert [event.what for event in outbox.history(5)] == ["queued", "sent"]
        assert outbox.suppressions() == {"no@example.net": "bounced"}
        # Used numbers are not given again.
        assert outbox.put(("ann@example.org", ["bob@example.net"], b"hi\r\n")).id == 21


def test_and_goes_on_from_there(tmp_path):
    version_1.make(tmp_path / "old.db", lease=time.time() + 0.5)
    with rsmtp.Catcher() as catcher, Outbox(tmp_path / "old.db") as outbox:
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            # Message 9 had expired. The owner of 3 and 4 has died, and 4 may have been sent.
            assert outbox.run(mailer) == (3, 0, 0, 0, 0, 0)
            arrived = {number_of(message.data): message.rcpt_tos for message in catcher.messages}
            both = ["bob@example.net", "carol@example.net"]
            assert arrived == {1: both, 2: ["carol@example.net"], 3: both}
            assert outbox.get(4).state == "unknown" and outbox.get(4).states == ["unknown"] * 2
            for message in (4, 6, 7, 8, 9):
                outbox.retry(message)
            catcher.clear()
            assert outbox.run(mailer).sent == 5
    arrived = {number_of(message.data): message.rcpt_tos for message in catcher.messages}
    assert arrived == {4: both, 6: both, 7: ["carol@example.net"], 8: both, 9: both}


def test_one_of_the_second_version_keeps_its_states_and_goes_on(tmp_path):
    version_2.make(tmp_path / "old.db", lease=time.time() + 0.5)
    both = ["bob@example.net", "carol@example.net"]
    with rsmtp.Catcher() as catcher, Outbox(tmp_path / "old.db") as outbox:
        states = [entry.state for entry in outbox.entries()]
        assert states == [
            *("queued", "queued", "queued", "sending", "sent", "unknown", "refused", "cancelled", "dead")
        ]
        assert [entry.id for entry in outbox.entries("sent")] == [5]
        assert "2.0.0 ok" in str(outbox.get(5).receipt)
        assert [event.what for event in outbox.history(5)] == ["queued", "sent"]
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            assert outbox.run(mailer).sent == 3
        arrived = {number_of(message.data): message.rcpt_tos for message in catcher.messages}
        assert arrived == {1: both, 2: ["carol@example.net"], 3: both}
        assert outbox.get(4).state == "unknown"
        assert outbox.status()["sent"] == 4
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as file, file:
        (index,) = file.execute("SELECT sql FROM sqlite_master WHERE name = 'outbox_by_trouble'").fetchone()
        assert "IN" not in index.split("WHERE")[1]


def test_two_that_open_it_at_once(path):
    found = []

    def look():
        with Outbox(path) as outbox:
            found.append(outbox.status()["queued"])

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [4] * 6


def test_a_new_file_that_another_is_making(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "new.db", check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        end = threading.Timer(0.2, other.rollback)
        end.start()
        with Outbox(tmp_path / "new.db") as outbox:
            assert outbox.status()["queued"] == 0
        end.join()


def test_an_answer_for_one_that_was_unknown_then(path):
    with Outbox(path) as outbox:
        told = rsmtp.Receipt.from_dict(outbox.get(5).receipt.to_dict())
        assert outbox._store.settle(1, [(6, told)], time.time()) == {"sent": 1}
        assert outbox.get(6).state == "sent"


def test_one_of_a_later_version_is_left_alone(path):
    Outbox(path).close()
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE outbox_setting SET value = 4 WHERE name = 'version'")
    with pytest.raises(OutboxError, match="its tables are of version 4, this one knows 3"):
        Outbox(path)


def test_what_cannot_be_read_without_a_change_says_what_it_is(tmp_path):
    version_1.make(tmp_path / "1.db")
    version_2.make(tmp_path / "2.db")
    with sqlite3.connect(tmp_path / "other.db") as file:
        file.execute("CREATE TABLE mine (x)")
    file.close()
    for name, words in (
        ("1.db", "of an earlier version of rsmtp, and read_only=True converts nothing: open it once without"),
        ("2.db", "of an earlier version of rsmtp, and read_only=True converts nothing: open it once without"),
        ("other.db", "this is no outbox, and read_only=True makes none of it"),
    ):
        with pytest.raises(OutboxError, match=words):
            Outbox(tmp_path / name, read_only=True)
    Outbox(tmp_path / "2.db").close()
    Outbox(tmp_path / "2.db", read_only=True).close()
    with sqlite3.connect(tmp_path / "2.db") as file:
        file.execute("UPDATE outbox_setting SET value = 4 WHERE name = 'version'")
    file.close()
    with pytest.raises(OutboxError, match="its tables are of version 4, this one knows 3"):
        Outbox(tmp_path / "2.db", read_only=True)
