"""Long runs that look for growth, hangs and crashes. RSMTP_ENDURANCE multiplies their length (`make
endurance`)."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import rsmtp

HERE = Path(__file__).parent
TIMES = int(os.environ.get("RSMTP_ENDURANCE", "1"))
SESSIONS = 2000 * TIMES
INTERRUPTS = 40 * TIMES
MESSAGES = 20_000 * TIMES

pytestmark = pytest.mark.timeout(60 * max(1, TIMES))


def python(*arguments, **options):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_descriptors_and_memory_stay_flat():
    done = python(str(HERE / "sessions.py"), str(SESSIONS), timeout=55 * TIMES)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    figures = json.loads(done.stdout)
    (early_files, early_memory), (late_files, late_memory) = figures["early"], figures["late"]
    assert late_files <= early_files + 2, figures
    assert late_memory <= early_memory + 8192, figures


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_mailer_takes_no_more_memory_for_more_messages():
    with rsmtp.Catcher(tls="none", keep=0) as catcher:
        done = python(str(HERE / "many.py"), str(catcher.port), str(MESSAGES), timeout=55 * TIMES)
        assert done.returncode == 0, done.stderr
        print(done.stdout)
        figures = json.loads(done.stdout)
        assert (figures["sent"], catcher.count) == (MESSAGES, MESSAGES), figures
        assert figures["peak"] < 64 * 1024, figures


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is another thing there")
def test_interrupted_at_random_moments():
    moments = random.Random(5)
    with rsmtp.Catcher(tls="none", keep=1) as catcher:
        for number in range(INTERRUPTS):
            with subprocess.Popen(
                [sys.executable, str(HERE / "interrupted.py"), catcher.host, str(catcher.port)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as child:
                assert child.stdout.readline() == "ready\n"
                time.sleep(moments.uniform(0.0, 0.05))
                sent = time.monotonic()
                child.send_signal(signal.SIGINT)
                try:
                    out, err = child.communicate(timeout=20)
                finally:
                    child.kill()
            assert child.returncode == 0 and out.startswith("interrupted "), (number, out, err)
            assert time.monotonic() - sent < 10


SHUTDOWNS = {
    "connected": "client.noop()",
    "in the middle of a transaction": "client.mail('a@example.org'); client.rcpt('b@example.org')",
    "while a daemon thread waits": """
        catcher.fault("NOOP", stall=True)
        import threading, time
        threading.Thread(target=client.noop, daemon=True).start()
        time.sleep(0.2)
    """,
    "while a daemon thread sends what a generator gives": """
        import threading, time
        def messages():
            while True:
                time.sleep(0.01)
                yield "a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\n"
        # Many of them, so that some come back from the engine at any moment of the end.
        for _ in range(12):
            mailer = rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none")
            threading.Thread(target=mailer.send_all, args=(messages(),), daemon=True).start()
        catcher.wait_for(40, timeout=20)
        class Slow:
            def __del__(self, sleep=time.sleep):
                sleep(0.1)
        client.slow = Slow()
    """,
    "in a cycle": "client.myself = client",
    "in a global of another module": "import os; os.client = client",
    "at exit": "import atexit; atexit.register(client.noop)",
}


@pytest.mark.parametrize("how", SHUTDOWNS)
def test_interpreter_shuts_down_while_connected(how):
    program = """
        import rsmtp
        catcher = rsmtp.Catcher(tls="none")
        client = rsmtp.SmtpClient(catcher.host, catcher.port, "client.example", timeout=30)
        client.ehlo()
    """
    program = textwrap.dedent(program) + textwrap.dedent(SHUTDOWNS[how])
    done = python("-X", "faulthandler", "-c", program, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "panicked" not in done.stderr and "Fatal" not in done.stderr
