"""The inbox starts, stops, and leaves nothing behind."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

import rsmtp
from inbox.tools import API, Api
from rsmtp.inbox import Inbox


def threads():
    return sum(thread.name.startswith("rsmtp-inbox") for thread in threading.enumerate())


def settled(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def test_it_listens_from_start_to_stop(catcher):
    inbox = Inbox(catcher)
    assert repr(inbox) == "<Inbox not running>"
    with pytest.raises(RuntimeError, match=r"start\(\)"):
        _ = inbox.url
    assert inbox.start() is inbox.start()
    assert threads() > 0
    url = inbox.url
    assert urllib.request.urlopen(url).status == 200
    inbox.stop()
    inbox.stop()
    assert settled(lambda: threads() == 0)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)
    with inbox:
        assert urllib.request.urlopen(inbox.url).status == 200


def test_listeners_are_sent_away(catcher):
    inbox = Inbox(catcher).start()
    before = threads()
    connections = []
    for _ in range(5):
        connection = http.client.HTTPConnection(inbox.host, inbox.port, timeout=10)
        connection.request("GET", f"{API}/events")
        connections.append((connection, connection.getresponse()))
    idle = socket.create_connection((inbox.host, inbox.port))
    assert threads() >= before + 5
    inbox.stop()
    assert settled(lambda: threads() == 0)
    for connection, response in connections:
        response.read()
        connection.close()
    idle.close()


def test_the_catcher_may_go_first(catcher):
    with Inbox(catcher) as inbox:
        catcher.close()
        assert Api(inbox).get("/messages").json["count"] == 0


def test_a_port_that_is_taken(catcher):
    with Inbox(catcher) as inbox, pytest.raises(OSError):
        Inbox(catcher, port=inbox.port).start()
    with pytest.raises(ValueError, match="port: 70000"):
        Inbox(catcher, port=70000).start()


def test_too_many_connections_are_closed_and_the_rest_is_served(catcher):
    with Inbox(catcher) as inbox:
        crowd = [socket.create_connection((inbox.host, inbox.port), timeout=10) for _ in range(130)]
        # Connections are accepted in order. When the last one is closed, all have been accepted.
        assert crowd[-1].recv(1) == b""
        for one in crowd:
            one.close()
        seen = None
        while seen != 200:
            try:
                seen = Api(inbox).get("/messages").status
            except (http.client.HTTPException, OSError):
                pass  # the crowd is on its way out


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40)


def test_forgotten_it_ends_with_the_program():
    done = run(
        "import http.client, rsmtp, rsmtp.inbox\n"
        "inbox = rsmtp.inbox.Inbox(rsmtp.Catcher(tls='none')).start()\n"
        "connection = http.client.HTTPConnection(inbox.host, inbox.port)\n"
        "connection.request('GET', '/api/v1/events')\n"
        "connection.getresponse().readline()\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_rsmtp_does_not_load_it():
    done = run("import sys, rsmtp; print('rsmtp.inbox' in sys.modules, 'http.server' in sys.modules)")
    assert done.stdout.split() == ["False", "False"]


def catch(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "rsmtp", "catch", "--port", "0", "--tls", "none", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )


def test_the_command_serves_it_and_ends_with_it():
    with catch("--web-port", "0") as process:
        url = next(line.split()[-1] for line in process.stdout if "web page" in line)
        with urllib.request.urlopen(f"{url}api/v1/server") as response:
            assert response.status == 200
        # A browser that is still listening must not keep the command from ending.
        listening = urllib.request.urlopen(f"{url}api/v1/events")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)
        listening.close()
    assert (process.returncode, errors) == (0, "")
    assert output.endswith("0 messages caught. Bye.\n")


def test_the_command_without_it():
    with catch("--no-web") as process:
        facts = []
        for line in process.stdout:
            facts.append(line)
            if "It works." in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert "web page" not in "".join(facts)


def test_a_taken_port_is_said_when_it_was_asked_for():
    with rsmtp.Catcher(tls="none") as other:
        with catch("--web-port", str(other.port)) as process:
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 2
    assert errors.startswith(f"rsmtp catch: no web page on 127.0.0.1:{other.port}: ")


def test_deleted_in_the_page_and_still_printed():
    """A message that arrives after "delete all" is printed like any other."""
    with catch("--web-port", "0") as process:
        lines = iter(process.stdout)
        port = int(next(line for line in lines if "SMTP on" in line).split(",")[0].rpartition(":")[2])
        url = next(line.split()[-1] for line in lines if "web page" in line)
        for number in (1, 2):
            with rsmtp.SmtpClient("127.0.0.1", port) as client:
                client.sendmail("a@example.org", "b@example.org", f"Subject: mail {number}\n\n\n")
            assert any(f"-- message {number} ---" in line for line in lines)
            urllib.request.urlopen(urllib.request.Request(f"{url}api/v1/messages", method="DELETE"))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=20)
    assert output.endswith("2 messages caught. Bye.\n")
