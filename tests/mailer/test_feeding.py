"""How a mailer takes messages from the caller's iterable."""

import email.message
import sys
import time
from collections import Counter

import pytest

import rsmtp

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")


@pytest.fixture
def sender(catcher):
    with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none", connections=2) as sender:
        yield sender


@pytest.mark.parametrize("stream", [False, True])
def test_no_message_waits_for_the_next_one(catcher, sender, stream):
    """A generator that waits, as one over a queue does, doesn't hold back the messages that it
    has given."""

    def in_bursts():
        given = 0
        for burst in (1, 5, 1, 30):
            for _ in range(burst):
                yield MESSAGE
            given += burst
            catcher.wait_for(given, timeout=20)
            time.sleep(0.005)  # long enough that the sessions fall asleep

    done = sender.send_all(in_bursts(), stream=stream)
    assert all(receipt.ok for receipt in (done if stream else done.receipts))
    assert catcher.count == 37


class Interrupting(email.message.EmailMessage):
    """A message that is interrupted by Ctrl-C while it is written out."""

    def walk(self):
        raise KeyboardInterrupt


def test_ctrl_c_while_a_message_is_prepared(catcher, sender):
    message = Interrupting()
    message["From"], message["To"] = "a@example.org", "b@example.org"
    taken = iter([MESSAGE, message, MESSAGE])
    with pytest.raises(KeyboardInterrupt) as raised:
        sender.send_all(taken)
    report = raised.value.report
    # The messages taken from the iterable are in the report, and the rest are still in the iterable.
    assert report.total == 2 and list(taken) == [MESSAGE]
    [prepared] = [receipt for receipt in report.receipts if receipt.message is message]
    assert prepared.index == 1 and "stopped" in str(prepared.error)
    assert report.not_sent >= 1


def test_many_that_can_not_be_sent(catcher, sender):
    bad = ("a@example.org", ["not an address"], b"x")
    report = sender.send_all([bad] * 3000 + [MESSAGE] + [object()] * 3000)
    assert (report.sent, report.not_sent, report.total) == (1, 6000, 6001)
    assert sorted(receipt.index for receipt in report.receipts) == list(range(6001))


def test_a_generator_may_send_too(catcher, sender):
    def each():
        for _ in range(3):
            assert sender.send(MESSAGE).ok
            yield MESSAGE

    assert sender.send_all(each()).sent == 3
    assert catcher.count == 6


TRACED = {"rsmtp.mailer", "rsmtp._mailer.feeding", "rsmtp._mailer.rounds"}


def interrupting(count):
    """A trace function that interrupts when the mailer reaches a given line, counted from the start."""
    left = count

    def trace(frame, event, _):
        nonlocal left
        if frame.f_globals.get("__name__") not in TRACED:
            return None
        left -= event == "line"
        if left == 0:
            raise KeyboardInterrupt
        return trace

    return trace


def test_no_receipt_is_lost_to_an_interrupt_at_any_line(sender, catcher):
    """In a stream, each receipt was yielded or is in the exception's report."""
    told = {}
    for count in range(1, 250):
        message = (*MESSAGE[:2], f"Subject: {count}\r\n\r\nhello\r\n")
        seen, report = [], None
        sys.settrace(interrupting(count))
        try:
            seen.extend(sender.send_all((message for _ in range(4)), stream=True))
        except KeyboardInterrupt as interrupt:
            report = getattr(interrupt, "report", None)
        finally:
            sys.settrace(None)
        told[str(count)] = seen + (report.receipts if report else [])
        if len(seen) == 4 and not report:
            break
    assert 20 < count < 249
    arrived = Counter(message.email["Subject"] for message in catcher.messages)
    for count, receipts in told.items():
        assert sorted(receipt.index for receipt in receipts) == list(range(len(receipts))), count
        sent = sum(receipt.ok for receipt in receipts)
        unknown = sum(bool(receipt.unknown) for receipt in receipts)
        assert sent <= arrived[count] <= sent + unknown, count


@pytest.mark.parametrize("count", [1, 40, 700])
def test_a_list_a_tuple_and_a_generator_come_to_the_same(catcher, sender, count):
    built = rsmtp.Message("hello", subject="x", from_="a@example.org", to="b@example.org")
    odd = [("a@example.org", "b@example.org", "text"), built, ("a@example.org", ["no\nhost"], b"x"), 7, True]
    many = [MESSAGE if number % 13 else odd[number // 13 % 5] for number in range(count)]

    def told(messages):
        receipts = sorted(sender.send_all(messages, stream=True), key=lambda receipt: receipt.index)
        assert [receipt.index for receipt in receipts] == list(range(count))
        assert all(receipt.message is message for receipt, message in zip(receipts, many, strict=True))
        return [(receipt.ok, str(receipt.error)) for receipt in receipts]

    expected = told(message for message in many)
    assert told(many) == expected
    assert told(tuple(many)) == expected
    assert told(iter(many)) == expected


@pytest.mark.parametrize("form", [list, tuple, iter, lambda rows: (row for row in rows)])
def test_a_bad_row_is_told_in_whatever_it_stands(catcher, sender, form):
    error = ValueError("no address")
    receipts = sender.send_all(form([MESSAGE, rsmtp.BadRow(2, {"to": ""}, error), MESSAGE]), stream=True)
    ok, bad, last = sorted(receipts, key=lambda receipt: receipt.index)
    assert ok.ok and last.ok and catcher.count == 2
    assert bad.message == {"to": ""} and bad.error is error
