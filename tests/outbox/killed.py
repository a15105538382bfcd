"""Starts processes that send an outbox, and kills them again and again."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

CHILD = Path(__file__).with_name("child.py")


def start(path, url, how="threads", connections=2, ca_file=None, lease=0.6):
    return subprocess.Popen(
        [sys.executable, CHILD, path, url, how, str(connections), *([ca_file] if ca_file else [])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"LEASE": str(lease)},
        text=True,
    )


def kill_again_and_again(
    outbox, path, url, *, kills, how="threads", longest=0.15, between=lambda: None, ca_file=None
):
    """Runs the outbox in processes that are killed at random moments after they have begun to send, and
    then in one that may end."""
    killed = 0
    while killed < kills and outbox.status()["queued"] + outbox.status()["sending"]:
        with start(path, url, how, ca_file=ca_file) as child:
            if child.stdout.readline():
                time.sleep(random.uniform(0, longest))
                if child.poll() is None:
                    child.kill()
                    killed += 1
        between()
    while outbox.status()["queued"] + outbox.status()["sending"]:
        with start(path, url, how, ca_file=ca_file) as child:
            _, errors = child.communicate(timeout=300)
            assert child.returncode == 0, errors
    return killed


def agree(outbox, arrived):
    """Checks that every message arrived once. Only unknown ones may be missing, and none arrived
    twice. `arrived` has the numbers in order of arrival. Returns the numbers of the unknown ones."""
    times = {}
    for number in arrived:
        times[number] = times.get(number, 0) + 1
    unknown = []
    for entry in outbox.entries():
        number = int(entry.subject.removeprefix("Number "))
        here = times.pop(number, 0)
        if entry.state == "unknown":
            assert here <= 1, f"{number} is unknown and arrived {here} times"
            unknown.append(number)
        else:
            assert entry.state == "sent" and here == 1, f"{number} is {entry.state} and arrived {here} times"
    assert not times, f"never put: {times}"
    return unknown
