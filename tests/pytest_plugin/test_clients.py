"""The fixtures work with the clients that projects use."""

import sys

import pytest

from rsmtp.testing import SmtpServer

CLIENTS = """
import asyncio
import aiosmtplib
import smtplib
import rsmtp

MESSAGE = "From: ann@example.org\\nTo: bob@example.org\\nSubject: Hello\\n\\nIt works.\\n"

def test_smtplib(smtp_server_tls, sent_messages):
    with smtplib.SMTP(smtp_server_tls.host, smtp_server_tls.port) as client:
        client.starttls(context=smtp_server_tls.ssl_context)
        client.login(smtp_server_tls.username, smtp_server_tls.password)
        client.sendmail("ann@example.org", ["bob@example.org"], MESSAGE)
    assert "It works." in sent_messages.only()
    assert sent_messages.only().tls

def test_rsmtp(smtp_server_tls, sent_messages):
    server = smtp_server_tls
    with rsmtp.SmtpClient(server.host, server.port, tls="starttls", context=server.tls_config) as client:
        client.login(server.username, server.password)
        client.sendmail("ann@example.org", ["bob@example.org"], MESSAGE)
    assert "It works." in sent_messages.only()

def test_aiosmtplib(smtp_server_tls, sent_messages):
    server = smtp_server_tls
    asyncio.run(
        aiosmtplib.send(
            MESSAGE,
            sender="ann@example.org",
            recipients=["bob@example.org"],
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            start_tls=True,
            tls_context=server.ssl_context,
        )
    )
    assert "It works." in sent_messages.only()
"""

DJANGO = """
import django
import pytest
from django.conf import settings
from django.core.mail import send_mail
from django.test.utils import override_settings

settings.configure()

# From 6.1 on Django says that these settings will go: `django_mailers` are for MAILERS.
pytestmark = pytest.mark.filterwarnings("ignore:The EMAIL_.* setting is deprecated")

def test_starttls(smtp_server_tls, sent_messages, smtp_environment):
    with override_settings(**smtp_server_tls.django_settings):
        send_mail("Hello", "It works.", "ann@example.org", ["bob@example.org"])
    message = sent_messages.to("bob@example.org").only()
    assert "It works." in message
    assert message.tls and message.user == smtp_server_tls.username

@pytest.mark.smtp_server(tls="implicit")
def test_implicit(smtp_server, sent_messages, smtp_environment):
    with override_settings(**smtp_server.django_settings):
        send_mail("Hello", "It works.", "ann@example.org", ["bob@example.org"])
    assert "It works." in sent_messages.only()

def test_plain(smtp_server, sent_messages):
    with override_settings(**smtp_server.django_settings):
        send_mail("Hello", "It works.", "ann@example.org", ["bob@example.org"])
    assert "It works." in sent_messages.only()
"""


def test_smtplib_rsmtp_aiosmtplib(project):
    project(CLIENTS).assert_outcomes(passed=3)


def test_django(project):
    project(DJANGO).assert_outcomes(passed=3)


MAILERS = """
import pytest
from django.conf import settings
from django.core.mail import send_mail
from django.test.utils import override_settings

settings.configure(MAILERS={})

def sends(server, sent_messages):
    with override_settings(MAILERS=server.django_mailers):
        send_mail("Hello", "It works.", "ann@example.org", ["bob@example.org"])
    return sent_messages.only()

def test_starttls(smtp_server_tls, sent_messages, smtp_environment):
    message = sends(smtp_server_tls, sent_messages)
    assert message.tls and message.user == smtp_server_tls.username

@pytest.mark.smtp_server(tls="implicit")
def test_implicit(smtp_server, sent_messages, smtp_environment):
    assert sends(smtp_server, sent_messages).tls

def test_plain(smtp_server, sent_messages):
    assert "It works." in sends(smtp_server, sent_messages)
"""


def test_django_mailers_are_what_the_settings_say():
    with SmtpServer(tls="implicit") as server:
        mailer = server.django_mailers["default"]
        assert mailer["BACKEND"] == server.django_settings["EMAIL_BACKEND"]
        same = {"host": "HOST", "port": "PORT", "username": "HOST_USER", "password": "HOST_PASSWORD"}
        same |= {"use_tls": "USE_TLS", "use_ssl": "USE_SSL"}
        for option, setting in same.items():
            assert mailer["OPTIONS"].pop(option) == server.django_settings[f"EMAIL_{setting}"]
        assert mailer["OPTIONS"] == {}


@pytest.mark.skipif(
    sys.version_info < (3, 12), reason="MAILERS came with Django 6.1, which wants Python 3.12"
)
def test_django_mailers(project):
    pytest.importorskip("django")
    project(MAILERS).assert_outcomes(passed=3)
