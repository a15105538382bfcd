"""The errors of `send` and its receipts match what was sent."""

import copy
import pickle

import pytest
from client.scripted import answering, serve

import rsmtp

pytestmark = pytest.mark.usefixtures("either_mailer")

CONTENT = b"Subject: x\r\nMessage-ID: <mine@example.org>\r\n\r\nhello\r\n"


def mailer(server, **options):
    return rsmtp.Mailer(host="127.0.0.1", port=server.port, tls="none", timeout=20, retries=0, **options)


def letter(**fields):
    return rsmtp.Message(
        "hällo", **({"subject": "s", "from_": "a@example.org", "to": "b@example.org"} | fields)
    )


def test_a_refusal_of_every_recipient_raises(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"))
    with mailer(catcher) as sender:
        with pytest.raises(rsmtp.SMTPRecipientsRefused, match="no such user") as raised:
            sender.send(letter())
        assert raised.value.receipt.refused == ["b@example.org"]
        receipt = sender.send(letter(), check=False)
    assert not receipt and not receipt.ok
    assert str(receipt) == "b@example.org refused: 550 5.1.1 no such user"


def test_a_server_that_wants_a_login_raises():
    wants_login = {"MAIL": b"530 5.7.0 Authentication required\r\n"}
    with serve(answering(wants_login)) as server, mailer(server) as sender:
        with pytest.raises(rsmtp.SMTPSenderRefused, match="Authentication required"):
            sender.send(letter())


def test_a_refusal_of_some_is_told_by_the_receipt(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), address="c@example.org")
    with mailer(catcher) as sender:
        receipt = sender.send(letter(to=["b@example.org", "c@example.org"]))
        assert sender.send(letter())
    assert not receipt
    sent, refused = str(receipt).splitlines()
    assert sent.startswith("b@example.org sent: 250 ")
    assert refused == "c@example.org refused: 550 5.1.1 no such user"
    assert isinstance(receipt.recipients, list) and isinstance(receipt.recipients[0], rsmtp.Recipient)


def test_send_all_reports(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), address="c@example.org")
    with mailer(catcher) as sender:
        report = sender.send_all([letter(), letter(to="c@example.org")])
    assert (report.sent, report.refused) == (1, 1)


def test_date_and_message_id_are_known(catcher):
    message = letter(bcc="z@example.org", attachments=[("a.bin", bytes(100_000))])
    with mailer(catcher) as sender:
        first, second = sender.send(message), sender.send(message)
    for caught, receipt in zip(catcher.wait_for(2, 10), (first, second), strict=True):
        assert caught.email["Message-ID"] == receipt.message_id == message["Message-ID"]
        assert caught.email["Date"] == message["Date"]
        assert caught.data == receipt.sent_bytes()
        assert b"\nBcc:" not in caught.data
    assert first.sent_bytes() == second.sent_bytes()


def test_a_message_that_is_changed_is_another_one(catcher):
    message = letter()
    with mailer(catcher) as sender:
        sent = [sender.send(message)]
        copies = copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))
        for one in copies:
            assert one["Message-ID"] == sent[0].message_id
        changes = [
            lambda m: m.__setitem__("X-Tag", "1"),
            lambda m: m.__delitem__("X-Tag"),
            lambda m: m.replace_header("Subject", "other"),
            lambda m: m.set_payload("other"),
            lambda m: m.add_attachment(b"x", filename="x"),
        ]
        for change in changes:
            change(message)
            assert message["Message-ID"] is None and message["Date"] is None
            sent.append(sender.send(message))
        for one in copies:
            one["X-Tag"] = "2"
            assert one["Message-ID"] is None
    assert len({receipt.message_id for receipt in sent}) == len(changes) + 1
    # Each receipt still knows which message was sent.
    assert [receipt.sent_bytes() for receipt in sent] == [caught.data for caught in catcher.wait_for(6, 10)]


def test_a_message_id_of_the_callers_own_stays(catcher):
    message = letter(headers={"Message-ID": "<mine@example.org>", "Date": "Mon, 01 Jan 2024 00:00:00 +0000"})
    with mailer(catcher) as sender:
        assert sender.send(message).message_id == "<mine@example.org>"
        message["X-Tag"] = "1"
        receipt = sender.send(message)
        assert receipt.message_id == message["Message-ID"] == "<mine@example.org>"
        message.replace_header("Message-ID", "<other@example.org>")
        assert sender.send(message).message_id == "<other@example.org>"
        raw = sender.send(("a@example.org", "b@example.org", CONTENT))
        assert raw.message_id == "<mine@example.org>" and raw.sent_bytes() == CONTENT
        assert sender.send(("a@example.org", "b@example.org", b"no\nheader\n")).message_id is None


def test_a_supplied_field_may_be_set_afterwards(catcher):
    message = letter()
    with mailer(catcher) as sender:
        sender.send(message)
        message.replace_header("Message-ID", "<mine@example.org>")
        assert sender.send(message).message_id == "<mine@example.org>"
    assert [m.email.get_all("Message-ID") for m in catcher.wait_for(2, 10)][1] == ["<mine@example.org>"]


ROWS = [{"to": f"b{number}@example.org"} for number in range(20)]
ROWS[7] = {"to": "bad address@example.org"}
ROWS[11] = {}


def test_one_bad_row_stops_no_other(catcher):
    with mailer(catcher) as sender:
        report = sender.send_all(ROWS, make=lambda row: letter(to=row["to"]))
    assert (report.sent, report.not_sent) == (18, 2)
    bad, missing = report.troubles
    assert (bad.index, bad.message, missing.index, missing.message) == (7, ROWS[7], 11, {})
    assert isinstance(bad.error, ValueError) and isinstance(missing.error, KeyError)
    assert bad.error.__notes__ == ["row 7: {'to': 'bad address@example.org'}"]
    assert "7: to: " in str(report) and "(row 7: {'to': 'bad address@example.org'})" in str(report)
    assert "(row 11: {})" in str(report)
    assert catcher.count == 18


def test_rows_of_a_generator_that_looks_like_messages(catcher):
    """A row is never mistaken for a message."""
    rows = (("a@example.org", to, b"x") for to in ("b@example.org", "bad address@example.org"))
    with mailer(catcher) as sender:
        report = sender.send_all(rows, make=lambda row: letter(to=row[1]))
    assert (report.sent, report.not_sent) == (1, 1)
    assert report.troubles[0].message[1] == "bad address@example.org"


def test_a_generator_that_raises_says_what_helps(catcher):
    def letters():
        yield letter()
        yield letter(to="bad address@example.org")

    with mailer(catcher) as sender:
        with pytest.raises(ValueError, match="^to: ") as raised:
            sender.send_all(letters())
    assert raised.value.report.sent == 1
    assert "make=" in raised.value.__notes__[0]
