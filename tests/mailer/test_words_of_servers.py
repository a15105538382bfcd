"""What a server says is shown without what would steer a terminal."""

import pytest

import rsmtp

STEERS = b"\x1b[2J\x07\xe2\x80\xaeevil"
MESSAGE = ("ann@example.org", ["bob@example.net"], b"Subject: x\r\n\r\nhi\r\n")


@pytest.mark.parametrize(
    "reply", [b"550-5.1.1 no\r\n550 5.1.1 %s\r\n" % STEERS, b"250 queued as 1%s\r\n" % STEERS]
)
@pytest.mark.parametrize("stage", ["RCPT", "end-of-data"])
def test_receipts_and_reports(catcher, stage, reply):
    catcher.fault(stage, reply=reply)
    with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none", retries=0) as mailer:
        receipt = mailer.send(MESSAGE, check=False)
        report = mailer.send_all([MESSAGE])
    shown = [
        str(receipt),
        repr(receipt),
        str(receipt.recipients[0]),
        repr(receipt.recipients[0]),
        str(report),
    ]
    assert all(line.isprintable() for text in shown for line in text.split("\n"))
    if not receipt.ok:
        # What it said is kept.
        assert STEERS.decode() in receipt.recipients[0].text
        assert "no 5.1.1 \\u{1b}[2J" in str(receipt) and "no 5.1.1 \\x1b[2J" in str(report)
