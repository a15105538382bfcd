"""One thread uses a client at a time, no thread waits for another client, and a fork is harmless."""

import asyncio
import copy
import gc
import os
import pickle
import smtplib
import subprocess
import sys
import threading
import time

import pytest

import rsmtp
from client.scripted import answering, serve

A, B = "a@example.org", "b@example.org"


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_what_cannot_be_given_to_another_process_says_what_to_give_it(way, tmp_path):
    with rsmtp.Mailer("null:") as mailer, rsmtp.Outbox(tmp_path / "outbox.db") as outbox:
        for one, words in (
            (mailer, "Mailer: it has open sessions, .*: pass its arguments on"),
            (rsmtp.AsyncMailer("null:"), "AsyncMailer: it has open sessions, .*: pass its arguments on"),
            (outbox, "Outbox: it has an open file, .*: pass its path on"),
        ):
            with pytest.raises(TypeError, match=words):
                way([one] if way is copy.deepcopy else one)


def test_threads_that_hammer_one_client_never_interleave():
    with rsmtp.Catcher(tls="none") as catcher:
        client = rsmtp.SmtpClient(catcher.host, catcher.port, timeout=30)
        client.ehlo()
        errors = []

        def hammer(number):
            try:
                for count in range(25):
                    body = f"Subject: {number}-{count}\r\n\r\n{number}-{count}\r\n"
                    assert (
                        client.sendmail(f"s{number}@example.org", f"r{number}-{count}@example.org", body)
                        == {}
                    )
                    assert client.noop()[0] == 250
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=hammer, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        client.quit()
        assert errors == []
        assert catcher.count == 200
        for message in catcher.messages:
            number, count = bytes(message.data).decode().split()[1].split("-")
            assert message.mail_from == f"s{number}@example.org"
            assert message.rcpt_tos == [f"r{number}-{count}@example.org"]


def test_close_from_another_thread_ends_a_wait():
    with serve(lambda peer: (peer.say("220 hello"), peer.until_closed())) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=50)
        raised = []

        def wait():
            try:
                client.noop()
            except smtplib.SMTPServerDisconnected as error:
                raised.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        end = time.monotonic() + 20
        while b"NOOP" not in server.heard and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        client.close()
        thread.join(5)
        assert not thread.is_alive()
        assert "another thread" in str(raised[0])
        server.wait_for_end()


def test_others_work_while_one_waits():
    both = threading.Barrier(2)

    def slow(peer):
        peer.say("220 hello")
        peer.line()
        both.wait(20)  # neither is answered before both have asked
        time.sleep(1)
        peer.say("250 ok")
        peer.until_closed()

    with serve(slow) as server:
        clients = [rsmtp.SmtpClient(server.host, server.port, timeout=20) for _ in range(2)]
        threads = [threading.Thread(target=client.noop) for client in clients]
        for thread in threads:
            thread.start()
        counted = 0
        while any(thread.is_alive() for thread in threads):
            counted += 1
        assert counted > 1000
        for client in clients:
            client.close()


def in_child(work):
    """Runs `work` in a fork and returns its result as text. Fails if that takes too long."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            try:
                said = repr(work())
            except BaseException as error:
                said = f"{type(error).__name__}: {error}"
            os.write(writing, said.encode())
        finally:
            os._exit(0)
    os.close(writing)
    end = time.monotonic() + 15
    try:
        while os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                os.kill(pid, 9)
                os.waitpid(pid, 0)
                pytest.fail("the child hangs")
            time.sleep(0.01)
        return os.read(reading, 10_000).decode()
    finally:
        os.close(reading)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_cannot_speak_into_its_parents_session():
    with rsmtp.Catcher(tls="none") as catcher:
        client = rsmtp.SmtpClient(catcher.host, catcher.port, timeout=20)
        client.ehlo()
        told = in_child(client.noop)
        assert "fork" in told
        assert client.noop()[0] == 250
        assert client.sendmail(A, B, "x") == {}
        client.quit()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", ["close", "del", "with", "connect"])
def test_a_child_does_not_end_its_parents_session(how):
    with rsmtp.Catcher(tls="none") as catcher:
        client = rsmtp.SmtpClient(catcher.host, catcher.port, timeout=20)
        client.ehlo()

        def end():
            nonlocal client
            if how == "close":
                client.close()
            elif how == "del":
                del client
                gc.collect()
            elif how == "with":
                with client:
                    pass
            else:
                client.connect(catcher.host, catcher.port)
                client.noop()
            return "done"

        told = in_child(end)
        assert told == "'done'"
        assert client.noop()[0] == 250
        client.quit()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_of_a_process_in_the_middle_of_a_conversation():
    """Another thread owns the client at the time of the fork, and never releases it in the child."""

    def slow(peer):
        peer.say("220 hello")
        peer.line()
        time.sleep(1.5)
        peer.say("250 ok")
        peer.until_closed()

    with serve(slow) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        got = []
        thread = threading.Thread(target=lambda: got.append(client.noop()))
        thread.start()
        time.sleep(0.3)
        told = in_child(lambda: (client.close(), "done")[1])
        assert "done" in told or "fork" in told
        thread.join()
        assert got == [(250, b"ok")]
        client.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_a_mailer_of_its_own():
    """At the time of the fork another thread has the mailer's only session. In the child that
    thread never returns it."""
    asked, go_on = threading.Event(), threading.Event()

    def slow_at_first(peer):
        first = len(server.peers) == 1

        def end(peer):
            if first:
                asked.set()
                go_on.wait(30)

        answering({})(Ending(peer, end))

    with serve(slow_at_first) as server:
        with rsmtp.Mailer(host=server.host, port=server.port, tls="none", timeout=40) as mailer:
            got = []
            thread = threading.Thread(target=lambda: got.append(mailer.send((A, [B], b"x")).ok))
            thread.start()
            assert asked.wait(30)
            assert in_child(lambda: mailer.send((A, [B], b"x")).ok) == "True"
            assert in_child(lambda: (mailer.idle, mailer.close(), mailer.idle)) == "(0, None, 0)"
            go_on.set()
            thread.join()
            assert got == [True]
            assert mailer.send((A, [B], b"x")).ok
        assert "closed" in in_child(lambda: mailer.send((A, [B], b"x")))


class Ending:
    """A peer that does something after each message."""

    def __init__(self, peer, end):
        self._peer, self._end = peer, end

    def __getattr__(self, name):
        return getattr(self._peer, name)

    def mail_data(self):
        self._peer.mail_data()
        self._end(self._peer)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_does_not_deafen_its_parents_loop():
    async def converse():
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port, timeout=20) as client:
            await client.ehlo()
            assert in_child(lambda: (client.close(), client.state)) == "(None, 'ready')"
            assert await client.sendmail(A, B, "x") == {}

    with rsmtp.Catcher(tls="none") as catcher:
        asyncio.run(converse())


def open_sockets():
    return len(os.listdir("/proc/self/fd"))


def test_dropping_the_object_closes_the_socket():
    with serve(lambda peer: (peer.say("220 hello"), peer.until_closed())) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        assert client.state == "greeted"
        del client
        gc.collect()
        server.wait_for_end()


def test_with_says_quit_and_closes():
    with serve(answering()) as server:
        with rsmtp.SmtpClient(server.host, server.port, timeout=20) as client:
            client.noop()
        assert client.sock is None
        server.wait_for_end()
        assert server.heard.endswith(b"QUIT\r\n")


def test_with_does_not_hide_an_exception_of_its_block():
    with serve(answering({"QUIT": None})) as server:
        with pytest.raises(ZeroDivisionError):
            with rsmtp.SmtpClient(server.host, server.port, timeout=20):
                raise ZeroDivisionError
        server.wait_for_end()


def test_file_descriptors_are_flat_over_many_sessions():
    with rsmtp.Catcher(tls="none", keep=0) as catcher:

        def session(number):
            client = rsmtp.SmtpClient(catcher.host, catcher.port, timeout=20)
            client.noop()
            if number % 3 == 0:
                client.quit()
            elif number % 3 == 1:
                client.close()

        for number in range(10):
            session(number)
        before = open_sockets()
        for number in range(1000):
            session(number)
        gc.collect()
        end = time.monotonic() + 5
        while open_sockets() > before + 5 and time.monotonic() < end:
            time.sleep(0.05)
        assert open_sockets() <= before + 5


ENDINGS = {
    "a client is left": "client = rsmtp.SmtpClient(host, port); client.noop()",
    "a thread waits": """
client = rsmtp.SmtpClient(host, port)
threading.Thread(target=client.docmd, args=("STALL",), daemon=True).start()
while client.transcript[-1].text != "STALL":
    pass
""",
    "a thread waits, and all is logged": """
logging.basicConfig(level=1, stream=io.StringIO())
client = rsmtp.SmtpClient(host, port)
threading.Thread(target=client.docmd, args=("STALL",), daemon=True).start()
while client.transcript[-1].text != "STALL":
    pass
""",
    "__del__ speaks to a slow server": """
class Late:
    def __del__(self):
        assert client.docmd("SLOW") == (250, b"ok")
client, late = rsmtp.SmtpClient(host, port), Late()
""",
    "a mailer is left": """
mailer = rsmtp.Mailer(host=host, port=port, tls="none")
mailer.send((A, [B], b"x"))
""",
    "atexit says QUIT": "client = rsmtp.SmtpClient(host, port); atexit.register(client.quit)",
    "__del__ speaks": """
class Late:
    def __del__(self):
        client.noop()
client, late = rsmtp.SmtpClient(host, port), Late()
""",
    "a loop is left in the middle": """
async def leave():
    client = rsmtp.AsyncSmtpClient(host, port)
    await client.connect()
    sys.exit(0)
asyncio.run(leave())
""",
    "a mailer of a loop is left": """
async def leave():
    await rsmtp.AsyncMailer(host=host, port=port, tls="none").send((A, [B], b"x"))
asyncio.run(leave())
""",
    "a catcher is left": "catcher = rsmtp.Catcher()",
}


@pytest.mark.parametrize("how", ENDINGS)
def test_the_interpreter_ends_in_the_middle_of_a_conversation(how):
    program = f"""
import asyncio, atexit, io, logging, sys, threading, rsmtp
host, port = sys.argv[1], int(sys.argv[2])
A, B = {A!r}, {B!r}
{ENDINGS[how]}
"""

    with serve(ending_with_stall) as server:
        command = [sys.executable, "-c", program, server.host, str(server.port)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=50)
        assert (done.returncode, done.stderr) == (0, "")
        server.wait_for_end()


def ending_with_stall(peer):
    peer.say("220 hello")
    while command := peer.line():
        if command == "STALL":
            peer.until_closed()
            return
        if command == "SLOW":
            time.sleep(0.5)  # so that the client looks for signals meanwhile
        peer.say({"DATA": "354 go on", "QUIT": "221 bye"}.get(command, "250 ok"))
        if command == "DATA":
            peer.mail_data()
            peer.say("250 ok")
