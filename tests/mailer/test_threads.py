"""Features of `Mailer` alone: it serves several threads, answers questions while it works, and
stops at Ctrl-C."""

import gc
import os
import signal
import threading

import pytest
from client.scripted import serve

import rsmtp


def messages(count):
    content = b"Subject: x\r\n\r\nhello\r\n"
    return [("a@example.org", [f"b{number}@example.org"], content) for number in range(count)]


def test_twenty_threads_share_as_many_sessions_as_they_may():
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none", connections=2) as mailer:
            told = []

            def send():
                told.extend(mailer.send(message).ok for message in messages(5))

            threads = [threading.Thread(target=send) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert told == [True] * 100 and mailer.idle <= 2
        assert len(catcher.messages) == 100


def test_sending_within_a_sending_on_one_session():
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:

            def outer():
                for message in messages(3):
                    assert mailer.send(message).ok
                    yield message

            assert mailer.send_all(outer()).sent == 3
            assert mailer.idle == 1
        assert len(catcher.messages) == 6


def interrupts_at(count):
    """Answers all messages before this one, and raises Ctrl-C instead of answering it."""

    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250-PIPELINING", "250 CHUNKING")
        taken = 0
        while command := peer.line():
            if command.startswith("BDAT"):
                peer.octets(int(command.split()[1]))
                taken += 1
                if taken == count:
                    os.kill(os.getpid(), signal.SIGINT)
                    peer.until_closed()
                    return
            peer.say("250 ok")

    return script


def by_send(mailer):
    mailer.send(messages(1)[0])


def by_send_all(mailer):
    mailer.send_all(messages(5))


def by_stream(mailer):
    def endless():
        while True:
            yield messages(1)[0]

    # This iterator is written in C, so the interrupt arrives within the generator.
    [].extend(mailer.send_all(endless(), stream=True))


@pytest.fixture
def no_callbacks():
    """Turns off garbage collection, because Python swallows an interrupt within a weak
    reference's callback (of `threading._dangling`, for example)."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(("send", "at"), [(by_send, 1), (by_send_all, 3), (by_stream, 3)])
def test_ctrl_c(send, at, no_callbacks):
    with serve(interrupts_at(at)) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", timeout=20) as mailer:
            with pytest.raises(KeyboardInterrupt) as raised:
                send(mailer)
            assert mailer.idle == 0
        assert not any(thread.name == "rsmtp-session" for thread in threading.enumerate())
    receipts = [raised.value.receipt] if send is by_send else raised.value.report.receipts
    fates = {receipt.index: receipt.recipients[0].fate for receipt in receipts}
    # The answers to the earlier messages may have been on their way.
    assert fates[at - 1] == "unknown"
    assert all(index < at - 1 for index, fate in fates.items() if fate == "sent")
    assert len(receipts) == len(fates)
