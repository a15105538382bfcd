"""sendmail and send_message have the same wire bytes, results and exceptions as the standard
library."""

import email.message
import email.mime.multipart
import email.mime.text
import email.policy
import smtplib

import pytest

import rsmtp
from client.parity import both
from client.scripted import answering, serve

A, B, C, D = "a@example.org", "b@example.org", "c@example.org", "d@example.org"
EXTENSIONS = ["SIZE 1000000", "8BITMIME", "DSN"]
TEXT = "From: a@example.org\nSubject: s\n\nhello\n.\n..two\nlast"


def sending(to=B, text=TEXT, sender=A, **options):
    return [lambda c: c.sendmail(sender, to, text, **options), lambda c: c.quit()]


SENT = {
    "one recipient": sending(),
    "three recipients": sending([B, C, D]),
    "a tuple of recipients": sending((B, C)),
    "the null reverse-path": sending(sender=""),
    "display names": sending("Bob <b@example.org>", sender="Ann <a@example.org>"),
    "addresses in brackets": sending("<b@example.org>", sender="<a@example.org>"),
    "bytes": sending(text=b"Subject: s\r\n\r\nhello\r\n"),
    "8-bit bytes": sending(
        text="Subject: s\r\n\r\nGr\u00fc\u00dfe\r\n".encode(), mail_options=["BODY=8BITMIME"]
    ),
    "bare CR": sending(text="Subject: s\r\rhello\r"),
    "bare LF": sending(text="Subject: s\n\nhello"),
    "an empty message": sending(text=""),
    "a lone dot": sending(text="."),
    "mail options": sending(mail_options=["RET=HDRS", "ENVID=x"], rcpt_options=["NOTIFY=SUCCESS"]),
    "no recipient's options": sending(rcpt_options=None),
    "empty options": sending(mail_options="", rcpt_options=""),
    "two messages": sending()[:1] * 2,
    "a quoted local part": sending('"b c"@example.org'),
    "a name without a domain": sending("root"),
    "no recipient": sending([]),
}


@pytest.mark.parametrize("extensions", [EXTENSIONS, [], ["SIZE"]], ids=["modern", "none", "size"])
@pytest.mark.parametrize("name", SENT)
def test_what_is_sent(name, extensions):
    standard, ours = both(answering(extensions=extensions), SENT[name])
    if name == "no recipient":
        # The standard library raises only after MAIL, rsmtp before it.
        assert ours[0] == standard[0]
        return
    if name == "an empty message":
        # The standard library sends an empty line for an empty message. rsmtp sends nothing.
        assert ours[0] == standard[0]
        assert ours[1] == standard[1].replace("data\r\n\r\n.", "data\r\n.")
        return
    assert ours == standard


REFUSED = {
    "the sender": {"MAIL": "550 5.1.8 no"},
    "the sender for now": {"MAIL": "451 not now"},
    "the sender, with 421": {"MAIL": "421 going down"},
    "one of three": {"RCPT TO:<c": "550 who?"},
    "two of three": {"RCPT TO:<c": "550 who?", "RCPT TO:<b": "452 full"},
    "all": {"RCPT": "550 who?"},
    "all, each with its own words": {
        "RCPT TO:<b": "550 b?",
        "RCPT TO:<c": "551 c?",
        "RCPT TO:<d": "450 d?",
    },
    "251 and 250": {"RCPT TO:<b": "251 will forward"},
    "the second recipient, with 421": {"RCPT TO:<c": "421 going down"},
    "DATA": {"DATA": "554 no"},
    "DATA, for now": {"DATA": "451 not now"},
    "DATA, with 421": {"DATA": "421 going down"},
    "the mail data": {".": "554 5.7.1 spam"},
    "the mail data, for now": {".": "451 not now"},
    "the mail data, with 421": {".": "421 going down"},
    "the introduction": {"EHLO": "550 no", "HELO": "550 no"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    calls = [lambda c: c.sendmail(A, [B, C, D], TEXT), lambda c: c.noop()]
    standard, ours = both(answering(REFUSED[name], extensions=EXTENSIONS), calls)
    if name == "DATA, with 421":
        # The standard library leaves the connection open (cpython#132796).
        assert ours[0][1] == standard[0][1]
        assert ours[0][2][:2] == ("raised", "SMTPServerDisconnected")
        return
    assert ours[0] == standard[0]
    # After a refused DATA, the standard library leaves the transaction open. rsmtp sends RSET.
    tidied = ours[1].replace("rset\r\n", "") if name.startswith("DATA") else ours[1]
    assert tidied == standard[1]


def test_a_251_is_an_acceptance_and_a_252_too():
    """The standard library accepts only 250 and 251. RFC 5321 counts every 2yz as success."""
    script = answering({"RCPT": "252 we will see"}, extensions=EXTENSIONS)
    standard, ours = both(script, sending())
    assert standard[0][1][0] == "raised"
    assert ours[0][1] == ("returned", {})


def test_a_message_over_size_is_refused_before_it_is_sent():
    """The standard library declares its size and waits for the server's 552."""
    script = answering({"MAIL": "552 too big"}, extensions=["SIZE 10"])
    standard, ours = both(script, sending())
    assert ours[0][1] == ("raised", "SMTPSenderRefused", ours[0][1][2])
    assert ours[0][1][2]["smtp_code"] == standard[0][1][2]["smtp_code"] == 552
    assert ours[0][1][2]["sender"] == A
    assert "MAIL" not in ours[1]


def messages():
    plain = email.message.EmailMessage()
    plain["Subject"], plain["From"], plain["To"] = "s", f"Ann <{A}>", f"Bob <{B}>, {C}"
    plain["Bcc"] = D
    plain.set_content("hello\n.\nbye\n")
    sender = email.message.EmailMessage()
    sender["From"], sender["Sender"], sender["To"] = f"{A}, {B}", C, D
    sender.set_content("hello")
    resent = email.message.Message()
    resent["From"], resent["To"], resent["Bcc"] = A, B, "hidden@example.org"
    resent["Resent-Date"] = "Mon, 1 Jan 2024 00:00:00 +0000"
    resent["Resent-From"], resent["Resent-To"], resent["Resent-Bcc"] = C, D, "other@example.org"
    resent.set_payload("hello\n")
    resent_sender = email.message.Message()
    for name, value in resent.items():
        resent_sender[name] = value
    resent_sender["Resent-Sender"] = "s@example.org"
    resent_sender["Resent-Cc"] = B
    resent_sender.set_payload("x")
    classic = email.mime.multipart.MIMEMultipart("alternative", boundary="=b=")
    classic["From"], classic["To"], classic["Cc"] = A, B, C
    classic.attach(email.mime.text.MIMEText("Gr\u00fc\u00dfe", "plain", "utf-8"))
    classic.attach(email.mime.text.MIMEText("<b>x</b>", "html"))
    return {
        "plain with Bcc": plain,
        "Sender": sender,
        "Resent": resent,
        "Resent-Sender": resent_sender,
        "multipart": classic,
    }


@pytest.mark.parametrize("name", messages())
def test_send_message_of_the_standard_library(name):
    calls = [lambda c: c.send_message(messages()[name]), lambda c: c.quit()]
    standard, ours = both(answering(extensions=EXTENSIONS), calls)
    assert ours == standard
    assert "hidden@example.org" not in ours[1]
    assert "Bcc" not in ours[1]


@pytest.mark.parametrize("name", messages())
def test_send_message_with_an_envelope_of_its_own(name):
    calls = [lambda c: c.send_message(messages()[name], "x@example.org", ["y@example.org"])]
    standard, ours = both(answering(extensions=EXTENSIONS), calls)
    assert ours == standard


def test_two_blocks_of_resent_fields_are_a_valueerror():
    message = messages()["Resent"]
    message["Resent-Date"] = "Mon, 1 Jan 2024 00:00:00 +0000"
    standard, ours = both(answering(), [lambda c: c.send_message(message)])
    assert ours == standard
    assert ours[0][1][:2] == ("raised", "ValueError")


def test_our_message_takes_the_same_way():
    def message():
        return rsmtp.Message("hello\n", subject="s", from_=f"Ann <{A}>", to=[B], cc=[C], bcc=[D])

    with serve(answering(extensions=EXTENSIONS)) as server:
        with rsmtp.SmtpClient(server.host, server.port, timeout=20) as client:
            assert client.send_message(message()) == {}
        server.wait_for_end()
        heard = server.heard.decode()
    assert f"MAIL FROM:<{A}>" in heard
    assert [line for line in heard.splitlines() if line.startswith("RCPT")] == [
        f"RCPT TO:<{B}>",
        f"RCPT TO:<{D}>",
        f"RCPT TO:<{C}>",
    ]
    assert "Bcc" not in heard
    assert "\nSubject: s\r\n" in heard


def utf8_message():
    message = email.message.EmailMessage(policy=email.policy.SMTPUTF8)
    message["From"], message["To"], message["Subject"] = "j\u00fcrgen@example.org", B, "Gr\u00fc\u00dfe"
    message.set_content("hello\n")
    return message


def test_an_internationalized_address_needs_smtputf8():
    calls = [lambda c: c.send_message(utf8_message())]
    standard, ours = both(answering(extensions=EXTENSIONS), calls)
    assert ours == standard
    assert ours[0][1][:2] == ("raised", "SMTPNotSupportedError")


def test_an_internationalized_address_with_smtputf8():
    calls = [lambda c: c.send_message(utf8_message())]
    standard, ours = both(answering(extensions=[*EXTENSIONS, "SMTPUTF8"]), calls)
    assert ours[0] == standard[0]
    assert "SMTPUTF8" in ours[1]
    # The order of parameters is free (RFC 5321 section 4.1.1.11).
    assert sorted(ours[1].split()) == sorted(standard[1].split())


def test_handlers_written_for_the_standard_library_catch():
    with serve(answering({"RCPT": "550 no"})) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail(A, B, "x")
        assert caught.value.recipients == {B: (550, b"no")}
        client.close()
