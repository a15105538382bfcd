"""The plugin in a new project and environment that has only the wheel and pytest."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
# As in the Makefile, so that nothing is built twice.
ENVIRONMENT = os.environ | {
    "VIRTUAL_ENV": sys.prefix,
    "PYO3_PYTHON": sys.executable,
    "PYO3_BUILD_EXTENSION_MODULE": "1",
}

PROJECT = """
import smtplib

def greet(host, port):
    with smtplib.SMTP(host, port) as client:
        client.sendmail("shop@example.org", "ann@example.org", "Subject: Welcome\\n\\nHello Ann\\n")

def test_greeting(smtp_server, sent_messages):
    greet(smtp_server.host, smtp_server.port)
    assert "Hello Ann" in sent_messages.to("ann@example.org").only()

def test_that_fails(smtp_server, sent_messages):
    greet(smtp_server.host, smtp_server.port)
    assert "Goodbye" in sent_messages.only()
"""


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def pinned(*packages):
    lines = (ROOT / "requirements" / "test.txt").read_text(encoding="utf-8").splitlines()
    found = [line.split("#")[0].strip() for line in lines]
    return [line for line in found if re.split("==", line)[0].lower() in packages]


@pytest.mark.timeout(300)
def test_installed_from_the_wheel(tmp_path):
    wheels, project = tmp_path / "wheels", tmp_path / "project"
    maturin = Path(sys.executable).with_name("maturin")
    command = [maturin, "build", "--quiet", "--locked", "--interpreter", sys.executable, "--out", wheels]
    run(*map(str, command), cwd=ROOT, env=ENVIRONMENT)
    (wheel,) = wheels.glob("*.whl")

    venv.create(tmp_path / "environment", with_pip=True)
    python = str(tmp_path / "environment" / ("Scripts" if os.name == "nt" else "bin") / "python")
    needed = pinned("pytest", "iniconfig", "packaging", "pluggy", "pygments")
    assert len(needed) == 5
    run(python, "-m", "pip", "--quiet", "--no-input", "install", "--no-deps", str(wheel), *needed)

    project.mkdir()
    (project / "test_greeting.py").write_text(PROJECT, encoding="utf-8")
    (project / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n", encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    tested = subprocess.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=project,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in tested.stdout, tested.stdout + tested.stderr
    assert "- SMTP conversation (" in tested.stdout
    assert "C: mail FROM:<shop@example.org>" in tested.stdout

    # The other installed parts: the command and its completion scripts.
    command = str(Path(python).with_name("rsmtp"))
    assert run(command, "--version").startswith("rsmtp ")
    assert "complete" in run(command, "completion", "bash")
