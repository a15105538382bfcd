"""The file of an outbox is removed, moved or replaced while it is open; a process changes its folder."""

import os
import shutil

import pytest
from outbox.letters import letter, raw

from rsmtp.outbox import Outbox, OutboxError

GONE = r"outbox\.db: (the file|its log \(outbox\.db-wal\)) was removed, moved or replaced since it was opened"


def remove(path):
    for file in path.parent.iterdir():
        file.unlink()


def replace(path):
    remove(path)
    with Outbox(path) as other:
        other.put_all(raw(number) for number in range(3))


def log_of(path):
    return path.with_name(f"{path.name}-wal")


@pytest.mark.parametrize(
    "harm",
    [
        remove,
        replace,
        lambda path: path.rename(path.with_suffix(".old")),
        lambda path: shutil.rmtree(path.parent),
        lambda path: log_of(path).unlink(),
        lambda path: log_of(path).rename(path.with_suffix(".old")),
        lambda path: shutil.move(shutil.copy(log_of(path), path.with_suffix(".new")), log_of(path)),
    ],
)
def test_nothing_is_put_that_no_other_process_would_see(tmp_path, harm, catcher, run):
    path = tmp_path / "mail" / "outbox.db"
    path.parent.mkdir()
    outbox = Outbox(path)
    outbox.put(raw(1))
    harm(path)
    before = sorted(os.listdir(path.parent)) if path.parent.exists() else None
    for use in (
        lambda: outbox.put(letter(2)),
        lambda: outbox.put_all([raw(2)]),
        lambda: outbox.get(1),
        outbox.status,
        lambda: run(outbox),
        lambda: outbox.retry(1),
    ):
        with pytest.raises(OutboxError, match=GONE):
            use()
    assert not catcher.messages
    # Nothing was made in its place.
    assert (sorted(os.listdir(path.parent)) if path.parent.exists() else None) == before
    outbox.close()


def test_what_stood_in_a_log_that_was_removed_is_kept(tmp_path):
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    outbox.put(raw(1))
    log_of(path).unlink()
    with pytest.raises(OutboxError, match="close the outbox and open it anew"):
        outbox.put(raw(2))
    outbox.close()
    outbox.put(raw(3))
    with Outbox(path) as other:
        assert other.status()["queued"] == 2
    outbox.close()


def test_what_is_taken_away_in_the_middle_sends_nothing_unrecorded(tmp_path, catcher, run):
    path = tmp_path / "outbox.db"
    with Outbox(path, lease=0.5) as outbox:
        outbox.put_all(raw(number) for number in range(200))
        catcher.fault("MAIL", reply="usual", delay=0.3, times=1)
        catcher.fault("DATA", reply=(451, "4.3.0 later"))
        say_ends = outbox._store.say_ends

        def taken_away(*arguments):
            path.rename(tmp_path / "away.db")
            return say_ends(*arguments)

        outbox._store.say_ends = taken_away
        with pytest.raises(OutboxError, match=GONE):
            run(outbox)
    assert not catcher.messages


def test_an_outbox_that_was_closed_uses_what_is_there_then(tmp_path):
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    outbox.put(raw(1))
    outbox.close()
    replace(path)
    assert outbox.status()["queued"] == 3
    outbox.close()


def test_a_process_that_changes_its_folder_means_the_same_file(tmp_path, monkeypatch, catcher, run):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    with Outbox("outbox.db") as outbox:
        outbox.put(raw(1))
        monkeypatch.chdir(tmp_path / "b")
        outbox.put(raw(2))
        assert run(outbox).sent == 2
    assert not os.listdir(tmp_path / "b") and len(catcher.messages) == 2


@pytest.mark.parametrize("path", ["", ":memory:"])
def test_an_outbox_is_a_file(path):
    with pytest.raises(ValueError, match="path: an outbox is a file"):
        Outbox(path)
