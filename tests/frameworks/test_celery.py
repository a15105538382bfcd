"""`rsmtp.celery` with real brokers. Workers are killed and a broker is restarted, and still every
message is in the mailbox once. RSMTP_CELERY_TASKS=5000 makes the run long."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import rsmtp
import rsmtp.celery
from frameworks import redis_server
from rsmtp.tasks import Deliverer, PutOff, job

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
TASKS = int(os.environ.get("RSMTP_CELERY_TASKS", "120"))
KILLS = int(os.environ.get("RSMTP_CELERY_KILLS", "4"))
# The time in seconds after which Redis delivers a killed worker's tasks again.
VISIBILITY = 4


class RabbitMq:
    """A separate RabbitMQ. The machine's own is neither read nor changed."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = [redis_server.free_port() for _ in range(3)]
        self.url = f"amqp://guest:guest@127.0.0.1:{self.ports[0]}//"
        port, distribution, names = map(str, self.ports)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"n{port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": port, "RABBITMQ_DIST_PORT": distribution,
            "ERL_EPMD_PORT": names, "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(folder / "db"), "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"), "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }  # fmt: skip
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        (server,) = Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server")
        self.process = subprocess.Popen(
            [server], env=self.environment, stdout=subprocess.DEVNULL, start_new_session=True
        )
        until = time.monotonic() + 300
        while not self.answers():
            assert time.monotonic() < until and self.process.poll() is None, "RabbitMQ does not answer"
            time.sleep(0.2)

    def answers(self):
        from kombu import Connection

        try:
            with Connection(self.url, connect_timeout=2) as connection:
                connection.connect()
                return True
        except OSError:
            return False

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self):
        self.kill()
        subprocess.run(["epmd", "-kill"], env=self.environment, capture_output=True)


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    with redis_server.running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory):
    if not list(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server")):
        pytest.skip("no RabbitMQ here (apt-get install rabbitmq-server)")
    if shutil.which("epmd") is None:
        pytest.skip("no epmd here (apt-get install erlang-base)")
    server = RabbitMq(tmp_path_factory.mktemp("rabbitmq"))
    yield server
    server.close()


class Workers:
    """The example's workers, each a process with one child that sends."""

    def __init__(self, broker, catcher, folder):
        self.environment = {
            **os.environ,
            "CELERY_BROKER_URL": broker.url, "SMTP_HOST": catcher.host, "SMTP_PORT": str(catcher.port),
            "OUTBOX": str(folder / "mail.db"), "VISIBILITY_TIMEOUT": str(VISIBILITY),
        }  # fmt: skip
        self.log = open(folder / "workers.log", "ab")  # noqa: SIM115
        self.processes = []
        self.count = 0

    def start(self):
        self.count += 1
        command = [
            sys.executable, "-m", "celery", "--app", "celery_mail", "--workdir", EXAMPLES, "worker",
            "--concurrency", "1", "--hostname", f"worker{self.count}@localhost", "--loglevel", "WARNING",
            "--without-gossip", "--without-mingle", "--without-heartbeat",
        ]  # fmt: skip
        worker = subprocess.Popen(
            command, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True
        )
        self.processes.append(worker)

    def kill(self):
        worker = self.processes.pop(random.randrange(len(self.processes)))
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def close(self):
        while self.processes:
            self.kill()
        self.log.close()


def letter(number):
    return rsmtp.Message(
        "x", subject=f"Number {number}", from_="shop@example.org", to=f"n{number}@example.net"
    )


def queue(workers, arguments):
    """Queues the tasks with the example's own task function."""
    code = (
        "import sys, json, celery_mail\n"
        "for told in json.load(sys.stdin): celery_mail.send.apply_async((told,))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(arguments),
        env=workers.environment | {"PYTHONPATH": str(EXAMPLES)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.timeout(600 if TASKS <= 200 else 3600)
@pytest.mark.parametrize("name", ["redis", "rabbitmq"])
def test_each_message_is_there_once(name, request, tmp_path):
    """With RabbitMQ, the tasks carry the messages. Redis loses a task if the worker is killed
    while taking it. With Redis, the tasks therefore carry numbers of messages in an outbox, and
    the outbox is run at the end."""
    broker = request.getfixturevalue(name)
    outbox = rsmtp.Outbox(tmp_path / "mail.db", lease=30.0)
    with rsmtp.Catcher(keep=2 * TASKS) as catcher:
        catcher.fault("end-of-data", reply="usual", delay=0.02)
        workers = Workers(broker, catcher, tmp_path)
        try:
            if name == "redis":
                outbox.put_all(map(letter, range(TASKS)))
                queue(workers, [entry.id for entry in outbox.entries()])
            else:
                queue(workers, [job(letter(number), key=f"order/{number}") for number in range(TASKS)])
            for _ in range(3):
                workers.start()
            for kill in range(KILLS):
                settled_until(outbox, TASKS * (kill + 1) // (KILLS + 2), workers, tmp_path)
                workers.kill()
                if kill == KILLS // 2:
                    broker.kill()
                    broker.start()
                workers.start()
            lost = KILLS + 3 if name == "redis" else 0
            settled_until(outbox, TASKS - lost, workers, tmp_path)
            time.sleep(VISIBILITY + 2)  # what may be delivered again is
        finally:
            workers.close()
        outbox.run(rsmtp.Mailer(host=catcher.host, port=catcher.port))
        states = outbox.status()
        arrived = [address for message in catcher.messages for address in message.rcpt_tos]
        assert len(arrived) == len(set(arrived))
        # If a worker is killed between the end of a message and the answer, the fate is unknown.
        # The message may have arrived or not, and is not sent again.
        assert states["sent"] + states["unknown"] == TASKS
        assert states["unknown"] <= KILLS
        assert states["sent"] <= len(arrived) <= TASKS


def settled_until(outbox, count, workers, folder):
    until = time.monotonic() + max(200, TASKS / 5)
    while True:
        states = outbox.status()
        if sum(states.values()) - states["queued"] - states["sending"] >= count:
            return
        log = (folder / "workers.log").read_text(errors="replace")[-3000:]
        assert time.monotonic() < until, f"{states}\n{log}"
        assert any(worker.poll() is None for worker in workers.processes), log
        time.sleep(0.05)


@pytest.mark.parametrize("propagates", [False, True])
def test_without_a_broker_what_is_put_off_fails_at_once(tmp_path, propagates, monkeypatch):
    """`task_always_eager`, which Celery retries without a pause, within the task itself."""
    celery = pytest.importorskip("celery")
    app = celery.Celery("eager", changes={"task_always_eager": True, "task_eager_propagates": propagates})
    calls = []
    deliver = Deliverer.__call__
    monkeypatch.setattr(Deliverer, "__call__", lambda *told: calls.append(told) or deliver(*told))
    with rsmtp.Catcher() as catcher:
        catcher.fault("RCPT", reply=(450, "4.2.0 greylisted"))
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        send = rsmtp.celery.task(app, url, once=tmp_path / "mail.db")
        told = job(("ann@example.org", ["bob@example.net"], b"Subject: x\r\n\r\nhi\r\n"), key="1")
        with pytest.raises(PutOff, match="450 4.2.0 greylisted; again in"):
            send.delay(told).get()
    assert len(calls) == 1
