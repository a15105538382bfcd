"""The page's file is written by other processes, read-only, deleted, replaced, large, or missing."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from outbox.letters import letter, raw

import rsmtp
from inbox.tools import Api
from rsmtp.outbox import Outbox, OutboxError, reading
from rsmtp.outbox_page import OutboxPage


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(OutboxError, match="no such file"):
        OutboxPage(tmp_path / "mail.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "note.txt").write_text("no database " * 1000)
    with pytest.raises(OutboxError, match="not the file of an outbox"):
        OutboxPage(tmp_path / "note.txt")
    (tmp_path / "empty.db").write_bytes(b"")
    with pytest.raises(TypeError, match="path"):
        OutboxPage(7)


def test_deleted_under_it_and_there_again(api, outbox, path):
    outbox.put(letter(1, subject="first"))
    assert api.get("/messages/1").json["subject"] == "first"
    outbox.close()
    for file in path.parent.iterdir():
        file.unlink()
    gone = api.get("/messages")
    assert gone.status == 503
    assert "no such file" in gone.json["error"]
    assert "no such file" in api.get("/outbox").json["error"]
    # A missing file can't be changed, and is not created.
    assert api.post("/messages/1/cancel", {}).status in (403, 503)
    assert list(path.parent.iterdir()) == []
    with Outbox(path) as again:
        again.put(letter(1, subject="second"))
        assert api.get("/messages/1").json["subject"] == "second"


def test_read_only_makes_and_changes_nothing(tmp_path):
    path = tmp_path / "mail.db"
    with pytest.raises(OutboxError, match="no such file"):
        Outbox(path, read_only=True)
    assert list(tmp_path.iterdir()) == []
    with Outbox(path) as writing:
        writing.put(letter(1), key="one")
        with Outbox(path, read_only=True) as looking:
            assert looking.get("one").state == "queued"
            for change in (
                lambda: looking.put(letter(2)),
                lambda: looking.cancel("one"),
                lambda: looking.suppress("bob@example.net"),
                lambda: looking.purge(older_than=0),
            ):
                with pytest.raises(OutboxError, match="read_only=True"):
                    change()
            writing.cancel("one")
            assert looking.get("one").state == "cancelled"
    with pytest.raises(TypeError, match="read_only"):
        Outbox(path, read_only=1)


READER = """
import json, os, sys
from rsmtp.outbox_page import OutboxPage
from inbox.tools import Api

def looked(page):
    api = Api(page)
    return [api.get("/outbox").json, api.get("/messages/1").json["subject"],
            api.post("/messages/1/cancel", {}).status]

path, sample = sys.argv[1:]
with OutboxPage(sample) as page:
    # All that is imported has been: the other user may not reach it.
    looked(page)
if os.geteuid() == 0:
    os.setuid(65534)
with OutboxPage(path) as page:
    while True:
        print(json.dumps(looked(page)), flush=True)
        if not sys.stdin.readline():
            break
"""


def test_a_file_that_cant_be_written_is_shown():
    """The page runs as a user that may only read the file, with and without another process that
    has it open."""
    folder, code = Path(tempfile.mkdtemp()), Path(rsmtp.__file__).parent.parent
    try:
        path, sample = folder / "mail.db", folder / "sample" / "mail.db"
        sample.parent.mkdir()
        for each in (path, sample):
            with Outbox(each) as outbox:
                outbox.put(letter(1, subject="first"))
        is_root = os.geteuid() == 0
        path.chmod(0o444)
        folder.chmod(0o755 if is_root else 0o555)
        process = subprocess.Popen(
            [sys.executable, "-c", READER, str(path), str(sample)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONPATH": f"{code}{os.pathsep}{Path(__file__).parent.parent}"},
        )  # fmt: skip
        with process:
            told, subject, status = json.loads(process.stdout.readline())
            assert (told["may_change"], subject, status) == (False, "first", 403)
            assert told["counts"]["queued"] == 1
            if is_root:
                # Another process opens the file and writes.
                with Outbox(path) as outbox:
                    outbox.put(letter(2))
                    # The page counts again soon but not at once. The slower counting is, the later
                    # it is done.
                    while told["counts"]["queued"] != 2:
                        process.stdin.write("\n")
                        process.stdin.flush()
                        told, _, _ = json.loads(process.stdout.readline())
            process.stdin.close()
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_it_is_opened_or_left_while_it_is_looked_at(tmp_path, monkeypatch):
    """A file that can't be written is read as one that does not change, until another process
    opens it. (Root may write anywhere, so the test pretends that the folder can't be written.)"""
    path = tmp_path / "mail.db"
    followed, log, meanwhile = reading._followed, Path(f"{path}-wal"), []

    def where_nothing_can_be_made(address, timeout):
        had_log = log.exists()
        for do in meanwhile:
            do()
        meanwhile.clear()
        if not had_log or not log.exists():
            raise sqlite3.OperationalError("unable to open database file")
        return followed(address, timeout)

    monkeypatch.setattr(reading, "_followed", where_nothing_can_be_made)
    with Outbox(path) as outbox:
        outbox.put(letter(1))

    def opens_it():
        others.append(Outbox(path))
        others[-1].put(letter(2))

    others = []
    meanwhile.append(opens_it)
    with Outbox(path, read_only=True) as looking:
        assert looking.status()["queued"] == 2
    others[-1].put(letter(3))
    meanwhile.append(others[-1].close)
    with Outbox(path, read_only=True) as looking:
        with Outbox(path) as outbox:
            outbox.put(letter(4))
            assert looking.status()["queued"] == 4


def test_two_pages_show_one_file(api, outbox, path):
    outbox.put(letter(1))
    with OutboxPage(path) as other:
        assert Api(other).post("/messages/1/cancel", {}).json["state"] == "cancelled"
        assert api.get("/messages/1").json["state"] == "cancelled"


@pytest.mark.timeout(240)
def test_a_hundred_thousand_messages(tmp_path):
    """Each query takes little time, even one that finds nothing, and the page counts no more than
    it has to."""
    path = tmp_path / "mail.db"
    with Outbox(path) as outbox:
        outbox.put_all(raw(number, [f"to{number}@example.net"]) for number in range(100_000))
        outbox.cancel(17)
        with OutboxPage(path) as page:
            api = Api(page)
            times = {}

            def timed(name, path):
                began = time.monotonic()
                answer = api.get(path)
                times[name] = time.monotonic() - began
                assert answer.status == 200
                return answer.json

            assert timed("counts", "/outbox")["counts"]["queued"] == 99_999
            assert timed("first", "/messages")["messages"][0]["id"] == 100_000
            assert timed("deep", "/messages?before=50000")["messages"][0]["id"] == 49_999
            assert [one["id"] for one in timed("one state", "/messages?state=cancelled")["messages"]] == [17]
            assert timed("nothing", "/messages?state=sent")["messages"] == []
            # A search continues where the previous answer ended.
            found, below, looks = [], None, 0
            while looks == 0 or below is not None:
                before = f"&before={below}" if below else ""
                answer = timed("search", f"/messages?search=to31@{before}")
                found, below, looks = found + answer["messages"], answer["next"], looks + 1
            assert [one["id"] for one in found] == [32]
            assert max(times.values()) < 3.0, times
            source = page._source
            counted = []
            whole = source._looking.status
            source._looking.status = lambda: counted.append(1) or time.sleep(0.05) or whole()
            for _ in range(50):
                outbox.cancel(100_000) if len(counted) == 0 else outbox.unsuppress("nobody@example.net")
                source.news()
            assert len(counted) <= 3
