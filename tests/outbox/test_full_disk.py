"""A disk that is really full. It is a small file system in memory."""

import os
import shutil
import subprocess
import sys

import pytest
from outbox.letters import number_of, raw

from rsmtp.outbox import Outbox, OutboxError


@pytest.fixture
def disk(tmp_path):
    if not shutil.which("mount") or not hasattr(os, "geteuid") or os.geteuid():
        pytest.skip("a file system is mounted by root alone")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk, left):
    """Fills the disk except for this many octets. Returns a function that makes room again."""
    free = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(b"x" * max(free.f_bavail * free.f_bsize - left, 0))
    return filler.unlink


def test_sending(disk, catcher, run):
    with Outbox(disk / "outbox.db", lease=0.5) as outbox:
        outbox.put_all(raw(number) for number in range(3000))
        for pages in (0, 10, 30):
            make_room = fill(disk, pages * 4096)
            with pytest.raises(
                OutboxError, match=r"outbox\.db: the disk is full: make room, and run it again"
            ):
                while True:
                    run(outbox)
                    outbox.put_all(raw(number) for number in range(3000, 3100))
            make_room()
        put = len(list(outbox.entries()))
        run(outbox)
        states = {state: count for state, count in outbox.status().items() if count}
        # A message may be unknown that was answered while nothing could be written, or whose end was
        # recorded and then not sent, because the disk was full before that. It is not sent again.
        assert set(states) <= {"sent", "unknown"} and sum(states.values()) == put
        arrived = [number_of(message.data) for message in catcher.messages]
        unknown = {entry.id - 1 for entry in outbox.entries() if entry.state == "unknown"}
        assert states["sent"] <= len(arrived) <= put
        assert set(range(3000)) - set(arrived) <= unknown
        # Some numbers from 3000 on are put more than once, when the first time failed.
        assert all(arrived.count(number) <= 1 for number in range(3000))


def test_putting(disk):
    with Outbox(disk / "outbox.db") as outbox:
        outbox.put(raw(1))
        make_room = fill(disk, 0)
        with pytest.raises(OutboxError, match="the disk is full"):
            outbox.put(("ann@example.org", ["bob@example.net"], b"x" * 100_000 + b"\r\n"))
        make_room()
        assert outbox.put(raw(2)).id == 2 and outbox.status()["queued"] == 2


def test_the_command_says_so_and_ends_with_an_error(disk, catcher):
    with Outbox(disk / "outbox.db") as outbox:
        outbox.put_all(raw(number) for number in range(10))
    fill(disk, 0)
    server = f"smtp://{catcher.host}:{catcher.port}?tls=none"
    ended = subprocess.run(
        [sys.executable, "-m", "rsmtp", "outbox", "run", disk / "outbox.db", "--server", server],
        capture_output=True,
        text=True,
    )
    assert ended.returncode != 0 and "the disk is full: make room" in ended.stderr
    assert "Traceback" not in ended.stderr and not catcher.messages
