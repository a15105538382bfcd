"""The connection is lost at any octet of a window. The receipts match what the server has taken."""

import collections
import itertools

import pytest
from client.scripted import serve
from mailer.cutting import Cutting

import rsmtp

pytestmark = pytest.mark.usefixtures("either_mailer")

UNKNOWN = "nobody@example.org"


def messages(count):
    """The second message has one recipient too many."""
    return [
        (
            "a@example.org",
            [f"b{number}@example.org", *[UNKNOWN] * (number == 1)],
            b"Subject: %d\r\n\r\n.\r\n" % number,
        )
        for number in range(count)
    ]


def send(server, count, **options):
    options = {"tls": "none", "backoff": 0.001, "timeout": 20, **options}
    with rsmtp.Mailer(host="127.0.0.1", port=server.port, **options) as mailer:
        return mailer.send_all(messages(count))


@pytest.mark.parametrize(
    ("offer", "side", "reset"),
    [
        ("BDAT", "heard", False),
        ("BDAT", "said", False),
        ("BDAT", "heard", True),
        ("DATA", "heard", False),
        ("DATA", "said", True),
        ("plain", "heard", False),
        ("plain", "said", True),
    ],
)
@pytest.mark.timeout(120)
def test_at_every_octet(offer, reset, side):
    for at in itertools.count():
        cutting = Cutting(offer, **{side: at}, reset=reset, refuses=[UNKNOWN])
        with serve(cutting) as server:
            report = send(server, 3)
        check(cutting, report, reset, at)
        if not cutting.was_cut:
            break
    assert at > 100


@pytest.mark.timeout(120)
@pytest.mark.parametrize("offer", ["BDAT", "DATA"])
def test_with_leave_to_send_again_everything_arrives(offer):
    for at in itertools.count():
        cutting = Cutting(offer, said=at)
        with serve(cutting) as server:
            report = send(server, 3, resend_unknown=True)
        assert {receipt.index: len(receipt.sent) for receipt in report.receipts} == {0: 1, 1: 2, 2: 1}, at
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
            one = (
                receipt.recipients[-1] if receipt.recipients[-1].address == UNKNOWN else receipt.recipients[0]
            )
            assert one.fate in ("refused", "unknown"), (at, receipt.recipients)
