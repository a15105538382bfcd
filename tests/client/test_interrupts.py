"""Ctrl-C raises KeyboardInterrupt at once, wherever the client waits, and the socket is closed."""

import signal
import subprocess
import sys
import threading
import time

import pytest

from client.scripted import serve

PROGRAM = """
import sys, time, rsmtp
stage, host, port = sys.argv[1:]
client = rsmtp.SmtpClient(timeout=50)
try:
    print("go", flush=True)
    client.connect(host, int(port))
    client.ehlo()
    if stage.startswith("handshake"):
        import ssl
        client.starttls(context=ssl.create_default_context() if "SSLContext" in stage else None)
    if stage == "body":
        client.sendmail("a@example.org", "b@example.org", b"x" * 50_000_000)
    client.noop()
except KeyboardInterrupt:
    print("interrupted", client.state, client.sock, flush=True)
    try:
        client.noop()
    except rsmtp.SMTPServerDisconnected as error:
        print("disconnected", flush=True)
else:
    print("not interrupted", flush=True)
"""


def stalled_at(stage, reached, gone):
    def script(peer):
        if stage == "greeting":
            reached.set()
            return peer.until_closed()
        peer.say("220 hello")
        if stage.startswith("handshake"):
            peer.line()
            peer.say("250-server", "250 STARTTLS")
            peer.line()
            peer.say("220 go on")
            peer.octets(5)
            reached.set()
            return peer.until_closed()
        if stage == "reply":
            peer.line()
            reached.set()
            return peer.until_closed()
        for reply in ("250 server", "250 ok", "250 ok", "354 go on"):
            peer.line()
            peer.say(reply)
        peer.octets(1)
        reached.set()
        gone.wait(40)  # and nothing more is read
        return None

    return script


@pytest.mark.parametrize("stage", ["greeting", "reply", "handshake", "handshake by an SSLContext", "body"])
def test_ctrl_c(stage):
    reached, gone = threading.Event(), threading.Event()
    with serve(stalled_at(stage, reached, gone)) as server:
        command = [sys.executable, "-c", PROGRAM, stage, server.host, str(server.port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "go\n"
            assert reached.wait(20)
            time.sleep(0.3)
            begin = time.monotonic()
            child.send_signal(signal.SIGINT)
            told = child.stdout.readline()
            took = time.monotonic() - begin
            assert told == "interrupted broken None\n"
            assert took < 10  # left alone, it waits for 50
            assert child.stdout.readline() == "disconnected\n"
            gone.set()


def test_ctrl_c_while_connecting():
    # The listener's queue is full, so the next connection gets no answer.
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        host, port = listener.getsockname()
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((host, port))
            fillers.append(filler)
        command = [sys.executable, "-c", PROGRAM, "connect", host, str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout.readline() == "go\n"
            time.sleep(0.7)
            begin = time.monotonic()
            child.send_signal(signal.SIGINT)
            assert child.stdout.readline() == "interrupted disconnected None\n"
            assert time.monotonic() - begin < 10
        for filler in fillers:
            filler.close()


WHILE_IMPORTING = """
import importlib.abc, sys

class Interrupt(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "rsmtp._rsmtp":
            sys.meta_path.remove(self)
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
import rsmtp
try:
    rsmtp.SmtpClient
except KeyboardInterrupt:
    print("interrupted", rsmtp.SmtpClient().state)
"""


def test_ctrl_c_while_the_engine_is_imported():
    done = subprocess.run([sys.executable, "-c", WHILE_IMPORTING], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("interrupted disconnected\n", "")
