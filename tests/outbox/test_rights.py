"""Files and folders that a user may not write, read or enter."""

import os
import shutil
import subprocess
import sys

import pytest
from outbox.letters import raw

from rsmtp.outbox import Outbox, OutboxError

PROGRAM = """
import os, sys
import rsmtp
path, when, place, mode, how = sys.argv[1:]
outbox = rsmtp.Outbox(path)
if when == "closed":
    outbox.close()
os.chmod(path if place == "file" else os.path.dirname(path), int(mode, 8))
message = ("ann@example.org", ["bob@example.net"], b"Subject: x\\r\\n\\r\\nhi\\r\\n")
try:
    if when == "closed":
        outbox = rsmtp.Outbox(path, read_only=how == "status")
    if how == "run":
        outbox.run(rsmtp.Mailer("null:"))
    else:
        print(outbox.put(message).state if how == "put" else outbox.status()["queued"])
except rsmtp.outbox.OutboxError as error:
    print(error)
"""


def run(*command):
    """Root may read and write what it likes, so it gives that up."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root has all rights, and no setpriv to give them up")
        rights = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *command]
    return subprocess.run(command, capture_output=True, text=True)


def told(path, *arguments):
    """What the program prints."""
    done = run(sys.executable, "-c", PROGRAM, path, *arguments)
    assert done.stderr == ""
    return done.stdout.strip().removeprefix(f"{path}: ")


WRITABLE = "attempt to write a readonly database: it and its folder have to be writable"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes of files are another thing there")
@pytest.mark.parametrize(
    ("when", "place", "mode", "how", "words"),
    [
        ("closed", "file", "444", "put", WRITABLE),
        ("closed", "folder", "555", "put", WRITABLE),
        ("closed", "folder", "555", "status", "1"),
        ("closed", "file", "0", "status", "unable to open database file: this user may not read it"),
        ("closed", "folder", "0", "status", "Permission denied"),
        ("closed", "folder", "0", "put", "Permission denied"),
        # It goes on with what it has open.
        ("open", "file", "444", "put", "queued"),
        ("open", "folder", "0", "put", "queued"),
        ("open", "folder", "0", "run", "its log can't be opened: Permission denied"),
    ],
)
def test_what_is_not_allowed_is_told(tmp_path, when, place, mode, how, words):
    folder = tmp_path / "mail"
    folder.mkdir()
    path = folder / "outbox.db"
    with Outbox(path) as outbox:
        outbox.put(raw(1))
    try:
        assert told(path, when, place, mode, how) == words
    finally:
        folder.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize("read_only", [False, True])
def test_what_is_no_file(tmp_path, read_only):
    """SQLite waits at a named pipe for ever."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OutboxError, match="it is no regular file"):
            Outbox(path, read_only=read_only)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="modes of files are another thing there")
@pytest.mark.parametrize("action", ["status", "show", "serve"])
def test_the_command_tells_it_too(tmp_path, action):
    folder = tmp_path / "mail"
    folder.mkdir()
    path = folder / "outbox.db"
    path.touch()
    folder.chmod(0)
    try:
        done = run(sys.executable, "-m", "rsmtp", "outbox", action, path)
        assert (done.returncode, done.stderr) == (66, f"rsmtp: {path}: Permission denied\n")
    finally:
        folder.chmod(0o700)
