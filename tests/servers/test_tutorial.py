"""The tutorial's steps in one script, which runs before and after its imports change."""

import os
import subprocess
import sys
import uuid

import pytest

SCRIPT = """\
import smtplib
from email.mime.text import MIMEText

host = "{host}"
port = {port}
sender = "alice@bed.test"
login = "alice"
password = "{password}"
recipient = "{recipient}"

message = MIMEText("One line of text.")
message["Subject"] = "{subject}"
message["From"] = sender
message["To"] = recipient

try:
    server = smtplib.SMTP(host, port)
    server.ehlo()
    server.starttls()
    server.ehlo()
    server.login(login, password)
    server.sendmail(sender, recipient, message.as_string())
    print("sent")
except Exception as error:
    print(f"not sent: {{type(error).__name__}}: {{error}}")
finally:
    if "server" in locals() and server:
        server.quit()
"""

CHANGED_IMPORTS = {
    "import smtplib": "from rsmtp import smtplib",
    "from email.mime.text import MIMEText": "from rsmtp.email.mime.text import MIMEText",
}


@pytest.fixture(params=["smtplib", "rsmtp"])
def run(request, bed):
    """Runs the script unchanged or with its two import lines changed. Returns its output."""

    def run(**changes):
        values = {
            "host": bed.host,
            "port": bed.ports["submission"],
            "password": bed.password,
            "recipient": "bob@bed.test",
            "subject": "anything",
        }
        script = SCRIPT.format(**(values | changes))
        if request.param == "rsmtp":
            lines = script.splitlines()
            changed = [CHANGED_IMPORTS.get(line, line) for line in lines]
            assert sum(a != b for a, b in zip(lines, changed, strict=True)) == 2
            script = "\n".join(changed)
        finished = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "SSL_CERT_FILE": bed.ca_file},
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert finished.stderr == ""
        assert finished.returncode == 0
        return finished.stdout

    return run


def test_message_is_delivered(run, bed):
    subject = f"From the tutorial {uuid.uuid4()}"
    assert run(subject=subject) == "sent\n"
    message = bed.delivered("bob", subject)
    assert message.endswith(b"\n\nOne line of text.\n")
    assert b"using TLSv1.3" in message
    assert b"with ESMTPSA" in message


def test_wrong_password_is_reported(run):
    printed = run(password="wrong")
    assert printed.startswith("not sent: SMTPAuthenticationError: ")
    assert "535" in printed
    assert "5.7.8 Error: authentication failed" in printed


def test_unknown_recipient_is_reported(run):
    printed = run(recipient="nobody@bed.test")
    assert printed.startswith("not sent: SMTPRecipientsRefused: ")
    assert "550" in printed
    assert "5.1.1 <nobody@bed.test>: Recipient address rejected" in printed


def test_no_server_listening_is_reported(run):
    printed = run(port=1)
    assert printed.startswith("not sent: ")
    assert "Connection refused" in printed
