"""The command line is tested as users run it, in a process."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

import rsmtp

# Environment variables that may be set on the machine that runs the tests.
OURS = ("RSMTP_URL", "RSMTP_PASSWORD", "NO_COLOR", "SSL_CERT_FILE", "PYTHON_KEYRING_BACKEND")
CLEAN = {name: value for name, value in os.environ.items() if name not in OURS}
# Keep the machine's keyring out of the tests, because it could ask for its own password.
CLEAN |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class Done:
    code: int
    out: str
    err: str


def command(*arguments):
    return [sys.executable, "-m", "rsmtp", *map(str, arguments)]


@pytest.fixture
def run():
    """Runs `rsmtp ARGUMENTS`, and checks that there is no traceback."""

    def run(*arguments, stdin="", code=None, **environment):
        octets = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run(
            command(*arguments), input=octets, capture_output=True, env=CLEAN | environment, timeout=50
        )
        result = Done(done.returncode, done.stdout.decode(), done.stderr.decode())
        assert "Traceback" not in result.err, result.err
        if code is not None:
            assert result.code == code, result
        return result

    return run


@pytest.fixture
def catcher():
    with rsmtp.Catcher(require_auth=True) as catcher:
        yield catcher


@pytest.fixture
def plain():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def to_plain(plain):
    """The flags for the server without TLS."""
    return ("--host", plain.host, "--port", plain.port, "--tls", "none")


LETTER = (
    "--from",
    "Ann <ann@example.org>",
    "--to",
    "bob@example.org",
    "--subject",
    "Hello",
    "--text",
    "It works.",
)
