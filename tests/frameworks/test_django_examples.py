"""The Django projects of examples/ run unchanged, each in its own process."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import django
import pytest

import rsmtp

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Project:
    def __init__(self, name, catcher, folder):
        self.command = [sys.executable, EXAMPLES / name]
        self.folder = folder
        self.environment = {
            **os.environ,
            "EMAIL_HOST": catcher.host,
            "EMAIL_PORT": str(catcher.port),
            "DATABASE": str(folder / "shop.sqlite3"),
        }

    def manage(self, *words, code=0):
        done = subprocess.run(
            [*self.command, *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    @contextmanager
    def served(self):
        """Runs the project's development server. Yields a function that posts a form to a view."""
        port = free_port()
        words = ["runserver", "--noreload", "--nothreading", "--skip-checks", f"127.0.0.1:{port}"]
        with subprocess.Popen(
            [*self.command, *words], cwd=self.folder, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as server:  # fmt: skip

            def post(view, **form):
                data = urllib.parse.urlencode(form).encode()
                for _ in range(300):
                    try:
                        with urllib.request.urlopen(
                            f"http://127.0.0.1:{port}/{view}", data, timeout=20
                        ) as answer:
                            return answer.status, json.load(answer)
                    except urllib.error.HTTPError as refused:
                        with refused:
                            return refused.code, None
                    except urllib.error.URLError:
                        assert server.poll() is None
                        time.sleep(0.05)
                raise AssertionError("the server has not come up")

            try:
                yield post
            finally:
                server.terminate()


def test_email_backend(catcher, tmp_path):
    project = Project("django_email_backend.py", catcher, tmp_path)
    with project.served() as post:
        assert post("welcome", to="ann@example.org") == (
            200,
            {"sent": ["ann@example.org"], "queue id": catcher.messages[0].queue_id},
        )
        assert post("welcome", to="ben@example.org")[0] == 200
    assert len({message.peer for message in catcher.messages}) == 1
    project.manage("sendtestemail", "carol@example.org")
    assert [message.rcpt_tos[0][:3] for message in catcher.messages] == ["ann", "ben", "car"]


@pytest.mark.skipif(django.VERSION < (6, 1), reason="MAILERS came with Django 6.1, which wants Python 3.12")
def test_outbox_in_the_projects_database(catcher, tmp_path):
    project = Project("django_outbox.py", catcher, tmp_path)
    with project.served() as post:
        status, told = post("order", to="ann@example.org", number="17")
        assert (status, told) == (200, {"order": "17", "confirmation": "queued"})
        assert post("order", to="ann@example.org", number="17") == (status, told)
        # The transaction was rolled back, so the message was never there.
        assert post("order", to="ben@example.org", number="18", stock="none")[0] == 500
        assert not catcher.messages
        assert post("password", to="carol@example.org") == (200, {"sent": 1})
    assert [message.rcpt_tos for message in catcher.messages] == [["carol@example.org"]]
    assert re.fullmatch(r"queued +1\n", project.manage("rsmtp_outbox", "status", "--using", "later"))
    assert "1 sent" in project.manage("rsmtp_outbox", "run", "--using", "later")
    assert catcher.messages[-1].rcpt_tos == ["ann@example.org"]
    assert "order/17" in project.manage("rsmtp_outbox", "show", "order/17", "--using", "later")
    assert "nothing was due" in project.manage("rsmtp_outbox", "run", "--using", "later")
    assert "no message with the key" in project.manage(
        "rsmtp_outbox", "show", "order/9", "--using", "later", code=2
    )
    assert "not rsmtp.django.OutboxBackend" in project.manage("rsmtp_outbox", "status", code=1)
