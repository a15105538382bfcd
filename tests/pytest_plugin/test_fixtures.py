"""The fixtures, used by another project's tests."""

import pytest

SEND = """
import smtplib

def send(server, to="bob@example.org", subject="Hello", text="It works.", sender="ann@example.org"):
    with smtplib.SMTP(server.host, server.port, timeout=10) as client:
        client.sendmail(sender, to, f"From: {sender}\\nTo: {to}\\nSubject: {subject}\\n\\n{text}\\n")
"""


def test_the_plugin_loads_nothing_until_a_fixture_is_used(project):
    result = project("""
        import sys

        def loaded():
            return sorted(name for name in sys.modules if name.split(".")[0] == "rsmtp")

        def test_without_a_fixture():
            assert loaded() == ["rsmtp", "rsmtp.pytest_plugin"]

        def test_with_one(smtp_server):
            assert "rsmtp._rsmtp" in loaded()
    """)
    result.assert_outcomes(passed=2)


def test_a_message_as_it_arrived(project):
    result = project("""
        import smtplib
        from email.message import EmailMessage

        def test_it(smtp_server, sent_messages):
            mail = EmailMessage()
            mail["From"], mail["To"], mail["Subject"] = "ann@example.org", "bob@example.org", "Grüße"
            mail["Bcc"] = "carol@example.org"
            mail.set_content("Read this.")
            mail.add_alternative("<p>Read <b>this</b>.</p>", subtype="html")
            mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
            with smtplib.SMTP(smtp_server.host, smtp_server.port) as client:
                client.login(smtp_server.username, smtp_server.password)
                client.send_message(mail)

            message = sent_messages.only()
            assert message.subject == "Grüße"
            assert "Read this." in message
            assert "<b>this</b>" in message
            assert "Goodbye" not in message
            assert message.text == "Read this.\\n"
            assert message.html == "<p>Read <b>this</b>.</p>\\n"
            assert message.attachments == {"a.pdf": b"%PDF"}
            assert message.rcpt_tos == ["bob@example.org", "carol@example.org"]
            assert message.mail_from == "ann@example.org"
            assert message.user == smtp_server.username
            assert message.tls is None
            assert b"carol" not in message.data
            assert message.email["To"] == "bob@example.org"
            assert sent_messages.to("CAROL@example.org").only() == message
            assert "C: DATA" in "\\n".join(message.conversation).upper()
            assert "Subject: Grüße" in str(message)
    """)
    result.assert_outcomes(passed=1)


def test_a_list_that_waits(project):
    result = project(
        SEND
        + """
import threading
import pytest
from rsmtp.testing import SentMessages, SmtpServer

def test_what_comes_later(smtp_server, sent_messages):
    assert not sent_messages
    assert len(sent_messages) == 0
    go = threading.Event()

    def later():
        assert go.wait(10)
        for number in range(3):
            send(smtp_server, subject=f"mail {number}")

    thread = threading.Thread(target=later)
    thread.start()
    go.set()
    assert sent_messages[2].subject == "mail 2"
    assert [message.subject for message in sent_messages.wait(3)] == ["mail 0", "mail 1", "mail 2"]
    thread.join()
    assert len(sent_messages) == 3
    assert sent_messages[-1].subject == "mail 2"
    assert [message.subject for message in sent_messages[:2]] == ["mail 0", "mail 1"]
    assert "It works." in sent_messages
    assert "Anything else" not in sent_messages
    sent_messages.clear()
    assert list(sent_messages) == []

def test_narrowed_down(smtp_server: SmtpServer, sent_messages: SentMessages):
    send(smtp_server, subject="one")
    send(smtp_server, to="carol@example.org", subject="two")
    send(smtp_server, to="carol@example.org", subject="three", sender="dave@example.org")
    assert sent_messages.to("bob@example.org").only().subject == "one"
    assert len(sent_messages.to("carol@example.org")) == 2
    assert sent_messages.to("carol@example.org").from_("dave@example.org").only().subject == "three"
    assert sent_messages.subject("wo").only().rcpt_tos == ["carol@example.org"]
    with pytest.raises(AssertionError, match="one message to carol@example.org was expected, 2 came"):
        sent_messages.to("carol@example.org").only()
    with pytest.raises(AssertionError, match="a message from <> did not arrive within 0 s, none did"):
        sent_messages.from_("").only(timeout=0)

def test_each_test_has_a_server_of_its_own(smtp_server, sent_messages):
    assert list(sent_messages) == []
"""
    )
    result.assert_outcomes(passed=3)


def test_the_time_to_wait_is_an_option_of_the_project(project, pytester):
    result = project("def test_it(sent_messages): sent_messages.wait(2)", "-o", "smtp_timeout=0.01")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*AssertionError: 2 messages did not arrive within 0.01 s, none did; arrived:"]
    )


def test_options_by_marker(project):
    result = project(
        SEND
        + """
import pytest

pytestmark = pytest.mark.smtp_server(require_auth=True, max_size=100)

def test_of_the_module(smtp_server):
    with pytest.raises(smtplib.SMTPSenderRefused):
        send(smtp_server)

@pytest.mark.smtp_server(require_auth=False)
def test_the_closest_one_wins(smtp_server):
    send(smtp_server)
    with pytest.raises(smtplib.SMTPSenderRefused):
        send(smtp_server, text="x" * 1000)

@pytest.mark.smtp_server(tls="implicit", require_auth=False)
def test_implicit_tls(smtp_server, sent_messages):
    with smtplib.SMTP_SSL(smtp_server.host, smtp_server.port, context=smtp_server.ssl_context) as client:
        client.sendmail("ann@example.org", "bob@example.org", "Subject: Hello\\n\\nIt works.\\n")
    assert sent_messages.only().tls.version == "TLSv1.3"
    assert smtp_server.url.startswith("smtps://")
"""
    )
    result.assert_outcomes(passed=3)


def test_faults(project):
    result = project(
        SEND
        + """
import pytest

def test_refused_once(smtp_server, sent_messages):
    smtp_server.fail_next("RCPT", (550, "5.1.1 No such user"))
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_server)
    send(smtp_server)
    assert len(sent_messages) == 1

def test_try_again_later(smtp_server):
    smtp_server.fail_next(times=2)
    for _ in range(2):
        with pytest.raises(smtplib.SMTPDataError) as raised:
            send(smtp_server)
        assert raised.value.smtp_code == 451
    send(smtp_server)

def test_lost_connection(smtp_server, sent_messages):
    smtp_server.fail_next("end-of-data", disconnect=True)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_server)
    assert not sent_messages

def test_by_address(smtp_server):
    smtp_server.fail_next("RCPT", address="carol@example.org")
    send(smtp_server, to="bob@example.org")
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send(smtp_server, to="carol@example.org")

def test_forgiven(smtp_server):
    smtp_server.fail_next("RCPT")
    smtp_server.clear_faults()
    send(smtp_server)

def test_nonsense(smtp_server):
    with pytest.raises(ValueError, match="no-such-stage"):
        smtp_server.fail_next("no-such-stage")
"""
    )
    result.assert_outcomes(passed=6)


def test_environment(project):
    result = project("""
        import os
        import smtplib, ssl

        def test_it(smtp_server_tls, sent_messages, smtp_environment):
            with smtplib.SMTP(os.environ["SMTP_HOST"], int(os.environ["SMTP_PORT"])) as client:
                client.starttls(context=ssl.create_default_context())
                client.login(os.environ["SMTP_USER"], os.environ["SMTP_PASSWORD"])
                client.sendmail("a@example.org", "b@example.org", "Subject: Hello\\n\\nIt works.\\n")
            assert sent_messages.only().user == smtp_environment["SMTP_USER"]
            assert os.environ["RSMTP_URL"] == smtp_server_tls.url

        def test_gone():
            assert "SMTP_PORT" not in os.environ
    """)
    result.assert_outcomes(passed=2)


def test_two_servers_are_asked_one_by_one(project):
    result = project("""
        def test_ambiguous(smtp_server, smtp_server_tls, sent_messages):
            pass

        def test_clear(smtp_server, smtp_server_tls):
            assert smtp_server.port != smtp_server_tls.port
            assert not smtp_server.messages and not smtp_server_tls.messages
    """)
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["*two servers: ask smtp_server.messages*"])


@pytest.mark.parametrize("workers", [3])
def test_workers_do_not_share_a_server(project, workers):
    result = project(
        SEND
        + """
import pytest

@pytest.mark.parametrize("number", range(12))
def test_mine(smtp_server, sent_messages, number):
    send(smtp_server, subject=f"mail {number}")
    assert sent_messages.only().subject == f"mail {number}"
""",
        "-n",
        str(workers),
    )
    result.assert_outcomes(passed=12)
