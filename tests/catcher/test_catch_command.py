"""``python -m rsmtp catch``, as a person meets it."""

import email.message
import os
import pathlib
import re
import select
import signal
import smtplib
import socket
import subprocess
import sys
import time

import pytest


class Command:
    def __init__(self, *arguments, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rsmtp", "catch", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | environment,
        )
        self.text = ""

    def until(self, words):
        """Reads on until these words have been printed."""
        deadline = time.monotonic() + 20
        while words not in self.text:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{words!r} doesn't come: {self.text}"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, self.process.stderr.read()
            self.text += piece.decode()
        return self.text

    @property
    def snippet(self):
        lines = self.until("It works.").splitlines()
        return "\n".join(line[4:] for line in lines[lines.index("Send it something:") + 1 :])

    def end(self, signum=signal.SIGINT):
        self.process.send_signal(signum)
        rest, errors = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, errors
        return self.text + rest.decode()


@pytest.fixture
def command():
    started = []

    def start(*arguments, **environment):
        started.append(Command(*arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


@pytest.mark.parametrize("tls", ["starttls", "implicit", "none"])
def test_the_printed_snippet_delivers(command, tls):
    catch = command("--tls", tls)
    subprocess.run([sys.executable, "-c", catch.snippet], check=True, timeout=30)
    catch.until("-- message 1 ---")
    text = catch.until("It works.\n\n")
    assert "me@example.org -> you@example.org" in text
    assert "Subject: Hello" in text
    assert "logged in as catcher" in text
    assert catch.end().endswith("1 message caught. Bye.\n")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(command, signum):
    catch = command()
    ca_file = pathlib.Path(re.search(r"CA file +(\S+)", catch.until("Send it"))[1])
    assert ca_file.exists()
    catch.end(signum)
    assert not ca_file.exists()


def test_the_password_comes_from_the_environment(command):
    catch = command("--username", "ann", "--password-from-env", "MAIL_PASSWORD", MAIL_PASSWORD="s3cret")
    catch.until("Send it something")
    assert "username  ann" in catch.text
    assert "s3cret" not in catch.end()
    missing = command("--password-from-env", "NOT_SET_AT_ALL")
    _, errors = missing.process.communicate(timeout=20)
    assert (missing.process.returncode, errors) == (
        2,
        b"rsmtp catch: the environment variable NOT_SET_AT_ALL is not set\n",
    )


def test_a_taken_port_is_told_with_the_way_out(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = command("--port", str(taken.getsockname()[1]))
        _, errors = refused.process.communicate(timeout=20)
    assert refused.process.returncode == 2
    assert b"--port 0 takes a free one" in errors


def test_another_host_must_be_meant(command):
    refused = command("--host", "0.0.0.0")
    _, errors = refused.process.communicate(timeout=20)
    assert refused.process.returncode == 2
    assert b"can be reached from other machines" in errors


def test_foreign_mail_does_not_steer_the_terminal(command):
    catch = command("--tls", "none", "--conversation")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("Send it"))[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        text = b"Subject: =?utf-8?q?=1B=5D0;owned=07?=\n\n\x1b[2J\x9b1m\xff\nbody\n"
        client.sendmail("ann@example.org", "bob@example.org", text)
    text = catch.until("queued as 1")
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\x07" not in text
    assert "\\x1b[2J" in text
    assert "C: data" in text


def test_attachments_and_long_texts_are_cut_short(command):
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ann@example.org", "bob@example.org", "much"
    mail.set_content("".join(f"line {number}\n" for number in range(100)))
    mail.add_attachment(b"12345", maintype="application", subtype="pdf", filename="a.pdf")
    catch = command("--tls", "none")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("Send it"))[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(mail)
    text = catch.until("[application/pdf 'a.pdf', 5 octets]")
    assert "line 19" in text
    assert "line 20\n" not in text
    assert "(80 more lines)" in text
