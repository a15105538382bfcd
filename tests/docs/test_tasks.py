"""Everyday tasks take six lines each, and the lint has no finding about the messages that they
send."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import icalendar
import pytest

import rsmtp

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def catcher(monkeypatch):
    with rsmtp.Catcher() as catcher:
        monkeypatch.setenv("RSMTP_URL", f"smtp://localhost:{catcher.port}?tls=none")
        yield catcher


def run(name, octets=b""):
    done = subprocess.run(
        [sys.executable, EXAMPLES / name], input=octets, capture_output=True, timeout=50, env=os.environ
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", ["invitation.py", "answer.py", "password_reset.py"])
def test_an_example_takes_six_lines(name):
    tree = ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))
    work = [node for node in tree.body[1:] if not isinstance(node, (ast.Import, ast.ImportFrom))]
    lines = {line for node in work for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    assert len(lines) <= 6


def test_an_invitation_is_sent_moved_and_called_off(catcher):
    run("invitation.py")
    calendars = [
        icalendar.Calendar.from_ical(part.get_payload(decode=True))
        for caught in catcher.messages
        for part in caught.email.walk()
        if part.get_content_type() == "text/calendar"
    ]
    events = [calendar.walk("VEVENT")[0] for calendar in calendars]
    assert [calendar["METHOD"] for calendar in calendars] == ["REQUEST", "REQUEST", "CANCEL"]
    assert [event["SEQUENCE"] for event in events] == [0, 1, 2]
    assert len({event["UID"] for event in events}) == 1
    assert [caught.email["Subject"].partition(":")[0] for caught in catcher.messages] == [
        "Invitation",
        "Updated invitation",
        "Canceled",
    ]
    assert [rsmtp.lint(caught) for caught in catcher.messages] == [[], [], []]


def test_a_message_is_answered(catcher):
    run(
        "answer.py",
        b"From: Bob <bob@example.com>\r\nTo: help@example.org\r\nSubject: Hello\r\n"
        b"Message-ID: <1@example.com>\r\nDate: Fri, 27 Nov 2026 10:00:00 +0000\r\n\r\nDoes it work?\r\n",
    )
    (caught,) = catcher.messages
    assert caught.rcpt_tos == ["bob@example.com"] and caught.email["In-Reply-To"] == "<1@example.com>"
    assert caught.email["Auto-Submitted"] == "auto-replied"
    assert "> Does it work?" in caught.email.get_content()
    assert rsmtp.lint(caught) == []


def test_a_password_is_reset(catcher, monkeypatch):
    from starlette.testclient import TestClient

    monkeypatch.syspath_prepend(str(EXAMPLES))
    import password_reset

    with TestClient(password_reset.app) as browser:
        assert browser.post("/reset?address=bob@example.com").status_code == 202
    (caught,) = catcher.messages
    assert "https://example.org/reset/" in caught.email.get_content()
    assert rsmtp.lint(caught) == []
