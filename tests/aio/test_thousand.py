"""1,000 TLS sessions are open at the same time, in their own process."""

import subprocess
import sys
from pathlib import Path

import pytest

import rsmtp


@pytest.mark.timeout(180)
def test_a_thousand_sessions_under_200_mb():
    program = Path(__file__).parent / "thousand.py"
    with rsmtp.Catcher(keep=0) as catcher:
        command = [sys.executable, "-W", "error", program, str(catcher.port), catcher.ca_file]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=170)
        assert finished.returncode == 0, finished.stderr
        assert finished.stderr == ""
        together, sent, megabytes = map(int, finished.stdout.split())
        assert (together, sent) == (1000, 1000)
        assert megabytes < 200
