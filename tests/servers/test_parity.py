"""The same calls to smtplib and to rsmtp.smtplib have the same results and errors with real
servers.

Every exception has to be of the *standard library's* class, so that a script's existing handlers
still catch it.
"""

import contextlib
import email.message
import re
import smtplib
import socket
import ssl
import uuid

import pytest

ALICE, BOB, CAROL = "alice@bed.test", "bob@bed.test", "carol@bed.test"


@pytest.fixture
def connect(bed, client):
    """Opens connections to the bed's ports by role, and closes them after the test."""
    with contextlib.ExitStack() as opened:

        def connect(role="relay"):
            server = client.SMTP(bed.host, bed.ports[role], timeout=20)
            opened.callback(server.close)
            return server

        yield connect


@pytest.fixture
def logged_in(bed, connect, trusting):
    server = connect("submission")
    server.starttls(context=trusting)
    server.login(bed.username, bed.password)
    return server


@pytest.fixture
def subject():
    return f"parity {uuid.uuid4()}"


def text(subject, body="A line of text.\r\n"):
    return f"Subject: {subject}\r\n\r\n{body}"


# --- delivery -----------------------------------------------------------------


def test_delivers_through_starttls_and_login(bed, connect, trusting, subject):
    server = connect("submission")
    assert server.ehlo()[0] == 250
    assert server.starttls(context=trusting) == (220, b"2.0.0 Ready to start TLS")
    assert server.ehlo()[0] == 250
    assert server.login(bed.username, bed.password) == (235, b"2.7.0 Authentication successful")
    assert server.sendmail(ALICE, [BOB], text(subject)) == {}
    assert server.quit() == (221, b"2.0.0 Bye")
    assert b"with ESMTPSA" in bed.delivered("bob", subject)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_logs_in_with_each_mechanism(bed, connect, trusting, mechanism):
    server = connect("submission")
    server.starttls(context=trusting)
    server.ehlo()
    server.user, server.password = bed.username, bed.password
    method = getattr(server, "auth_" + mechanism.lower().replace("-", "_"))
    assert server.auth(mechanism, method) == (235, b"2.7.0 Authentication successful")


def test_delivers_over_implicit_tls(bed, client, trusting, subject):
    with client.SMTP_SSL(bed.host, bed.ports["smtps"], context=trusting, timeout=20) as server:
        server.login(bed.username, bed.password)
        assert server.sendmail(ALICE, BOB, text(subject)) == {}
    assert b"with ESMTPSA" in bed.delivered("bob", subject)


@pytest.mark.parametrize("role", ["relay", "no_chunking", "small", "old"])
def test_delivers_octet_for_octet(bed, connect, subject, role):
    body = "first\r\n.\r\n..two dots\r\n\r\n.hidden\r\n   \r\n" + "x" * 990 + "\r\nlast\r\n"
    assert connect(role).sendmail(ALICE, BOB, text(subject, body)) == {}
    delivered = bed.delivered("bob", subject)
    assert delivered.endswith(b"\n\n" + body.replace("\r\n", "\n").encode())


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_line_ends_become_one_kind(bed, connect, subject, line_end):
    data = text(subject, "one\r\ntwo\r\n").replace("\r\n", line_end)
    assert connect().sendmail(ALICE, BOB, data) == {}
    assert bed.delivered("bob", subject).endswith(b"\n\none\ntwo\n")


def test_bytes_are_sent_as_they_are(bed, connect, subject):
    data = text(subject, "Grüße\r\n").encode()
    assert connect().sendmail(ALICE, BOB, data, mail_options=["BODY=8BITMIME"]) == {}
    assert bed.delivered("bob", subject).endswith("\n\nGrüße\n".encode())


def test_one_connection_carries_many_messages(bed, connect, subject):
    server = connect()
    for number in range(20):
        assert server.sendmail(ALICE, BOB, text(f"{subject} {number:02}")) == {}
    server.quit()
    for number in range(20):
        bed.delivered("bob", f"{subject} {number:02}")


def test_send_message_takes_the_envelope_from_the_header_and_hides_bcc(bed, connect, subject):
    message = email.message.EmailMessage()
    message["Subject"] = subject
    message["From"] = f"Alice <{ALICE}>"
    message["To"] = f"Bob <{BOB}>"
    message["Bcc"] = CAROL
    message.set_content("hello")
    assert connect().send_message(message) == {}
    for user in ("bob", "carol"):
        delivered = bed.delivered(user, subject)
        assert b"\nBcc:" not in delivered
        assert b"Return-Path: <alice@bed.test>\n" in delivered


def test_send_message_to_an_internationalised_address(bed, connect, subject):
    message = email.message.EmailMessage()
    message["Subject"] = subject
    message["From"] = ALICE
    message["To"] = "jürgen@bed.test"
    message.set_content("hallo")
    assert connect().send_message(message) == {}
    assert b"with UTF8SMTP" in bed.delivered("jurgen", subject)


def test_internationalised_address_needs_the_extension(connect):
    message = email.message.EmailMessage()
    message["From"] = ALICE
    message["To"] = "jürgen@bed.test"
    with pytest.raises(smtplib.SMTPNotSupportedError):
        connect("old").send_message(message)


# --- refusals -----------------------------------------------------------------


def test_wrong_password(bed, connect, trusting):
    server = connect("submission")
    server.starttls(context=trusting)
    with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
        server.login(bed.username, "wrong")
    assert caught.value.smtp_code == 535
    assert caught.value.smtp_error.startswith(b"5.7.8 Error: authentication failed")
    assert caught.value.args == (535, caught.value.smtp_error)


def test_right_password_after_a_wrong_one(bed, connect, trusting):
    server = connect("submission")
    server.starttls(context=trusting)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        server.login(bed.username, "wrong")
    assert server.login(bed.username, bed.password)[0] == 235


def test_login_where_no_login_is_offered(connect):
    with pytest.raises(smtplib.SMTPNotSupportedError):
        connect().login("alice", "open-sesame")


def test_starttls_where_none_is_offered(connect):
    with pytest.raises(smtplib.SMTPNotSupportedError):
        connect("old").starttls()


def test_mail_before_starttls_where_tls_is_a_must(connect):
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        connect("submission").sendmail(ALICE, BOB, text("no"))
    assert caught.value.smtp_code == 530
    assert caught.value.sender == ALICE


def test_mail_before_login_where_login_is_a_must(connect, trusting):
    server = connect("submission")
    server.starttls(context=trusting)
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        server.sendmail(ALICE, BOB, text("no"))
    assert caught.value.smtp_code == 554


def test_unknown_recipient(logged_in):
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        logged_in.sendmail(ALICE, "nobody@bed.test", text("no"))
    ((address, (code, words)),) = caught.value.recipients.items()
    assert (address, code) == ("nobody@bed.test", 550)
    assert words.startswith(b"5.1.1 <nobody@bed.test>: Recipient address rejected")
    assert caught.value.args == (caught.value.recipients,)


def test_some_recipients_refused_and_the_rest_served(bed, connect, subject):
    refused = connect().sendmail(ALICE, ["nobody@bed.test", BOB, "busy@bed.test", CAROL], text(subject))
    assert {address: code for address, (code, _) in refused.items()} == {
        "nobody@bed.test": 550,
        "busy@bed.test": 450,
    }
    assert refused["busy@bed.test"][1].endswith(b"Try again later")
    bed.delivered("bob", subject)
    bed.delivered("carol", subject)


def test_sender_refused(connect):
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        connect().sendmail("banned@bed.test", BOB, text("no"))
    assert caught.value.smtp_code == 554
    assert caught.value.smtp_error.endswith(b"This sender may not send here")
    assert caught.value.sender == "banned@bed.test"
    assert caught.value.args == (554, caught.value.smtp_error, "banned@bed.test")


def test_too_large_told_by_the_size_extension(bed, connect):
    with pytest.raises(smtplib.SMTPSenderRefused) as caught:
        connect("small").sendmail(ALICE, BOB, text("no", "x" * 70 + "\r\n") * 2000)
    assert caught.value.smtp_code == 552


def test_too_large_found_out_at_the_end_of_mail_data(bed, connect):
    with pytest.raises(smtplib.SMTPDataError) as caught:
        connect("old").sendmail(ALICE, BOB, text("no", ("x" * 70 + "\r\n") * 2000))
    assert caught.value.smtp_code == 552


def test_content_refused(connect):
    with pytest.raises(smtplib.SMTPDataError) as caught:
        connect().sendmail(ALICE, BOB, "X-Refuse-Me: yes\r\n" + text("no"))
    assert caught.value.smtp_code == 550
    assert caught.value.smtp_error == b"5.7.1 Refused by content"


@pytest.mark.parametrize(
    "refused",
    [
        ("banned@bed.test", BOB, ""),
        (ALICE, "nobody@bed.test", ""),
        (ALICE, BOB, "X-Refuse-Me: yes\r\n"),
    ],
    ids=["sender", "recipient", "content"],
)
def test_conversation_goes_on_after_a_refusal(bed, connect, subject, refused):
    server = connect()
    sender, recipient, header = refused
    with pytest.raises(smtplib.SMTPException):
        server.sendmail(sender, recipient, header + text("no"))
    assert server.sendmail(ALICE, BOB, text(subject)) == {}
    bed.delivered("bob", subject)


# --- certificates and connections ---------------------------------------------


def test_starttls_with_a_certificate_of_an_unknown_authority(connect):
    with pytest.raises(ssl.SSLCertVerificationError):
        connect("submission").starttls(context=ssl.create_default_context())


def test_implicit_tls_with_a_certificate_of_an_unknown_authority(bed, client):
    with pytest.raises(ssl.SSLCertVerificationError):
        client.SMTP_SSL(bed.host, bed.ports["smtps"], context=ssl.create_default_context())


def test_certificate_for_another_name(bed, client, trusting):
    with pytest.raises(ssl.SSLCertVerificationError):
        client.SMTP_SSL("127.0.0.1", bed.ports["smtps"], context=trusting)


def test_no_server_listening(client):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            client.SMTP("127.0.0.1", unused.getsockname()[1])


def test_calls_before_connecting(client):
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.SMTP().ehlo()


def test_calls_after_quit(connect):
    server = connect()
    server.quit()
    with pytest.raises(smtplib.SMTPServerDisconnected):
        server.noop()


# --- LMTP ---------------------------------------------------------------------


@pytest.fixture(params=["tcp", "unix"])
def lmtp(request, bed, client):
    if request.param == "tcp":
        server = client.LMTP(bed.host, bed.ports["lmtp"])
    else:
        server = client.LMTP(bed.lmtp_socket)
    yield server
    server.close()


def test_lmtp_delivers(bed, lmtp, subject):
    assert lmtp.sendmail(ALICE, BOB, text(subject)) == {}
    bed.delivered("bob", subject)


def test_lmtp_unknown_recipient(bed, lmtp, subject):
    refused = lmtp.sendmail(ALICE, ["nobody@bed.test", BOB], text(subject))
    assert {address: code for address, (code, _) in refused.items()} == {"nobody@bed.test": 550}
    bed.delivered("bob", subject)


# --- command by command -------------------------------------------------------


def steps(server):
    """A conversation in small steps, with everything that a script can see of it."""
    yield "ehlo", server.ehlo("client.bed.test")
    yield "features", dict(server.esmtp_features)
    yield "does_esmtp", bool(server.does_esmtp)
    yield "size", (server.has_extn("SIZE"), server.has_extn("size"), server.has_extn("nothing"))
    yield "noop", server.noop()
    yield "verify", server.verify(BOB)
    yield "vrfy unknown", server.vrfy("nobody@bed.test")
    yield "expn", server.expn("staff")
    yield "help", server.help()
    yield "unknown command", server.docmd("BOGUS", "with arguments")
    yield "mail", server.mail(ALICE)
    yield "rcpt", server.rcpt(BOB)
    yield "rcpt refused", server.rcpt("nobody@bed.test")
    yield "rset", server.rset()
    yield "data out of order", server.docmd("DATA")
    yield "mail with options", server.mail(ALICE, ["SIZE=100", "BODY=8BITMIME"])
    yield "rcpt with options", server.rcpt(BOB, ["NOTIFY=NEVER"])
    yield "data", server.data(text("step by step"))
    server.putcmd("NOOP")
    yield "getreply", server.getreply()
    yield "helo", server.helo("client.bed.test")
    yield "resp", (server.ehlo_resp, server.helo_resp)
    yield "quit", server.quit()


def test_step_by_step_the_same_as_smtplib(bed, connect):
    with smtplib.SMTP(bed.host, bed.ports["relay"]) as reference:
        expected = list(steps(reference))
    assert anonymous(list(steps(connect()))) == anonymous(expected)


def anonymous(results):
    """Removes queue ids, which are new for each message."""
    return [re.sub(r"queued as \w+", "queued as ID", repr(step)) for step in results]
