"""Reading a client's attributes while another thread uses it returns at once, and so it does in a
forked child."""

import os
import threading
import time

import pytest

import rsmtp
from client.scripted import serve


@pytest.fixture
def waiting():
    """A client whose NOOP gets no answer, and the thread that waits for it."""
    asked = threading.Event()

    def script(peer):
        peer.say("220 hello")
        peer.line()
        asked.set()
        peer.until_closed()

    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=30)

        def wait():
            with pytest.raises(rsmtp.SMTPServerDisconnected):
                client.noop()

        thread = threading.Thread(target=wait)
        thread.start()
        assert asked.wait(10)
        yield client
        client.close()
        thread.join(10)
        assert not thread.is_alive()


def test_another_thread_is_answered_at_once(waiting):
    begin = time.monotonic()
    assert waiting.state == "greeted"
    assert "greeted" in repr(waiting)
    assert waiting.tls is None and waiting.sock is not None
    assert "NOOP" in str(waiting.transcript)
    assert time.monotonic() - begin < 10  # the client waits for 30


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_is_answered_at_once(waiting):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, f"{waiting.state} {waiting.sock} {waiting!r}".encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    told = os.read(reading, 1000).decode()
    os.close(reading)
    os.waitpid(pid, 0)
    assert told.startswith("greeted None <SmtpClient")
