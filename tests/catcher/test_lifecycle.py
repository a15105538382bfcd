"""The catcher starts, stops, and leaves nothing behind."""

import concurrent.futures
import contextlib
import errno
import gc
import os
import pathlib
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

import pytest

import rsmtp

LINUX = pytest.mark.skipif(not pathlib.Path("/proc/self/task").exists(), reason="/proc tells it")


def threads():
    found = 0
    for task in pathlib.Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found += (task / "comm").read_text().startswith("rsmtp-catcher")
    return found


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def settled(value, expected):
    """A joined thread may remain in /proc for a moment."""
    deadline = time.monotonic() + 5
    while value() != expected and time.monotonic() < deadline:
        time.sleep(0.01)
    return value() == expected


@LINUX
def test_nothing_is_left_behind(deliver, line):
    with rsmtp.Catcher():
        pass
    gc.collect()
    before = descriptors()
    for _ in range(20):
        catcher = rsmtp.Catcher()
        ca_file = pathlib.Path(catcher.ca_file)
        assert ca_file.read_text().startswith("-----BEGIN CERTIFICATE-----")
        deliver(catcher)
        idle = line(catcher)
        idle.say("EHLO me")
        catcher.close()
        assert idle.rest() == b""
        idle.close()
        assert not ca_file.exists()
        assert catcher.count == 1  # what was received stays
        catcher.close()
    assert settled(threads, 0)
    assert descriptors() <= before


@LINUX
def test_dropping_it_closes_it(line):
    catcher = rsmtp.Catcher()
    idle, ca_file = line(catcher), pathlib.Path(catcher.ca_file)
    del catcher
    gc.collect()
    assert idle.rest() == b""
    assert not ca_file.exists()
    assert settled(threads, 0)


@pytest.mark.parametrize(
    ("stage", "fault"),
    [
        ("NOOP", {"stall": True}),
        ("NOOP", {"delay": 60.0}),
        ("NOOP", {"drip": 60.0}),
        ("NOOP", {"disconnect": "half-close"}),
        ("NOOP", {"reply": b"250-x\r\n", "endless": True}),
    ],
)
def test_closing_is_prompt_whatever_goes_on(line, stage, fault):
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault(stage, **fault)
        raw = line(catcher)
        raw.send(b"NOOP\r\n")
        time.sleep(0.05)
        begin = time.monotonic()
    assert time.monotonic() - begin < 10  # the faults take 60


def test_two_hundred_connections_at_once(trust):
    with rsmtp.Catcher() as catcher:
        barrier = threading.Barrier(200)

        def send(number):
            with smtplib.SMTP("localhost", catcher.port, timeout=60) as client:
                barrier.wait(60)
                client.starttls(context=trust(catcher))
                client.login(catcher.username, catcher.password)
                client.sendmail("a@b", f"{number}@example.org", f"Subject: {number}\n\nbody\n")

        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            list(pool.map(send, range(200)))
        assert catcher.count == 200
        recipients = {message.rcpt_tos[0] for message in catcher.messages}
        assert recipients == {f"{number}@example.org" for number in range(200)}
        subjects = {message.email["subject"] + "@example.org" for message in catcher.messages}
        assert subjects == recipients


def test_a_closed_catcher_listens_no_more(catcher):
    catcher.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((catcher.host, catcher.port))


def test_only_loopback_unless_told_otherwise():
    for host in ("0.0.0.0", "::"):
        with pytest.raises(ValueError, match="allow_remote=True"):
            rsmtp.Catcher(host)
    with rsmtp.Catcher("0.0.0.0", tls="none", allow_remote=True) as catcher:
        socket.create_connection(("127.0.0.1", catcher.port)).close()


def test_a_port_that_is_taken_is_an_os_error(catcher):
    words = r"port: Address already in use; port=0 takes a free one$"
    with pytest.raises(OSError, match=words) as refused:
        rsmtp.Catcher(port=catcher.port)
    assert refused.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"tls": "maybe"}, "tls"),
        ({"protocol": "http"}, "protocol"),
        ({"extensions": ["X"]}, "extensions"),
        ({"without": ["X"]}, "without"),
        ({"mechanisms": ["X"]}, "mechanisms"),
        ({"hostname": "a b"}, "hostname"),
        ({"idle_timeout": -1.0}, "idle_timeout"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, argument):
    with pytest.raises(ValueError, match=f"^{argument}: "):
        rsmtp.Catcher(**arguments)


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
def test_ctrl_c_ends_a_wait(catcher):
    timer = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        catcher.wait_for(1, timeout=60)
    assert time.monotonic() - begin < 10
    timer.join()


def test_python_goes_on_while_it_waits(catcher, deliver):
    waiting = concurrent.futures.ThreadPoolExecutor(1)
    future = waiting.submit(catcher.wait_for, 1)
    deliver(catcher)
    assert len(future.result(5)) == 1
    waiting.shutdown()


def run(script):
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)


def test_the_end_of_the_interpreter_is_the_end_of_it():
    done = run("import rsmtp; catcher = rsmtp.Catcher(); print(catcher.ca_file)")
    assert done.returncode == 0, done.stderr
    assert not pathlib.Path(done.stdout.strip()).exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_no_harm():
    done = run(
        "import os, pathlib, rsmtp, smtplib\n"
        "catcher = rsmtp.Catcher()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    catcher.close()\n"
        "    del catcher\n"
        "    os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert pathlib.Path(catcher.ca_file).exists()\n"
        "with smtplib.SMTP(catcher.host, catcher.port) as client:\n"
        "    client.sendmail('a@b', 'c@d', 'x')\n"
        "assert catcher.count == 1\n"
    )
    assert done.returncode == 0, done.stderr
