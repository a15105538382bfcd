"""The sources of passwords, and the places where a password never appears."""

import os
import select
import signal
import subprocess
import sys
import time

import pytest

from .conftest import CLEAN, LETTER, command

# Starts a process whose controlling terminal is at its standard streams.
ON_A_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""

BACKEND = """
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError

class Kept(KeyringBackend):
    priority = 1
    set_password = None

    def get_password(self, service, username):
        return {("localhost", "catcher"): "from the keyring"}.get((service, username))

class Locked(Kept):
    def get_password(self, service, username):
        raise KeyringError("it is locked")
"""


class Terminal:
    """Runs a command on its own terminal. Standard input is the terminal or a pipe."""

    def __init__(self, *arguments, stdin=None, **environment):
        self.master, slave = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", ON_A_TERMINAL, *command(*arguments)],
            stdin=slave if stdin is None else subprocess.PIPE,
            stdout=slave,
            stderr=slave,
            env=CLEAN | {"TERM": "xterm"} | environment,
        )
        os.close(slave)
        if stdin is not None:
            self.process.stdin.write(stdin)
            self.process.stdin.close()
        self.text = ""

    def until(self, words):
        deadline = time.monotonic() + 20
        while words not in self.text:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{words!r} doesn't come: {self.text}"
            try:
                self.text += os.read(self.master, 65536).decode()
            except OSError:  # The terminal is gone with its last process.
                assert words in self.text, self.text
        return self.text

    def type(self, text):
        os.write(self.master, text.encode())

    def end(self):
        code = self.process.wait(timeout=20)
        while select.select([self.master], [], [], 0)[0]:
            try:
                self.text += os.read(self.master, 65536).decode()
            except OSError:
                break
        os.close(self.master)
        return code


@pytest.fixture
def server(catcher):
    return ("--server", f"smtp://catcher@localhost:{catcher.port}", "--ca-file", catcher.ca_file)


@pytest.mark.parametrize("stdin", [None, b"Piped.\n"], ids=["text by flag", "text by pipe"])
def test_a_prompt(catcher, server, stdin):
    letter = LETTER if stdin is None else LETTER[:-2]
    terminal = Terminal("send", *server, *letter, stdin=stdin)
    terminal.until("Password of catcher at localhost: ")
    terminal.type(f"{catcher.password}\n")
    terminal.until("queue id 1")
    assert terminal.end() == 0
    assert catcher.password not in terminal.text
    assert catcher.messages[0].email.get_content() == ("It works." if stdin is None else "Piped.\n")


def test_ctrl_c_at_the_prompt(server):
    terminal = Terminal("send", *server, *LETTER)
    terminal.until("Password of")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.text
    assert "KeyboardInterrupt" not in terminal.text


def test_ctrl_c_while_the_server_is_silent(catcher, server):
    catcher.fault("greeting", stall=True)
    process = subprocess.Popen(
        command("send", *server, *LETTER),
        env=CLEAN | {"RSMTP_PASSWORD": catcher.password},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 20
    while not catcher.connections and time.monotonic() < deadline:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == (b"", b"")
    assert process.returncode == 130


def test_without_a_terminal_there_is_no_prompt(run, server):
    done = run("send", *server, *LETTER, code=77)
    assert "RSMTP_PASSWORD" in done.err
    assert "keyring set localhost catcher" in done.err


@pytest.fixture
def backend(tmp_path):
    (tmp_path / "backend_for_tests.py").write_text(BACKEND)
    return lambda name: {"PYTHONPATH": str(tmp_path), "PYTHON_KEYRING_BACKEND": f"backend_for_tests.{name}"}


def test_the_keyring(run, backend):
    import rsmtp

    with rsmtp.Catcher(password="from the keyring") as catcher:
        server = ("--server", f"smtp://catcher@localhost:{catcher.port}", "--ca-file", catcher.ca_file)
        run("send", *server, *LETTER, code=0, **backend("Kept"))
        assert catcher.messages[0].user == "catcher"
        # The variable for this call takes precedence.
        run("send", *server, *LETTER, code=77, RSMTP_PASSWORD="another", **backend("Kept"))


def test_a_keyring_that_does_not_open(run, server, backend):
    done = run("send", *server, *LETTER, code=77, **backend("Locked"))
    assert "the keyring gives no password: it is locked" in done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--server", "smtp://ann:s3cret@localhost"),
        ("--server", "smtp://ann@localhost", "--password", "s3cret"),
        ("--server", "smtp://ann@localhost", "--password=s3cret"),
    ],
)
def test_arguments_hold_no_password(run, arguments):
    done = run("send", *arguments, *LETTER, code=2)
    assert "RSMTP_PASSWORD" in done.err
    assert "(ps)" in done.err
    assert "s3cret" not in done.err


def test_errors_do_not_show_the_url(run):
    for url in (
        "smtp://ann:s3cret@host:x",
        "http://ann:s3cret@host",
        "smtp://ann:s3cret@host/x",
        "ann:s3cret@host",
        "smtp:ann:s3cret@host",
        "smtp://ann:s3cret@ho\u2100st",
    ):
        done = run("send", *LETTER, code=2, RSMTP_URL=url)
        assert "s3cret" not in done.err
        assert "RSMTP_URL: " in done.err
