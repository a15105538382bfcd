"""The fates in a receipt match what the server did."""

import os
import threading

import pytest
from client.scripted import answering, serve
from mailer.cutting import Cutting

import rsmtp
from rsmtp import errors

pytestmark = pytest.mark.usefixtures("either_mailer")

CONTENT = b"Subject: x\r\n\r\nhello\r\n"


def messages(count):
    return [
        ("a@example.org", [f"b{number}@example.org"], b"Subject: %d\r\n\r\n" % number)
        for number in range(count)
    ]


def mailer(server, **options):
    options = {"tls": "none", "backoff": 0.01, "timeout": 20, **options}
    return rsmtp.Mailer(host="127.0.0.1", port=server.port, **options)


def subjects(catcher):
    return sorted(int(message.email["Subject"]) for message in catcher.messages)


def test_a_partial_refusal(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), address="c@example.org")
    with mailer(catcher) as sender:
        receipt = sender.send(("a@example.org", ["b@example.org", "c@example.org"], CONTENT))
    assert not receipt.ok
    assert (receipt.sent, receipt.refused, receipt.unknown) == (["b@example.org"], ["c@example.org"], [])
    refused = receipt.recipients[1]
    assert (refused.fate, refused.stage, refused.code, refused.enhanced_code) == (
        "refused",
        "rcpt",
        550,
        "5.1.1",
    )
    assert not refused.transient
    with pytest.raises(errors.SMTPRecipientsRefused) as raised:
        receipt.raise_for_refused()
    assert raised.value.fates == {"b@example.org": "sent", "c@example.org": "refused"}
    assert receipt.queue_id and receipt.queue_id in repr(receipt)


def test_a_refused_sender_is_a_refusal_for_every_recipient(catcher):
    catcher.fault("MAIL", reply=(550, "5.7.1 not you"))
    with mailer(catcher) as sender:
        receipt = sender.send(("a@example.org", ["b@example.org", "c@example.org"], CONTENT), check=False)
    assert {(r.fate, r.stage, r.code) for r in receipt.recipients} == {("refused", "mail", 550)}
    with pytest.raises(errors.SMTPSenderRefused):
        receipt.raise_for_refused()
    assert catcher.messages == []


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "end-of-data"])
def test_a_refusal_for_the_time_being_is_tried_again(catcher, stage):
    catcher.fault(stage, reply=(451, "4.3.0 later"), times=1)
    with mailer(catcher) as sender:
        report = sender.send_all(messages(5))
    assert (report.sent, report.total) == (5, 5)
    assert subjects(catcher) == [0, 1, 2, 3, 4]
    assert sorted(receipt.attempts for receipt in report.receipts) == [1, 1, 1, 1, 2]


def test_only_those_who_were_refused_for_the_time_being_are_tried_again(catcher):
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), address="c@example.org", times=1)
    with mailer(catcher) as sender:
        receipt = sender.send(("a@example.org", ["b@example.org", "c@example.org"], CONTENT))
    assert receipt.ok and receipt.attempts == 2
    assert [message.rcpt_tos for message in catcher.messages] == [["b@example.org"], ["c@example.org"]]


def test_a_permanent_refusal_is_not_tried_again(catcher):
    catcher.fault("end-of-data", reply=(554, "5.6.0 no"))
    with mailer(catcher) as sender:
        receipt = sender.send(messages(1)[0], check=False)
    assert receipt.attempts == 1 and receipt.refused == ["b0@example.org"]
    with pytest.raises(errors.SMTPDataError):
        receipt.raise_for_refused()


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize("resend", [True, False])
def test_lost_after_the_end_is_unknown_and_sent_again_only_when_told_so(catcher, taken, resend):
    catcher.fault("end-of-data", disconnect=True, accept=taken, skip=1, times=1)
    with mailer(catcher, resend_unknown=resend) as sender:
        assert sender.send(messages(1)[0]).ok
        receipt = sender.send(messages(2)[1], check=False)
    if resend:
        assert receipt.ok and receipt.attempts == 2
        assert subjects(catcher) == ([0, 1, 1] if taken else [0, 1])
    else:
        assert receipt.unknown == ["b1@example.org"] and receipt.attempts == 1
        assert subjects(catcher) == ([0, 1] if taken else [0])
        with pytest.raises(errors.SMTPServerDisconnected):
            receipt.raise_for_refused()


@pytest.mark.parametrize("offer", ["BDAT", "DATA"])
def test_what_may_have_arrived_stays_unknown_where_the_content_cannot_be_read_again(tmp_path, offer):
    file = tmp_path / "report.bin"
    file.write_bytes(bytes(1000))
    message = rsmtp.Message("hi", from_="a@example.org", to="b@example.org", attachments=[file])
    # The server closes after it has taken the message and before it answers.
    before = {"BDAT": b"250 ok\r\n" * 2, "DATA": b"250 ok\r\n" * 2 + b"354 go on\r\n"}
    losing = Cutting(offer, said=len(before[offer]))

    def script(peer):
        if losing.was_cut:
            file.write_bytes(b"")
        losing(peer)

    with serve(script) as server, mailer(server, resend_unknown=True) as sender:
        receipt = sender.send(message, check=False)
    assert losing.took == [("b@example.org",)]
    assert receipt.attempts == 2 and isinstance(receipt.error, errors.SMTPContentError), receipt.error
    assert (receipt.unknown, receipt.not_sent) == (["b@example.org"], [])


@pytest.mark.parametrize("taken", [True, False])
def test_lost_in_the_middle_of_a_window(catcher, taken):
    """For all messages in flight: a sent one has arrived, one not sent was sent again, and an
    unknown one may be either."""
    catcher.fault("end-of-data", disconnect="reset", accept=taken, skip=100, times=1)
    with mailer(catcher, connections=1) as sender:
        report = sender.send_all(messages(1000))
    assert report.total == 1000
    assert report.sent + report.unknown == 1000 and report.unknown >= 1
    arrived = subjects(catcher)
    assert len(arrived) == len(set(arrived)), "sent twice"
    unknown = {receipt.index for receipt in report.receipts if receipt.unknown}
    assert set(range(1000)) - unknown <= set(arrived)


def test_421_in_the_middle_of_a_window_loses_nothing(catcher):
    catcher.fault("end-of-data", reply=(421, "4.3.2 enough"), skip=50, times=1)
    with mailer(catcher) as sender:
        report = sender.send_all(messages(500))
    assert report.ok and report.total == 500
    assert subjects(catcher) == list(range(500))
    assert len(catcher.conversations) == 2


def test_what_is_too_large_is_refused_before_it_is_sent():
    with serve(answering(extensions=["SIZE 100"])) as server:
        with mailer(server) as sender:
            receipt = sender.send(("a@example.org", ["b@example.org"], b"x" * 200), check=False)
        assert receipt.not_sent == ["b@example.org"]
        assert isinstance(receipt.error, errors.SMTPSenderRefused) and receipt.error.code == 552
        assert receipt.error.sender == receipt.error.address == "a@example.org"
        assert b"MAIL" not in server.heard


def test_a_server_without_pipelining_gets_one_command_at_a_time():
    with serve(answering()) as server:
        with mailer(server) as sender:
            assert sender.send_all(messages(20)).sent == 20
        assert server.heard.count(b"DATA\r\n") == 20


def test_without_chunking_the_next_envelope_goes_with_the_final_dot(catcher):
    with mailer(catcher, chunking=False) as sender:
        assert sender.send_all(messages(50)).sent == 50
    assert subjects(catcher) == list(range(50))
    lines = catcher.conversations[0].lines
    assert not any("BDAT" in line or "RSET" in line for line in lines)


def test_messages_that_cannot_be_sent_leave_the_others_alone(catcher):
    good = messages(1)[0]
    bad = [("a@@b", ["b@example.org"], CONTENT), ("a@example.org", [], CONTENT), 5, ("a", "b"),
           ("a@example.org", ["b@example.org, c@example.org"], CONTENT)]  # fmt: skip
    with mailer(catcher) as sender:
        report = sender.send_all([good, *bad, good])
    assert (report.sent, report.not_sent) == (2, 5)
    for receipt in report.troubles:
        assert receipt.message is [good, *bad][receipt.index]
        assert isinstance(receipt.error, (ValueError, TypeError, errors.SMTPRecipientsRefused)), receipt.error
        with pytest.raises(type(receipt.error)):
            receipt.raise_for_refused()
    rows = report.to_dicts()
    assert len(rows) == 7 and {row["fate"] for row in rows} == {"sent", "not sent"}
    assert "5 not sent" in str(report)


def test_messages_of_every_kind(catcher):
    import email.message

    stdlib = email.message.EmailMessage()
    stdlib["From"], stdlib["To"], stdlib["Bcc"] = "a@example.org", "b@example.org", "c@example.org"
    ours = rsmtp.Message("hi", from_="a@example.org", to="b@example.org", bcc="c@example.org", subject="x")
    with mailer(catcher) as sender:
        report = sender.send_all([stdlib, ours, ("a@example.org", "b@example.org", "text")])
    assert report.ok and report.total == 3
    first, second, third = sorted(catcher.messages, key=lambda message: len(message.rcpt_tos), reverse=True)
    assert sorted(first.rcpt_tos) == sorted(second.rcpt_tos) == ["b@example.org", "c@example.org"]
    assert third.rcpt_tos == ["b@example.org"]
    assert all(b"Bcc" not in message.data for message in catcher.messages)


EIGHT_BIT = ("a@example.org", ["b@example.org"], "Subject: x\n\nh\u00e9\n")
LOCAL_PART = ("\u00e9@example.org", ["b@ex\u00e4mple.org"], CONTENT)


def test_what_a_plain_server_cannot_take_is_not_sent_and_the_others_are():
    ours = rsmtp.Message("h\u00e9", from_="a@example.org", to="b@ex\u00e4mple.org", subject="\u00e9")
    with serve(answering(extensions=["PIPELINING"])) as server, mailer(server) as sender:
        report = sender.send_all([EIGHT_BIT, LOCAL_PART, ours, *messages(1)])
    assert (report.sent, report.not_sent) == (2, 2)
    errors_by_index = {receipt.index: receipt.error for receipt in report.receipts}
    assert isinstance(errors_by_index[0], errors.SMTPNotSupportedError)
    assert isinstance(errors_by_index[1], errors.SMTPNonASCIIAddress)
    assert report.to_retry == []
    assert server.heard.isascii() and b"<b@xn--exmple-cua.org>" in server.heard


def test_a_server_that_can_is_told_what_comes():
    extensions = ["PIPELINING", "8BITMIME", "SMTPUTF8"]
    with serve(answering(extensions=extensions)) as server, mailer(server) as sender:
        assert sender.send_all([EIGHT_BIT, LOCAL_PART]).sent == 2
    assert b"MAIL FROM:<a@example.org> BODY=8BITMIME\r\n" in server.heard
    assert "MAIL FROM:<\u00e9@example.org> SMTPUTF8\r\n".encode() in server.heard
    assert "RCPT TO:<b@ex\u00e4mple.org>\r\n".encode() in server.heard


def test_recipients_over_a_limit_that_the_server_did_not_tell_have_their_turn(catcher):
    for several in (3, 6):
        catcher.fault("RCPT", reply=(452, "4.5.3 too many recipients"), skip=several, times=9 - several)
    recipients = [f"b{number}@example.org" for number in range(9)]
    with mailer(catcher, retries=5) as sender:
        receipt = sender.send(("a@example.org", recipients, CONTENT))
    assert receipt.ok and sorted(receipt.sent) == recipients
    arrived = [who for message in catcher.messages for who in message.rcpt_tos]
    assert sorted(arrived) == recipients


def test_a_recipient_named_twice(catcher):
    with mailer(catcher) as sender:
        receipt = sender.send(("a@example.org", ["b@example.org"] * 2, CONTENT))
    assert receipt.ok and len(receipt.recipients) == 2
    assert [message.rcpt_tos for message in catcher.messages] == [["b@example.org"] * 2]


@pytest.mark.parametrize("refused", [1, 2, 3])
def test_a_recipient_named_twice_and_refused_for_the_time_being_is_twice_in_the_receipt(catcher, refused):
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), times=refused)
    with mailer(catcher, retries=5) as sender:
        receipt = sender.send(("a@example.org", ["b@example.org"] * 2, CONTENT))
    assert receipt.sent == ["b@example.org"] * 2
    assert [who for message in catcher.messages for who in message.rcpt_tos] == receipt.sent


def test_a_server_that_reads_no_further_until_its_replies_are_read():
    """The buffers of both sides are full and each waits for the other: 6 MB one way, 12 MB back."""
    wordy = ["250-" + "x" * 400] * 160 + ["250 ok"]
    content = b"x" * 76 * 1300 + b"\r\n"
    script = answering({"MAIL": wordy, "RCPT": wordy, "BDAT": wordy}, extensions=["PIPELINING", "CHUNKING"])
    with serve(script) as server, mailer(server) as sender:
        assert sender.send_all([("a@example.org", ["b@example.org"], content)] * 64).sent == 64
        assert len(server.peers) == 1


def test_a_data_frame(catcher):
    pandas = pytest.importorskip("pandas")
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), address="b1@example.org")
    with mailer(catcher) as sender:
        report = sender.send_all([*messages(3), "not a message"])
    frame = pandas.DataFrame(report.to_dicts())
    assert len(frame) == 4
    assert dict(frame["fate"].value_counts()) == {"sent": 2, "refused": 1, "not sent": 1}
    refused = frame[frame["fate"] == "refused"].iloc[0]
    assert (refused["address"], refused["code"], refused["enhanced_code"]) == ("b1@example.org", 550, "5.1.1")
    assert frame[frame["fate"] == "sent"]["queue_id"].notna().all()


def test_rates_hold():
    with rsmtp.Catcher(tls="none") as catcher, mailer(catcher, rate=100) as sender:
        report = sender.send_all(messages(30))
        assert report.ok and report.seconds > 0.15


def test_the_days_limit(catcher):
    with mailer(catcher, per_day=3) as sender:
        report = sender.send_all(messages(5))
    assert (report.sent, report.not_sent) == (3, 2)
    assert len(report.to_retry) == 2
    assert "day" in str(report.troubles[0].error)


def test_progress_is_told_and_ends_with_all(catcher):
    seen = []
    with mailer(catcher) as sender:
        sender.send_all(messages(10), progress=seen.append)
    assert seen[-1].finished and seen[-1].sent == 10 and seen[-1].total == 10
    assert not any(progress.finished for progress in seen[:-1])


def test_a_callback_that_raises_loses_neither_messages_nor_receipts(catcher):
    def told(progress):
        assert not progress.settled, "enough"

    with mailer(catcher, rate=100) as sender, pytest.raises(AssertionError, match="enough") as raised:
        sender.send_all(messages(30), progress=told)
    report = raised.value.report
    assert (report.sent, report.total) == (30, 30), report
    assert subjects(catcher) == list(range(30))


def test_a_bar(catcher, capsys):
    with mailer(catcher) as sender:
        sender.send_all(messages(10), progress=True)
    shown = capsys.readouterr().err
    assert "10/10" in shown and "msg" in shown


def test_a_stream_that_is_left_stops(catcher):
    with mailer(catcher) as sender:
        for receipt in sender.send_all(iter(messages(5000)), stream=True):
            assert receipt.ok
            break
        assert not any(thread.name == "rsmtp-session" for thread in threading.enumerate())
        # The mailer works as before.
        assert sender.send(messages(1)[0]).ok


def test_local_transports(tmp_path):
    with rsmtp.Mailer(f"file://{tmp_path}") as sender:
        report = sender.send_all(messages(3))
    assert report.ok
    assert sorted(path.stem for path in tmp_path.glob("*.eml")) == sorted(
        receipt.queue_id.removesuffix(".eml") for receipt in report.receipts
    )
    program = tmp_path / "sendmail"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.arguments"\ncat > "$0.input"\n')
    program.chmod(0o755)
    message = rsmtp.Message("x", from_="a@example.org", to="b@example.org", bcc="hidden@example.org")
    with rsmtp.Mailer(f"sendmail://{program}") as sender:
        assert sender.send(message).sent == ["b@example.org", "hidden@example.org"]
    assert (tmp_path / "sendmail.arguments").read_text().split() == [
        "-i",
        "-f",
        "a@example.org",
        "--",
        "b@example.org",
        "hidden@example.org",
    ]
    taken = (tmp_path / "sendmail.input").read_bytes()
    assert b"To: b@example.org\r\n" in taken
    assert b"Bcc" not in taken and b"hidden" not in taken
    with rsmtp.Mailer(f"sendmail://{program}") as sender:
        assert sender.send(("a@example.org", ["b@example.org"], CONTENT)).ok
    assert (tmp_path / "sendmail.input").read_bytes() == CONTENT
    program.write_text("#!/bin/sh\ncat > /dev/null\necho no space >&2\nexit 75\n")
    with rsmtp.Mailer(f"sendmail://{program}") as sender:
        receipt = sender.send(("a@example.org", ["b@example.org"], CONTENT), check=False)
    assert receipt.not_sent and str(receipt.error).endswith("did not take the message: no space")
    program.write_text("#!/bin/sh\ncat > /dev/null\nexit 75\n")
    with rsmtp.Mailer(f"sendmail://{program}") as sender:
        receipt = sender.send(("a@example.org", ["b@example.org"], CONTENT), check=False)
    assert str(receipt.error).endswith(
        "did not take the message: it failed, and said nothing (exit status: 75)"
    )
    with rsmtp.Mailer("null:") as sender:
        assert sender.send_all(messages(1000)).sent == 1000


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_message_in_a_folder_is_its_owner_s_alone(tmp_path):
    with rsmtp.Mailer(f"file://{tmp_path}") as sender:
        assert sender.send_all([("a@example.org", ["b@example.org"], "Subject: x\n\n")] * 50).ok
    files = list(tmp_path.iterdir())
    assert len(files) == 50 and {file.suffix for file in files} == {".eml"}
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
