"""A connection that is lost at any octet of a window: receipts say what the server took."""

import asyncio
import collections
import itertools

import pytest
from client.scripted import serve

import rsmtp
from mailer.cutting import Cutting

NOBODY = "nobody@example.org"


def messages(count):
    """The second has one recipient too many."""
    return [
        (
            "a@example.org",
            [f"b{number}@example.org", *[NOBODY] * (number == 1)],
            b"Subject: %d\r\n\r\n.\r\n" % number,
        )
        for number in range(count)
    ]


def by_threads(server, count, **options):
    with rsmtp.Mailer(host="127.0.0.1", port=server.port, **options) as mailer:
        return mailer.send_all(messages(count))


def by_the_loop(server, count, **options):
    async def main():
        async with rsmtp.AsyncMailer(host="127.0.0.1", port=server.port, **options) as mailer:
            return await mailer.send_all(messages(count))

    return asyncio.run(main())


BY = {"Mailer": by_threads, "AsyncMailer": by_the_loop}


@pytest.mark.parametrize("side", ["heard", "said"])
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("offer", ["BDAT", "DATA", "plain"])
@pytest.mark.parametrize("how", BY)
@pytest.mark.timeout(120)
def test_at_every_octet(how, offer, reset, side):
    for at in itertools.count():
        cutting = Cutting(offer, **{side: at}, reset=reset, refuses=[NOBODY])
        with serve(cutting) as server:
            report = BY[how](server, 3, tls="none", backoff=0.001, timeout=20)
        check(cutting, report, reset, at)
        if not cutting.was_cut:
            break
    assert at > 100


@pytest.mark.parametrize("offer", ["BDAT", "DATA"])
@pytest.mark.parametrize("how", BY)
def test_with_leave_to_send_again_everything_arrives(how, offer):
    for at in itertools.count():
        cutting = Cutting(offer, said=at)
        with serve(cutting) as server:
            report = BY[how](server, 3, tls="none", backoff=0.001, timeout=20, resend_unknown=True)
        assert [len(receipt.sent) for receipt in report.receipts] == [1, 2, 1], at
        for receipt in report.receipts:
            assert 1 <= cutting.took.count(tuple(receipt.sent)) <= receipt.attempts, (at, receipt)
        if not cutting.was_cut:
            break
    assert at > 100


def check(cutting, report, reset, at):
    assert sorted(receipt.index for receipt in report.receipts) == [0, 1, 2], at
    took, told = collections.Counter(cutting.took), collections.Counter(cutting.told)
    for receipt in report.receipts:
        who = (f"b{receipt.index}@example.org",)
        if receipt.sent:
            assert receipt.sent == list(who), (at, receipt)
            assert took[who] == 1, (at, receipt)
            assert receipt.queue_id == who[0], (at, receipt)
        elif receipt.unknown:
            assert took[who] <= 1, (at, receipt)
            assert reset or not told[who], (at, receipt)
        else:
            raise AssertionError((at, receipt, receipt.recipients))
        if receipt.index == 1:
            one = receipt.recipients[-1] if receipt.recipients[-1].address == NOBODY else receipt.recipients[0]
            assert one.fate in ("refused", "unknown"), (at, receipt.recipients)
