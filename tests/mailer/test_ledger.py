"""A ledger can record that the end of a message's mail data is about to be sent."""

import asyncio

import pytest

import rsmtp
from rsmtp._aio.sending import AsyncSending
from rsmtp._mailer.rounds import rounds

MESSAGES = [("ann@example.org", ["bob@example.net"], b"Subject: %d\r\n\r\nHello\r\n" % i) for i in range(300)]


def by_threads(url, note, **options):
    """Returns the receipts and the exception."""
    receipts = []
    with rsmtp.Mailer(url, **options) as mailer:
        sending = mailer._engine.send_all(True, 0, recorded=False, note=note)
        try:
            for _ in rounds(sending, MESSAGES, receipts):
                pass
        except Exception as raised:
            while sending.go_on(receipts):
                pass
            return receipts, raised
    return receipts, None


def by_a_loop(url, note, **options):
    async def run():
        async with rsmtp.AsyncMailer(url, **options) as mailer:
            sending = AsyncSending(mailer._pool, mailer._hops, MESSAGES, False, None, note=note)
            note.nudge = sending._nudge if hasattr(note, "nudge") else None
            try:
                return (await sending).receipts, None
            except Exception as raised:
                return raised.report.receipts, raised

    return asyncio.run(run())


class Immediately:
    def __init__(self, catcher):
        self.catcher = catcher
        self.noted = set()
        self.calls = 0

    def __call__(self, indexes, settled):
        arrived = {int(message.data.split(b"\r\n")[0][9:]) for message in self.catcher.messages}
        assert arrived <= self.noted, "an end was said before it was noted"
        self.noted.update(indexes)
        self.calls += 1
        return True


class Later(Immediately):
    """Answers "not yet" as often as it can, like a disk that a thread waits for."""

    nudge = None

    def __init__(self, catcher):
        super().__init__(catcher)
        self.waiting = set()

    def __call__(self, indexes, settled):
        if self.noted.issuperset(indexes):
            return True
        if not self.waiting:
            asyncio.get_running_loop().call_later(0.001, self.write)
        self.waiting.update(indexes)
        return False

    def write(self):
        super().__call__(self.waiting, {})
        self.waiting = set()
        self.nudge()


@pytest.mark.parametrize(
    "send, note", [(by_threads, Immediately), (by_a_loop, Immediately), (by_a_loop, Later)]
)
@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("chunking", [True, False])
def test_no_end_is_said_before_it_is_noted_and_one_note_does_for_many(send, note, connections, chunking):
    with rsmtp.Catcher() as catcher:
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        note = note(catcher)
        receipts, raised = send(url, note, connections=connections, chunking=chunking)
        assert raised is None
        assert len(receipts) == len(MESSAGES) and all(receipts)
        assert len(catcher.messages) == len(MESSAGES)
    assert note.noted == set(range(len(MESSAGES)))
    assert note.calls < len(MESSAGES) / 2 or not chunking


@pytest.mark.parametrize("send", [by_threads, by_a_loop])
def test_what_can_not_be_noted_is_not_sent(send):
    noted = []

    def note(indexes, settled):
        if len(noted) > 100:
            raise OSError(28, "No space left on device")
        noted.extend(indexes)
        return True

    with rsmtp.Catcher() as catcher:
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        receipts, raised = send(url, note, window=20)
        assert isinstance(raised, OSError) and raised.errno == 28
        arrived = {int(message.data.split(b"\r\n")[0][9:]) for message in catcher.messages}
    assert arrived <= set(noted) and len(noted) < len(MESSAGES)
    for receipt in receipts:
        if receipt.index not in noted:
            assert receipt.not_sent and not receipt.unknown
    assert {receipt.index for receipt in receipts if receipt.sent or receipt.unknown} == arrived
