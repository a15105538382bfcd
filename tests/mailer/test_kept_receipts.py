"""Receipts and reports survive pickling and conversion to JSON and back."""

import json
import pickle

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp.mailer import Report

MESSAGES = [
    ("ann@example.org", ["bob@example.org"], b"Subject: all\r\nMessage-ID: <1@example.org>\r\n\r\nhi\r\n"),
    ("ann@example.org", ["no@example.org", "later@example.org"], b"Subject: none\r\n\r\nhi\r\n"),
    ("", ["bob@example.org", "no@example.org"], b"Subject: some\r\n\r\nhi\r\n"),
    ("ann@example.org", ["not an address"], b"Subject: bad\r\n\r\nhi\r\n"),
]


@pytest.fixture(scope="module")
def report():
    replies = {
        "RCPT TO:<no@example.org>": b"550 5.1.1 no such user\r\n",
        "RCPT TO:<later@example.org>": b"450-4.2.0 gr\xc3\xa4ylisted\r\n450 4.2.0 later\r\n",
    }
    with serve(answering(replies)) as server:
        with rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", retries=0, timeout=20) as mailer:
            return mailer.send_all(MESSAGES)


def told(receipt):
    names = ("index", "from_addr", "ok", "sent", "refused", "unknown", "not_sent", "queue_id", "attempts",
             "server", "message_id")  # fmt: skip
    recipients = [
        (one.address, one.fate, one.stage, one.code, one.enhanced_code, one.text, one.transient)
        for one in receipt.recipients
    ]
    return [getattr(receipt, name) for name in names], recipients, str(receipt), repr(receipt)


def by_pickle(receipt):
    return pickle.loads(pickle.dumps(receipt))


def by_json(receipt):
    return type(receipt).from_dict(json.loads(json.dumps(receipt.to_dict())))


@pytest.mark.parametrize("way", [by_pickle, by_json])
@pytest.mark.parametrize("index", range(len(MESSAGES)))
def test_a_receipt_tells_the_same_when_it_is_read_back(report, way, index):
    (receipt,) = (one for one in report.receipts if one.index == index)
    again = way(way(receipt))
    assert told(again) == told(receipt)
    assert again.message == (receipt.message if way is by_pickle else None)
    assert (
        type(again.error) is type(receipt.error)
        if way is by_pickle
        else str(again.error) == str(receipt.error)
    )
    assert bool(again) == bool(receipt)
    with pytest.raises(ValueError, match="has no content"):
        again.sent_bytes()
    if not receipt.sent and receipt.recipients:
        with pytest.raises(rsmtp.SMTPRecipientsRefused):
            again.raise_for_refused()


@pytest.mark.parametrize("way", [by_pickle, by_json])
def test_a_recipient_too(report, way):
    for receipt in report.receipts:
        for recipient in receipt.recipients:
            again = way(recipient)
            assert (again.fate, again.text, again.transient) == (
                recipient.fate,
                recipient.text,
                recipient.transient,
            )
            assert repr(again) == repr(recipient)


@pytest.mark.parametrize("way", [by_pickle, by_json])
def test_a_report_too(report, way):
    again = way(report)
    assert str(again) == str(report) and again.seconds == report.seconds
    assert again.to_dicts() == report.to_dicts()
    if way is by_pickle:
        assert again.to_retry == report.to_retry


@pytest.mark.parametrize(
    "change, words",
    [
        ({"fate": "lost"}, "'lost' .* fate of no recipient|\"lost\""),
        ({"fate": "sent", "code": None}, "fate"),
        ({"address": "not an address"}, "address"),
        ({"code": "250"}, "code: is not what to_dict"),
    ],
)
def test_what_was_not_written_by_it_is_refused(report, change, words):
    good = next(one for one in report.receipts if one.sent).to_dict()
    bad = good | {"recipients": [good["recipients"][0] | change]}
    with pytest.raises(ValueError, match=words):
        rsmtp.Receipt.from_dict(bad)
    # Values that older versions did not write may be missing.
    for name in good.keys() - {"options", "options_left_out"}:
        without = {key: value for key, value in good.items() if key != name}
        with pytest.raises(ValueError, match=name):
            rsmtp.Receipt.from_dict(without)
    with pytest.raises(ValueError, match="to_dict"):
        Report.from_dict({})
    for kind in (rsmtp.Receipt, rsmtp.Recipient, Report):
        for other in (5, None, "{}", [{}]):
            with pytest.raises(TypeError, match=r"^told: what to_dict\(\) writes is wanted, not"):
                kind.from_dict(other)
