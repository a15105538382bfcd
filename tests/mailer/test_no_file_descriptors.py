"""If the system has no file descriptors left, the sessions that there are send everything."""

import subprocess
import sys

import pytest

import rsmtp

pytest.importorskip("resource", reason="this system has no limit for file descriptors")

SCRIPT = """
import os, resource, sys
import rsmtp

port, more = map(int, sys.argv[1:])
messages = [("a@x.test", "b@x.test", f"Subject: {n}\\n\\nhi\\n".encode()) for n in range(500)]
url = f"smtp://127.0.0.1:{port}?tls=none"
# The first message loads what is needed.
rsmtp.Mailer(url).send(messages[0])
mailer = rsmtp.Mailer(url, connections=20)
most = max(map(int, os.listdir("/proc/self/fd"))) + more
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
print(mailer.send_all(messages[1:]).sent)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="descriptors are counted by Linux's /proc")
@pytest.mark.parametrize("more", range(4, 16))
def test_the_others_go_on(more):
    with rsmtp.Catcher(tls="none") as server:
        command = [sys.executable, "-c", SCRIPT, str(server.port), str(more)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        assert (done.stdout, done.stderr) == ("499\n", "")
        assert len(server.messages) == len({message.data for message in server.messages}) == 500
