"""The plugin with the oldest pytest that may load it. If the plugin failed to load, every test run
of its user would fail."""

import os
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
OLD = ["pytest==7.1.3", "pluggy==1.0.0", "attrs==22.1.0", "iniconfig==1.1.1", "packaging==21.3"]
OLD += ["py==1.11.0", "pyparsing==3.0.9", "tomli==2.0.1"]

PROJECT = """
def test_that_passes(smtp_server, sent_messages):
    assert list(sent_messages) == []

def test_that_fails(smtp_server):
    import smtplib
    with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
        client.noop()
    assert False
"""


@pytest.mark.timeout(200)
def test_pytest_7_1_with_pluggy_1_0(tmp_path):
    venv.create(tmp_path / "old", with_pip=True)
    python = str(tmp_path / "old" / ("Scripts" if os.name == "nt" else "bin") / "python")
    pip = [python, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    installed = subprocess.run([*pip, "install", "--no-deps", *OLD], capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"the package index can't be reached: {installed.stderr.strip().splitlines()[-1]}")
    (tmp_path / "test_it.py").write_text(PROJECT, encoding="utf-8")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "PYTHON"))}
    tested = subprocess.run(
        [python, "-m", "pytest", "-p", "rsmtp.pytest_plugin", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
    )
    assert "pluggy-1.0.0" in tested.stdout, tested.stdout + tested.stderr
    assert "1 failed, 1 passed" in tested.stdout, tested.stdout + tested.stderr
    assert "- SMTP conversation (" in tested.stdout
