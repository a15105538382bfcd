"""The inbox is tested with urllib and http.client, and in Debian's Chromium."""

import email.message
import smtplib
import threading

import pytest

import rsmtp
from browser import browser, open_page
from inbox.tools import Api, Tripwire
from rsmtp.inbox import Inbox

__all__ = ["browser", "open_page"]


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def inbox(catcher):
    with Inbox(catcher) as inbox:
        yield inbox


@pytest.fixture
def api(inbox):
    return Api(inbox)


@pytest.fixture
def send(catcher):
    """Sends octets, text or a message with smtplib."""

    def send(mail="Subject: hello\n\nbody\n", to="bob@example.org", sender="ann@example.org"):
        with smtplib.SMTP(catcher.host, catcher.port, timeout=50) as client:
            if isinstance(mail, email.message.Message):
                mail = mail.as_bytes()
            client.sendmail(sender, to, mail)
        return catcher.messages[-1].number

    return send


@pytest.fixture
def served(inbox):
    return inbox


@pytest.fixture
def tripwire():
    with Tripwire() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
