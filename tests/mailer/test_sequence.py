"""Servers that take no command before they have answered the message ahead of it."""

import select

import pytest
from client.scripted import serve

import rsmtp

pytestmark = pytest.mark.usefixtures("either_mailer")

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
OUT_OF_SEQUENCE = "503 Bad sequence of commands - pipelined after end of DATA"
# Haraka hangs up where more octets than this came behind the final dot.
MOST_BEHIND_DATA = 8192


class Haraka:
    """What Haraka does with commands that came behind the final dot."""

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
                # The message is being queued: more comes meanwhile, if it comes.
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
    # Once, and then it is known of this server, by later sessions too.
    assert haraka.out_of_sequence <= 2, haraka.out_of_sequence


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
