"""send_message() takes its envelope from the headers and refuses to guess."""

import email.message

import pytest

import rsmtp

pytestmark = pytest.mark.usefixtures("either_driver")


@pytest.mark.parametrize(
    ("to", "recipients"),
    [
        ("b@example.org, C <c@example.org>", ["b@example.org", "c@example.org"]),
        ("Friends: b@example.org, c@example.org;", ["b@example.org", "c@example.org"]),
        ('"Doe, J" <j@example.org>', ["j@example.org"]),
        ("root", ["root"]),
    ],
)
def test_addresses_of_a_field(to, recipients):
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.SmtpClient("localhost", catcher.port) as client:
            message = email.message.Message()
            message["From"], message["To"] = "a@example.org", to
            assert client.send_message(message) == {}
        assert catcher.wait_for(1, 5)[0].rcpt_tos == recipients


@pytest.mark.parametrize("to", ["b@example.org <evil@example.net>", "b@@example.org", "b@exa mple.org"])
def test_what_can_be_read_in_two_ways_is_refused(to):
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.SmtpClient("localhost", catcher.port) as client:
            message = email.message.Message()
            message["From"], message["To"] = "a@example.org", to
            with pytest.raises(ValueError, match="To: "):
                client.send_message(message)
        assert catcher.count == 0


def test_text_is_no_message():
    with rsmtp.Catcher(tls="none") as catcher, rsmtp.SmtpClient("localhost", catcher.port) as client:
        with pytest.raises(TypeError, match="sendmail"):
            client.send_message("Subject: hi")


def test_login_before_starttls_says_what_to_do():
    with rsmtp.Catcher() as catcher, rsmtp.SmtpClient("localhost", catcher.port, tls="none") as client:
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="starttls"):
            client.login("user", "password")


def test_a_port_that_is_none():
    with pytest.raises(OverflowError, match="port: 99999"):
        rsmtp.SmtpClient("localhost", 99999)
