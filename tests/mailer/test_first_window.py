"""How many messages a session sends before its own server has answered any."""

import select
import threading

import pytest
from client.scripted import serve

import rsmtp

pytestmark = pytest.mark.usefixtures("either_mailer")

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")
OFFERS = ("PIPELINING", "CHUNKING", "ENHANCEDSTATUSCODES")


class Silent:
    """Takes the first message of its first session. After that it answers nothing on a session
    before it has as many messages as it waits for, and then notes whether there are more."""

    def __init__(self, offers_of_others, first, others):
        self.offers_of_others = offers_of_others
        self.waits_for = first, others
        self.windows = []
        self.sessions = 0
        self.client_knows = threading.Event()

    def __call__(self, peer):
        is_first = self.sessions == 0
        self.sessions += 1
        waits_for = self.waits_for[not is_first]
        answers, held, chunks = [], True, 0
        peer.say("220 mx.example")
        while line := peer.line():
            verb = line[:4].upper()
            if verb == "EHLO":
                # By then the client has heard that the first session's message was taken.
                assert is_first or self.client_knows.wait(5)
                offers = OFFERS if is_first else self.offers_of_others
                peer.say("250-mx.example", *(f"250-{offer}" for offer in offers), "250 SIZE")
                continue
            if verb == "BDAT":
                peer.octets(int(line.split()[1]))
                chunks += 1
            answers.append("221 bye" if verb == "QUIT" else "250 ok")
            if is_first and chunks == 2:
                self.client_knows.set()
            if held and verb == "BDAT" and chunks - is_first == waits_for:
                held = False
                is_whole = not peer._unread and not select.select([peer.socket], [], [], 0.1)[0]
                self.windows.append("no more" if is_whole else "more")
            if not held or (is_first and chunks == 1):
                peer.say(*answers)
                answers = []


@pytest.mark.parametrize("offers", [OFFERS, (*OFFERS, "XOTHER")], ids=["alike", "another one"])
def test_each_session_learns_of_its_own_server_whether_it_knows_bdat(offers):
    # The first has sent one more, and learnt of one answer. Behind its name there may be others.
    server = Silent(offers, 65, 1)
    with serve(server) as served:
        with rsmtp.Mailer(
            host="127.0.0.1", port=served.port, tls="none", connections=3, timeout=5, retries=0
        ) as mailer:
            report = mailer.send_all([MESSAGE] * 1000)
    assert report.sent == 1000
    assert server.windows == ["no more"] * 3
