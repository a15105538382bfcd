"""The catcher shows exactly what was sent."""

import datetime
import email.message
import smtplib
import time

import pytest

import rsmtp
from rsmtp.cli import catch_text
from rsmtp.testing.messages import SentMessage


def test_smtplib_delivers_a_message(catcher):
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        refused = client.sendmail(
            "ann@example.org",
            ["bob@example.org", "carl@example.net"],
            "Subject: hello\nTo: bob@example.org\n\n.first\n..second\n",
        )
    assert refused == {}
    [message] = catcher.wait_for(1)
    assert message.mail_from == "ann@example.org"
    assert message.rcpt_tos == ["bob@example.org", "carl@example.net"]
    assert message.data == b"Subject: hello\r\nTo: bob@example.org\r\n\r\n.first\r\n..second\r\n"
    assert message.size == len(message.data)
    assert message.mail_parameters == {"SIZE": str(len(message.data))}
    assert message.rcpt_parameters == [{}, {}]
    assert message.peer.startswith("127.0.0.1:")
    assert message.user is None
    assert message.tls is None
    assert not message.chunked
    assert message.queue_id == "1"
    assert message.number == 1
    age = datetime.datetime.now(datetime.UTC) - message.received_at
    assert abs(age) < datetime.timedelta(minutes=1)


def test_the_email_object_is_the_standard_library_s(catcher, deliver):
    deliver(catcher, "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n\nbody\n")
    [message] = catcher.messages
    assert isinstance(message.email, email.message.EmailMessage)
    assert message.email["subject"] == "grüße"
    assert message.email.get_content() == "body\n"
    assert message.email is message.email


def test_parts_too_deep_for_the_standard_library_leave_the_header(catcher, deliver):
    parts = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(1_000))
    deliver(catcher, "Subject: deep\n" + parts)
    [message] = catcher.messages
    assert message.email["subject"] == "deep"
    assert [type(defect).__name__ for defect in message.email.defects][:1] == ["NestedTooDeepDefect"]
    assert "Subject: deep" in catch_text.of_message(message, conversation=False)
    assert SentMessage(message).subject == "deep"
    assert "Subject: deep" in str(SentMessage(message))


def test_a_message_is_there_when_its_reply_is(catcher, deliver):
    for number in range(1, 51):
        deliver(catcher)
        assert catcher.count == number == len(catcher.messages)


def test_parameters_are_kept(catcher):
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        client.ehlo("me.example")
        client.mail("ann@example.org", ["BODY=8BITMIME", "RET=HDRS", "ENVID=q+2B1"])
        client.rcpt("bob@example.org", ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;x"])
        client.data(b"x")
    [message] = catcher.messages
    assert message.mail_parameters == {"BODY": "8BITMIME", "ENVID": "q+2B1", "RET": "HDRS"}
    assert message.rcpt_parameters == [{"NOTIFY": "SUCCESS,FAILURE", "ORCPT": "rfc822;x"}]
    assert message.helo == "me.example"


def test_utf8_addresses_need_smtputf8(catcher):
    text = email.message.EmailMessage()
    text["From"], text["To"], text["Subject"] = "änn@exämple.org", "bob@example.org", "x"
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        client.send_message(text)
        [message] = catcher.messages
        assert message.mail_from == "änn@exämple.org"
        assert message.mail_parameters["SMTPUTF8"] is None
        client.putcmd("MAIL FROM:<a@b>")
        assert client.getreply()[0] == 250
        client.send("RCPT TO:<ä@b>\r\n".encode())
        assert client.getreply()[0] == 553


def test_bdat_octets_are_kept_as_they_are(catcher, line):
    with line(catcher) as raw:
        raw.say("EHLO me")
        assert raw.say("MAIL FROM:<>", "RCPT TO:<b@c>") == [250, 250]
        raw.send(b"BDAT 4\r\n\r\n.\r" + b"BDAT 5 LAST\r\n\n\0\xff..")
        assert [raw.reply()[0], raw.reply()[0]] == [250, 250]
    [message] = catcher.messages
    assert message.data == b"\r\n.\r\n\0\xff.."
    assert message.mail_from == ""
    assert message.chunked


def test_only_crlf_dot_crlf_ends_mail_data(catcher, line):
    with line(catcher) as raw:
        assert raw.say("HELO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA") == [
            250,
            250,
            250,
            354,
        ]
        raw.send(b"1\n.\n2\r\n.\n3\n.\r\n4\r.\r5\r\n.\r\n")
        assert raw.reply()[0] == 250
    assert catcher.messages[0].data == b"1\n.\n2\r\n\n3\n.\r\n4\r.\r5\r\n"


def test_the_conversation_of_a_message_is_its_own(catcher):
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        client.sendmail("a@b", "first@c", "x")
        client.noop()
        client.sendmail("a@b", "second@c", "x")
    first, second = catcher.messages
    assert "c: rcpt to:<first@c>" in str(first.conversation).lower()  # 3.13 writes "to" so
    assert "c: rcpt to:<second@c>" in str(second.conversation).lower()
    assert "first" not in str(second.conversation)
    assert next(iter(second.conversation)) == "S: 220 localhost ESMTP rsmtp catcher"
    assert second.conversation.lines[-1] == "S: 250 2.0.0 Ok: queued as 2"
    [whole] = catcher.conversations
    assert "C: noop" in whole.lines
    assert "first" in str(whole)
    assert "second" in str(whole)
    assert len(whole) == len(whole.lines)


def test_a_connection_without_a_message_is_shown_too(catcher, line):
    with line(catcher) as raw:
        raw.say("EHLO me")
        [open_one] = catcher.conversations
        assert not open_one.closed
        assert open_one.helo == "me"
        raw.say("QUIT")
        raw.rest()
    [closed] = catcher.conversations
    assert closed.closed
    assert closed.lines[-1] == "S: 221 2.0.0 Bye"
    assert catcher.messages == []


def test_the_latest_are_kept_and_all_are_counted(deliver):
    with rsmtp.Catcher(tls="none", keep=2) as catcher:
        for number in range(5):
            deliver(catcher, to=f"{number}@example.org")
        assert catcher.count == 5
        assert [message.rcpt_tos for message in catcher.messages] == [
            ["3@example.org"],
            ["4@example.org"],
        ]
        catcher.clear()
        assert (catcher.count, catcher.messages) == (0, [])
        deliver(catcher)
        assert catcher.count == 1


def test_keeping_nothing_still_counts(deliver):
    with rsmtp.Catcher(tls="none", keep=0, max_size=100) as catcher:
        deliver(catcher)
        assert (catcher.count, catcher.messages) == (1, [])
        with smtplib.SMTP(catcher.host, catcher.port) as client:
            client.helo()
            with pytest.raises(smtplib.SMTPDataError):
                client.sendmail("a@b", "c@d", "x" * 101)


def test_waiting_ends_with_the_messages_or_with_the_time(catcher, deliver):
    with pytest.raises(TimeoutError, match=r"waited 0\.1 s for 1 message: 0 came"):
        catcher.wait_for(1, timeout=0.1)
    deliver(catcher)
    assert len(catcher.wait_for(1, timeout=0)) == 1
    assert len(catcher.wait_for(1, timeout=1e19)) == 1
    with pytest.raises(ValueError, match="timeout"):
        catcher.wait_for(1, timeout=-1)


def test_what_is_shown_says_what_it_is(catcher, deliver):
    deliver(catcher)
    assert repr(catcher).startswith("<Catcher smtp on 127.0.0.1:")
    assert catcher.password not in repr(catcher)
    assert repr(catcher.messages[0]) == (
        '<CaughtMessage from "ann@example.org" to ["bob@example.org"], 24 octets>'
    )
    # The client gets its 221 before the server's thread has closed.
    deadline = time.monotonic() + 5
    while "closed" not in repr(catcher.conversations[0]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "lines, closed>" in repr(catcher.conversations[0])
