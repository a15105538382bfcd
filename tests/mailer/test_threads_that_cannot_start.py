"""If the system refuses new threads, the existing sessions continue and the report is complete."""

import subprocess
import sys

import pytest

import rsmtp

resource = pytest.importorskip("resource", reason="this system has no limit for threads")

# The test runs as a separate user, because only that user's threads count and root has no limit.
SCRIPT = """
import os, resource, sys
# All that is needed is loaded first: another user may not be able to read it.
import rsmtp, rsmtp.errors, rsmtp._common.hints, rsmtp._common.raising, rsmtp.display.error

port, more = map(int, sys.argv[1:])
messages = [("a@x.test", f"r{n}@x.test", f"Subject: {n}\\n\\nhi\\n".encode()) for n in range(20)]
mailer = rsmtp.Mailer(f"smtp://127.0.0.1:{port}?tls=none", connections=4, retries=0)
threads = len(os.listdir("/proc/self/task"))
if os.geteuid() == 0:
    os.setuid(20_000 + os.getpid() % 40_000)
resource.setrlimit(resource.RLIMIT_NPROC, (threads + more, threads + more))
try:
    report = mailer.send_all(messages)
except Exception as error:
    print(type(error).__name__, error)
else:
    print(report.sent, sorted({str(receipt.error) for receipt in report.receipts if receipt.error}))
"""


def sent_with(more: int, server: rsmtp.Catcher) -> str:
    """The output of a child process that can start this many more threads."""
    command = [sys.executable, "-c", SCRIPT, str(server.port), str(more)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    return done.stdout + done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted by Linux's /proc")
@pytest.mark.parametrize("more", [1, 2])
def test_the_others_go_on(more):
    with rsmtp.Catcher(tls="none") as server:
        assert sent_with(more, server).strip() == "20 []"
        assert len(server.messages) == 20
        assert 1 <= len(server.conversations) <= more


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted by Linux's /proc")
def test_without_any_the_report_tells_why():
    with rsmtp.Catcher(tls="none") as server:
        said = sent_with(0, server)
        assert "no thread could be started for a session" in said
        assert len(server.messages) == 0
