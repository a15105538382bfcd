"""Every command in docs/command-line.md is run, and prints what the page shows."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rsmtp

from .conftest import CLEAN

PAGE = Path(__file__).parent.parent.parent / "docs" / "command-line.md"
BLOCKS = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
EML = "From: ann@example.org\nTo: bob@example.org\nSubject: Ready\n\nIt works.\n"


def commands(block):
    """The commands of a block, each with its output as far as the page shows it."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        lines = part.splitlines()
        end = next(number for number, line in enumerate(lines) if not line.endswith("\\")) + 1
        yield "\n".join(lines[:end]), lines[end:]


def without_chance(lines):
    """Removes the parts that vary: durations, the end of the certificate, and whether the host
    has IPv6."""
    lines = [re.sub(r"\d[\d.]* ms|\d{4}-\d\d-\d\d: \d+ days", "...", line).rstrip() for line in lines]
    return [line for line in lines if line and "::1  " not in line]


def test_commands(tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (tmp_path / "message.eml").write_text(EML)
    (tmp_path / "page.html").write_text("<p>See the file.</p>")
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    ran = [command for block in BLOCKS for command in commands(block)]
    assert len(ran) == 15
    with rsmtp.Catcher(password="the-password", require_auth=True) as catcher:
        shutil.copy(catcher.ca_file, tmp_path / "ca.pem")
        # The page's exports apply to the later commands, as in a terminal.
        exports = ""
        for command, printed in ran:
            script = command.replace("localhost:1025", f"localhost:{catcher.port}")
            if command.startswith("export "):
                exports += f"{script}\n"
            done = subprocess.run(
                ["bash", "-ec", exports + script],
                cwd=tmp_path,
                env=CLEAN | {"PATH": path, "SSL_CERT_FILE": str(tmp_path / "ca.pem")},
                capture_output=True,
                text=True,
                timeout=30,
            )
            assert done.returncode == 0, (command, done)
            said = done.stdout.replace(f"localhost:{catcher.port}", "localhost:1025")
            assert not printed or without_chance(said.splitlines()) == without_chance(printed)
        assert len(catcher.messages) == 8


def test_exit_codes_are_those_of_the_program():
    from rsmtp.cli import exit_code

    told = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.M)}
    known = {value for name, value in vars(exit_code).items() if name.isupper() and isinstance(value, int)}
    assert told == known - {exit_code.PROBLEMS, exit_code.BROKEN_PIPE}
