"""Servers that accept no command before they have answered the previous message."""

import select

import pytest
from client.scripted import serve

import rsmtp

pytestmark = pytest.mark.usefixtures("either_mailer")

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
OUT_OF_SEQUENCE = "503 Bad sequence of commands - pipelined after end of DATA"
# Haraka hangs up if more octets than this follow the final dot.
MOST_BEHIND_DATA = 8192


class Haraka:
    """Does what Haraka does with commands that follow the final dot."""

    def __init__(self):
        self.messages = []
        self.out_of_sequence = 0

    def __call__(self, peer):
        peer.say("220 haraka.example")
        recipients = []
        while line := peer.line():
            verb = line[:4].upper()
            if verb == "EHLO":
                peer.say("250-haraka.example", "250 PIPELINING")
            elif verb == "DATA":
                peer.say("354 go ahead")
                peer.mail_data()
                self.messages.append(recipients)
                recipients = []
                # The message is being queued, and more commands may arrive in that time.
                while select.select([peer.socket], [], [], 0.02)[0]:
                    if not peer._receive():
                        return
                    if len(peer._unread) > MOST_BEHIND_DATA:
                        return
                refused = peer._unread.count(b"\n")
                peer._unread = b""
                self.out_of_sequence += refused > 0
                peer.say("250 Message Queued", *[OUT_OF_SEQUENCE] * refused)
            elif verb == "QUIT":
                peer.say("221 bye")
                return
            else:
                if verb == "RCPT":
                    recipients.append(line)
                peer.say("250 ok")


@pytest.mark.parametrize("recipients", [1, 300])
def test_what_is_out_of_sequence_is_put_back_and_goes_alone(recipients):
    haraka = Haraka()
    addresses = [f"b{number}@example.org" for number in range(recipients)]
    messages = [("a@example.org", addresses, CONTENT)] * 12
    with serve(haraka) as server:
        with rsmtp.Mailer(
            host="127.0.0.1", port=server.port, tls="none", connections=1, retries=0, keep_idle=0
        ) as mailer:
            for _ in range(2):
                report = mailer.send_all(iter(messages), stream=True)
                receipts = list(report)
                assert all(receipt.ok and receipt.attempts == 1 for receipt in receipts)
                assert len(receipts) == 12
    assert [len(received) for received in haraka.messages] == [recipients] * 24
    # The server does this once. Later sessions know about it, too.
    assert haraka.out_of_sequence <= 2, haraka.out_of_sequence


class Strict(Haraka):
    """Says something else than 503 to what follows the final dot, nothing at all, or hangs up."""

    def __init__(self, each=None, goodbye=None, hangs_up=False):
        super().__init__()
        self.each, self.goodbye, self.hangs_up = each, goodbye, hangs_up

    def __call__(self, peer):
        peer.say("220 strict.example")
        while line := peer.line():
            verb = line[:4].upper()
            if verb == "EHLO":
                peer.say("250-strict.example", "250 PIPELINING")
            elif verb == "DATA":
                peer.say("354 go ahead")
                self.messages.append(peer.mail_data())
                while select.select([peer.socket], [], [], 0.02)[0] and peer._receive():
                    pass
                early, peer._unread = peer._unread.count(b"\n"), b""
                self.out_of_sequence += early > 0
                peer.say("250 queued", *[self.each] * (early if self.each else 0))
                if early and self.goodbye:
                    peer.say(self.goodbye)
                if early and self.hangs_up:
                    return
            elif verb == "QUIT":
                peer.say("221 bye")
                return
            else:
                peer.say("250 ok")


@pytest.mark.parametrize(
    "conduct",
    [
        {"each": "500 5.5.1 unexpected"},
        {"each": "554 SMTP synchronization error"},
        {"goodbye": "554 5.5.0 Error: SMTP protocol synchronization", "hangs_up": True},
        {"goodbye": "421 4.7.0 slamming", "hangs_up": True},
        {"hangs_up": True},
        {},
    ],
    ids=["500", "554", "554 and hangs up", "421", "hangs up", "silent"],
)
def test_what_came_too_early_goes_alone_whatever_the_server_says(conduct):
    strict = Strict(**conduct)
    contents = [b"Subject: %d\r\n\r\nhello\r\n" % number for number in range(12)]
    with serve(strict) as server:
        with rsmtp.Mailer(
            host="127.0.0.1", port=server.port, tls="none", connections=1, backoff=0.01, timeout=1
        ) as mailer:
            report = mailer.send_all([("a@example.org", "b@example.org", content) for content in contents])
    assert report.sent == 12, report
    assert sorted(strict.messages) == [content + b".\r\n" for content in sorted(contents)]
    assert strict.out_of_sequence <= 2, strict.out_of_sequence


def test_a_policy_against_the_sender_is_no_matter_of_sequence():
    asked = []

    def refuses(peer):
        peer.say("220 x")
        while line := peer.line():
            verb = line[:4].upper()
            if verb == "MAIL":
                asked.append(line)
            if verb == "DATA" and len(asked) == 1:
                peer.say("354 go ahead")
                peer.mail_data()
                peer.say("250 queued")
            elif verb == "EHLO":
                peer.say("250-x", "250 PIPELINING")
            else:
                peer.say(
                    "554 5.7.1 no mail from you" if "c@" in line else "250 ok" if len(asked) < 2 else "503"
                )

    with serve(refuses) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", connections=1) as mailer:
            senders = ("a@example.org", "c@example.org")
            report = mailer.send_all([(sender, "b@example.org", CONTENT) for sender in senders])
    assert (report.sent, report.refused) == (1, 1)
    assert len(asked) == 2


def test_a_503_to_a_message_that_goes_alone_is_a_refusal():
    def refuses(peer):
        peer.say("220 x")
        while line := peer.line():
            verb = line[:4].upper()
            greeting = ["250-x", "250 PIPELINING"]
            peer.say(*greeting if verb == "EHLO" else ["503 log in first" if verb == "MAIL" else "250 ok"])

    with serve(refuses) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", connections=1) as mailer:
            report = mailer.send_all([("a@example.org", "b@example.org", CONTENT)] * 3)
    assert report.refused == 3


class Exim:
    """Counts RSETs as Exim does. One RSET is free after each message whose content it has read.
    At the eleventh of the others it sends 554 and closes."""

    def __init__(self):
        self.messages = []
        self.sessions = 0
        self.closed = 0

    def __call__(self, peer):
        self.sessions += 1
        peer.say("220 exim.example")
        counted, is_free, recipients, sender = 0, True, 0, None
        while line := peer.line():
            verb = line[:4].upper()
            if verb == "EHLO":
                peer.say("250-exim.example", "250-PIPELINING", "250 CHUNKING")
            elif verb == "RSET":
                counted += not is_free
                is_free, recipients, sender = False, 0, None
                if counted > 10:
                    self.closed += 1
                    peer.say("554 Too many nonmail commands")
                    peer.half_close()
                    peer.until_closed()
                    return
                peer.say("250 Reset OK")
            elif verb == "MAIL":
                peer.say("503 sender already given" if sender else "250 OK")
                sender = line
            elif verb == "RCPT":
                known = "nobody" not in line
                recipients += known
                peer.say("250 Accepted" if known else "550 Unrouteable address")
            elif verb == "BDAT":
                content = peer.octets(int(line.split()[1]))
                if recipients:
                    self.messages.append(content)
                    is_free, recipients, sender = True, 0, None
                    peer.say("250 OK id=1sVxyz-0000Ab-2C")
                else:
                    peer.say("503 valid RCPT command must precede BDAT")
            else:
                peer.say("221 bye")
                return


@pytest.mark.parametrize("every", [1, 2, 10])
def test_no_session_says_more_resets_than_a_server_bears(every):
    exim = Exim()

    def messages():
        for number in range(200):
            who = "nobody" if number % every == 0 else "b"
            yield "a@example.org", f"{who}{number}@example.org", CONTENT

    with serve(exim) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", connections=1, retries=0) as mailer:
            report = mailer.send_all(messages())
    refused = 200 // every
    assert exim.closed == 0
    assert (report.sent, report.refused, report.unknown, report.not_sent) == (200 - refused, refused, 0, 0)
    assert len(exim.messages) == 200 - refused


def test_what_a_server_closes_upon_is_not_unknown():
    """All sessions start at once, so more RSETs than the server accepts are on their way before
    it answers."""
    exim = Exim()
    messages = [("a@example.org", f"b{number}@example.org", CONTENT) for number in range(100)]
    messages += [("a@example.org", f"nobody{number}@example.org", CONTENT) for number in range(60)]
    messages += messages[:100]
    with serve(exim) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", connections=1, retries=0) as mailer:
            report = mailer.send_all(messages)
    assert (report.sent, report.refused, report.unknown, report.not_sent) == (200, 60, 0, 0)
    assert len(exim.messages) == 200
