"""The asyncio examples run unchanged, each in its own process."""

import contextlib
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
from pathlib import Path

import pytest

import rsmtp

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def environment(catcher, **settings):
    return {
        **os.environ,
        "SMTP_HOST": "localhost",
        "SMTP_PORT": str(catcher.port),
        "SMTP_USER": catcher.username,
        "SMTP_PASSWORD": catcher.password,
        "SSL_CERT_FILE": catcher.ca_file,
        **settings,
    }


@contextlib.contextmanager
def served(application, catcher, **settings):
    """Serves the application with uvicorn. Yields its address, and stops it as Ctrl-C does."""
    command = [
        sys.executable,
        "-X",
        "dev",
        "-m",
        "uvicorn",
        application,
        "--port",
        "0",
        "--app-dir",
        EXAMPLES,
    ]
    with subprocess.Popen(
        command,
        env=environment(catcher, **settings),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            said = ""
            for line in server.stderr:
                said += line
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    break
            else:
                raise AssertionError(said)
            yield found[0]
        finally:
            server.terminate()
            _, said = server.communicate(timeout=30)
    assert "Traceback" not in said
    assert "Warning" not in said


def post(url, **query):
    request = urllib.request.Request(f"{url}?{urllib.parse.urlencode(query)}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def wait_for(condition):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_script(catcher):
    command = [sys.executable, "-X", "dev", "-W", "error", EXAMPLES / "async_email.py"]
    run = {"capture_output": True, "text": True, "timeout": 30}
    finished = subprocess.run(command, env=environment(catcher), **run)
    assert (finished.returncode, finished.stdout) == (0, "sent\n"), finished.stderr
    assert catcher.messages[0].email["Subject"] == "A letter by SMTP"

    finished = subprocess.run(command, env=environment(catcher, SMTP_PASSWORD="wrong"), **run)
    assert finished.stdout.startswith("the server does not know this user: ")
    finished = subprocess.run(command, env=environment(catcher, SMTP_PORT="1"), **run)
    assert "no connection to localhost" in finished.stdout


def test_fastapi(catcher):
    with served("fastapi_background:app", catcher) as url:
        assert post(f"{url}/welcome", address="bob@example.org") == (202, {"status": "on its way"})
        wait_for(lambda: catcher.messages)
        status, answer = post(f"{url}/welcome", address="bob@example.org\r\nBcc: eve@example.org")
        assert status == 422
        assert "line end" in str(answer) or "control" in str(answer), answer
    assert [message.rcpt_tos for message in catcher.messages] == [["bob@example.org"]]
    assert catcher.messages[0].tls is not None


def test_starlette(catcher):
    with served("starlette_lifespan:app", catcher) as url:
        for name in ("ann", "bob"):
            address = f"{name}@example.org"
            assert post(f"{url}/welcome", address=address) == (200, {address: "sent"})
        # The server closes without having taken the message, so another session sends it.
        catcher.fault("end-of-data", reply=(421, "4.3.2 going down"), times=1)
        assert post(f"{url}/welcome", address="eve@example.org") == (200, {"eve@example.org": "sent"})
        assert len(catcher.conversations) == 2
        catcher.fault("RCPT", reply=(550, "5.1.1 nobody"), address="nobody@example.org")
        assert post(f"{url}/welcome", address="nobody@example.org") == (
            200,
            {"nobody@example.org": "refused"},
        )
        assert post(f"{url}/welcome", address="bob@example.org\r\nBcc: eve@example.org")[0] == 422
    assert [message.rcpt_tos[0][:3] for message in catcher.messages] == ["ann", "bob", "eve"]
    assert "QUIT" in str(catcher.conversations[-1])


def test_starlette_where_there_is_no_server(catcher):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with served("starlette_lifespan:app", catcher, SMTP_PORT=str(bound.getsockname()[1])) as url:
            status, answer = post(f"{url}/welcome", address="bob@example.org")
    assert status == 502 and "no connection" in answer["error"]
