"""examples/send_email.py runs unchanged against real servers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "send_email.py"


@pytest.fixture
def run(bed):
    def run(**settings):
        environment = {
            "SMTP_HOST": bed.host,
            "SMTP_PORT": str(bed.ports["submission"]),
            "SMTP_USER": bed.username,
            "SMTP_PASSWORD": bed.password,
            "SMTP_FROM": "alice@bed.test",
            "SMTP_TO": "carol@bed.test",
            "SSL_CERT_FILE": bed.ca_file,
        }
        finished = subprocess.run(
            [sys.executable, EXAMPLE],
            env={**os.environ, **environment, **settings},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (finished.returncode, finished.stderr) == (0, "")
        return finished.stdout

    return run


def test_sends(bed, run):
    bed.empty()
    assert run() == "sent\n"
    assert b"this came by SMTP" in bed.delivered("carol", "Subject: A letter by SMTP")


def test_says_that_the_password_is_wrong(run):
    said = run(SMTP_PASSWORD="wrong")
    assert said.startswith("the server does not know this user: ")
    assert "535" in said


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"SMTP_TO": "nobody@bed.test"}, "550, b'5.1.1"),
        ({"SMTP_FROM": "banned@bed.test"}, "554, b'5.7.1"),
    ],
)
def test_says_what_the_server_refused(run, settings, words):
    said = run(**settings)
    assert said.startswith("not sent: ")
    assert words in said


def test_says_that_no_server_listens(run):
    assert "no connection to localhost" in run(SMTP_PORT="1")


def test_says_that_the_certificate_is_not_trusted(run):
    assert "certificate" in run(SSL_CERT_FILE="/dev/null")
