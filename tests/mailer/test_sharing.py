"""Several sessions share the work, and a failure of one does not affect the others."""

import os
import threading
import time

import pytest
from client.scripted import serve

import rsmtp

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")

either_mailer = pytest.mark.usefixtures("either_mailer")


def mailer(server, **options):
    return rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", **{"timeout": 30, **options})


@either_mailer
@pytest.mark.parametrize("window", [1, 2000])
def test_a_slow_server_is_asked_by_all_of_them(window):
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("end-of-data", reply="usual", delay=0.1)
        with mailer(catcher, connections=4, window=window) as sender:
            assert sender.send_all([MESSAGE] * 24).ok
        shares = [str(conversation).count("MAIL FROM") for conversation in catcher.conversations]
    assert len(shares) == 4 and sum(shares) == 24 and min(shares) >= 3, shares


def test_another_session_is_opened_while_a_generator_waits():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("end-of-data", reply="usual", delay=0.2)

        def waiting():
            yield from [MESSAGE] * 8
            catcher.wait_for(8, timeout=20)

        with mailer(catcher, connections=4, window=1) as sender:
            assert sender.send_all(waiting()).sent == 8
        assert len(catcher.conversations) == 4


@either_mailer
def test_one_that_stalls_keeps_only_what_it_has_said():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("end-of-data", reply="usual", delay=2.0, times=1)
        with mailer(catcher, connections=2, window=1) as sender:
            assert sender.send_all([MESSAGE] * 40).sent == 40
        shares = sorted(str(conversation).count("MAIL FROM") for conversation in catcher.conversations)
    assert len(shares) == 2 and shares[0] <= 5, shares


@either_mailer
def test_a_server_that_refuses_every_recipient_is_not_stormed():
    def script(peer):
        time.sleep(0.01 * (len(peers) % 5))
        peers.append(peer)
        peer.say("554 no")
        peer.until_closed()

    peers = []
    with serve(script) as server, mailer(server, connections=4, retries=0) as sender:
        with pytest.raises(rsmtp.SMTPConnectError) as raised:
            sender.send_all([MESSAGE] * 100)
        assert raised.value.report.sent == 0 and raised.value.report.not_sent == 100
        assert len(peers) <= 8


@either_mailer
def test_a_failure_does_not_wait_for_a_session_that_is_still_being_opened():
    first = threading.Event()

    def script(peer):
        if first.is_set():
            return peer.until_closed()
        first.set()
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 AUTH PLAIN")
        peer.line()
        peer.say("535 5.7.8 no")
        return peer.until_closed()

    with serve(script) as server:
        with mailer(server, connections=2, user="u", password="p") as sender:
            begin = time.monotonic()
            with pytest.raises(rsmtp.SMTPAuthenticationError):
                sender.send_all([MESSAGE] * 100)
            assert time.monotonic() - begin < 15


def test_a_folder_takes_each_message_as_it_comes(tmp_path):
    def one_by_one():
        for number in range(200):
            yield MESSAGE
            while len(list(tmp_path.glob("*.eml"))) <= number:
                time.sleep(0.001)

    with rsmtp.Mailer(f"file://{tmp_path}") as sender:
        begin = time.monotonic()
        assert sender.send_all(one_by_one()).sent == 200
        assert time.monotonic() - begin < 15


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_that_is_forked_in_a_generator_gets_out_of_it():
    def forking():
        yield MESSAGE
        child = os.fork()
        if child == 0:
            raise SystemExit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        yield MESSAGE

    with rsmtp.Catcher(tls="none") as catcher, mailer(catcher) as sender:
        parent = os.getpid()
        try:
            report = sender.send_all(forking())
        except BaseException as raised:
            if os.getpid() != parent:
                os._exit(raised.code if type(raised) is SystemExit else 1)
            raise
        assert report.sent == 2
