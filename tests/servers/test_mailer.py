"""Mailer with a real Postfix: the receipts match Postfix's queue.

The role `held` keeps every message in the queue. The test finds a message there by the queue id in
its receipt, octet for octet, as often as it has arrived.
"""

import collections
import contextlib
import re
import threading
import uuid

import pytest

import rsmtp
from rsmtp import errors
from servers.bed import patience

MANY = 10_000


@pytest.fixture(autouse=True)
def clean(bed):
    """Each test starts with an empty queue and running servers."""
    bed.empty()
    yield
    bed.empty()


@pytest.fixture
def mailer(bed, trusting):
    """Makes a Mailer for the role `held`: STARTTLS, two sessions."""
    with contextlib.ExitStack() as opened:

        def mailer(**options):
            url = f"smtp://{bed.host}:{bed.ports['held']}"
            options = {"context": trusting, "timeout": 20, "connections": 2, **options}
            return opened.enter_context(rsmtp.Mailer(url, **options))

        yield mailer


class Messages:
    """Numbered messages, and a count of those that were requested."""

    def __init__(self, count, make=None):
        self.count, self.given = count, 0
        self.run = uuid.uuid4()
        self.make = make or (lambda number: {})

    def __iter__(self):
        for number in range(self.count):
            self.given += 1
            yield self[number]

    def __getitem__(self, number):
        made = {"sender": "alice@bed.test", "recipients": [f"user{number}@sink.test"], "header": ""}
        made.update(self.make(number))
        content = (
            f"From: alice@bed.test\r\nTo: everybody@sink.test\r\nSubject: message {number}\r\n"
            f"Date: Sat, 1 Aug 2026 12:00:00 +0000\r\nMessage-ID: <{number}.{self.run}@bed.test>\r\n"
            f"{made['header']}\r\nThis is number {number}.\r\n"
        )
        return made["sender"], made["recipients"], content.encode()

    def number(self, held):
        """The number of a message in the queue. Checks that it is complete and has no octets of
        another one."""
        number = int(re.search(rb"Message-ID: <(\d+)\.%b@" % str(self.run).encode(), held.content)[1])
        assert held.content.endswith(self[number][2]), held.content
        return number


def some_refused(number):
    """Refuses a tenth of the messages at each of these points: MAIL, RCPT, one of two RCPTs, and
    after the mail data."""
    return {
        2: {"sender": "banned@bed.test"},
        4: {"recipients": ["busy@bed.test"]},
        6: {"recipients": [f"user{number}@sink.test", "busy@bed.test"]},
        8: {"header": "X-Refuse-Me: yes\r\n"},
    }.get(number % 10, {})


# --- all of them --------------------------------------------------------------


@pytest.mark.timeout(180)
def test_ten_thousand_messages_are_in_the_queue_each_once(bed, mailer, log_before):
    messages = Messages(MANY)
    sending = mailer()
    report = sending.send_all(messages)
    assert (report.sent, report.total, len(report.receipts)) == (MANY, MANY, MANY), report
    held = bed.held()
    assert len(held) == MANY
    assert {queue_id: messages.number(one) for queue_id, one in held.items()} == {
        receipt.queue_id: receipt.index for receipt in report.receipts
    }
    assert all(one.recipients == [f"user{messages.number(one)}@sink.test"] for one in held.values())
    sending.close()
    assert commands(bed, log_before) == {"mail": MANY, "rcpt": MANY, "bdat": MANY}


def commands(bed, log_before):
    """The number of commands in mail transactions that Postfix counted in all sessions. It logs
    them when the sessions end."""
    with patience("Postfix does not say what it heard", bed.log) as again:
        while True:
            log = bed.log(after=log_before)
            if len(re.findall(r" disconnect from ", log)) == len(re.findall(r": connect from ", log)) > 0:
                break
            again()
    counted = collections.Counter()
    for line in re.findall(r" disconnect from .*", log):
        for verb, accepted in re.findall(r" (mail|rcpt|bdat|data)=(\d+)", line):
            counted[verb] += int(accepted)
    return dict(counted)


# --- Postfix is killed --------------------------------------------------------


class Killer(threading.Thread):
    """Kills Postfix with all its processes when this many messages are in its queue."""

    def __init__(self, bed, at, *, restart=False):
        super().__init__(daemon=True)
        self.bed, self.at, self.restart = bed, at, restart
        self.error = None

    def run(self):
        try:
            with patience(f"there are never {self.at} messages in the queue", self.bed.log) as again:
                while len(self.bed.whole_queue_files()) < self.at:
                    again()
            self.bed.stop(kill=True)
            if self.restart:
                self.bed.start()
        except BaseException as error:
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *raised):
        self.join(150)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error


def arrivals(bed, messages):
    """The recipient of each message in the queue, once for each time that it is there."""
    found = collections.defaultdict(list)
    for one in bed.held().values():
        found[messages.number(one)].append(one.recipients)
    return found


def check(bed, messages, report):
    """Checks that there is one receipt for each message, and that it agrees with the queue."""
    assert sorted(receipt.index for receipt in report.receipts) == list(range(messages.given))
    assert report.total == messages.given
    assert report.sent == sum(receipt.ok for receipt in report.receipts)
    assert report.unknown == sum(bool(receipt.unknown) for receipt in report.receipts)
    found = arrivals(bed, messages)
    for receipt in report.receipts:
        there = found.pop(receipt.index, [])
        if receipt.unknown:
            assert len(there) <= 1, receipt
            assert all(set(recipients) <= set(receipt.unknown) for recipients in there), receipt
        else:
            assert there == [receipt.sent] * bool(receipt.sent), receipt
    assert not found
    held = bed.held()
    for receipt in report.receipts:
        if receipt.sent:
            assert messages.number(held[receipt.queue_id]) == receipt.index, receipt


@pytest.fixture
def killed(bed):
    """Restarts the killed servers for the next test."""
    yield
    if bed.postfix_master() is None:
        bed.stop()
        bed.start()


@pytest.mark.parametrize("at", [1, 500, 2000])
@pytest.mark.usefixtures("killed")
@pytest.mark.timeout(240)
def test_receipts_agree_with_the_queue_of_a_killed_postfix(bed, mailer, at):
    messages = Messages(MANY, some_refused)
    sending = mailer(retries=0)
    with Killer(bed, at), pytest.raises(errors.SMTPException) as raised:
        sending.send_all(messages)
    report = raised.value.report
    check(bed, messages, report)
    assert report.not_sent and report.total < MANY
    assert len(bed.held()) >= at
    # The window is far smaller than this, so most messages have been answered.
    assert (report.sent and report.refused) or at == 1, report


@pytest.mark.usefixtures("killed")
@pytest.mark.timeout(240)
def test_a_postfix_that_comes_back_is_sent_the_rest(bed, mailer):
    messages = Messages(3000)
    sending = mailer(retries=20, backoff=0.1)
    with Killer(bed, 500, restart=True):
        report = sending.send_all(messages)
    check(bed, messages, report)
    assert (report.total, report.sent) == (3000, 3000 - report.unknown)


@pytest.mark.usefixtures("killed")
@pytest.mark.timeout(240)
def test_all_arrive_if_what_is_unknown_may_be_sent_again(bed, mailer):
    messages = Messages(3000)
    sending = mailer(retries=20, backoff=0.1, resend_unknown=True)
    with Killer(bed, 500, restart=True):
        report = sending.send_all(messages)
    assert (report.total, report.sent) == (3000, 3000)
    found = arrivals(bed, messages)
    assert sorted(found) == list(range(3000))
    attempts = {receipt.index: receipt.attempts for receipt in report.receipts}
    assert all(len(times) <= attempts[number] for number, times in found.items())
