"""Celery's prefork pool forks its children with billiard. An outbox that the parent has opened and
read before the fork works in all of them."""

import os
import signal
import subprocess
import sys
import time

import pytest
from outbox.letters import number_of, raw

import rsmtp
from frameworks import redis_server

MESSAGES = 40
APP = """
import os

import rsmtp.celery
from celery import Celery

app = Celery("shop", broker=os.environ["BROKER"])
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True
outbox = rsmtp.Outbox(os.environ["OUTBOX"])
# Both: the file is open, and was read, in the process that forks.
assert outbox.status()["queued"] > 0
send = rsmtp.celery.task(app, os.environ["SMTP"], once=outbox, ignore_result=True)
"""


@pytest.fixture
def redis(tmp_path):
    with redis_server.running(tmp_path) as server:
        yield server


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_children_share_an_outbox_that_was_opened_before_the_fork(redis, tmp_path):
    pytest.importorskip("celery")
    (tmp_path / "shop_mail.py").write_text(APP)
    outbox = rsmtp.Outbox(tmp_path / "mail.db")
    outbox.put_all(raw(number) for number in range(MESSAGES))
    log = tmp_path / "worker.log"
    with rsmtp.Catcher(tls="none") as catcher, open(log, "wb") as out:
        catcher.fault("end-of-data", reply="usual", delay=0.02)
        environment = os.environ | {
            "BROKER": redis.url, "OUTBOX": str(tmp_path / "mail.db"), "PYTHONPATH": str(tmp_path),
            "SMTP": f"smtp://{catcher.host}:{catcher.port}?tls=none",
        }  # fmt: skip
        worker = subprocess.Popen(
            [
                sys.executable, "-m", "celery", "--app", "shop_mail", "worker", "--pool", "prefork",
                "--concurrency", "3", "--loglevel", "INFO", "--without-gossip", "--without-mingle",
                "--without-heartbeat",
            ],
            env=environment, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip
        try:
            # Each task is queued twice, because a broker may deliver twice.
            code = (
                "import shop_mail\n"
                "for entry in list(shop_mail.outbox.entries()) * 2: shop_mail.send.delay(entry.id)\n"
            )
            subprocess.run([sys.executable, "-c", code], env=environment, check=True)
            while log.read_text(errors="replace").count("succeeded in") < 2 * MESSAGES:
                assert worker.poll() is None, log.read_text(errors="replace")
                time.sleep(0.05)
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        told = log.read_text(errors="replace")
        assert outbox.status()["sent"] == MESSAGES, told
        assert sorted(number_of(message.data) for message in catcher.messages) == list(range(MESSAGES))
        # Celery's log names the child for each task. More than one child has sent.
        assert len({line.split("/ForkPoolWorker-")[1].split("]")[0] for line in told.splitlines()
                    if "succeeded in" in line}) > 1  # fmt: skip
        assert "Traceback" not in told
    outbox.close()
