"""`rsmtp.django.OutboxBackend`, configured by EMAIL_BACKEND."""

import subprocess
import sys
import textwrap
import warnings

import pytest
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

import rsmtp
from rsmtp.django import OutboxBackend
from rsmtp.outbox import KeyInUse


@pytest.fixture(autouse=True)
def backend_of_the_project(tmp_path):
    with (
        warnings.catch_warnings(action="ignore", category=PendingDeprecationWarning),
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),
        override_settings(
            EMAIL_BACKEND="rsmtp.django.OutboxBackend",
            DEFAULT_FROM_EMAIL="Shop <shop@example.org>",
            RSMTP_OUTBOX={"path": tmp_path / "mail.db"},
        ),
    ):
        yield


def letter(text="Hello", key=None):
    message = mail.EmailMessage("Hello", text, None, ["ann@example.org"], ["hidden@example.org"])
    if key is not None:
        message.key = key
    return message


def test_messages_wait_in_the_file(tmp_path):
    message = letter()
    assert message.send() == 1
    assert (message.entry.state, message.entry.to_addrs) == (
        "queued",
        ["ann@example.org", "hidden@example.org"],
    )
    with rsmtp.Catcher() as catcher, rsmtp.Outbox(tmp_path / "mail.db") as outbox:
        assert outbox.run(rsmtp.Mailer(host=catcher.host, port=catcher.port)).sent == 1
        assert catcher.messages[0].rcpt_tos == ["ann@example.org", "hidden@example.org"]
        assert b"hidden" not in catcher.messages[0].data


def test_one_key_is_one_message():
    first, again = letter(key="invoice/7"), letter(key="invoice/7")
    assert (first.send(), again.send()) == (1, 1)
    assert first.entry.id == again.entry.id
    with pytest.raises(KeyInUse):
        letter("Another", key="invoice/7").send()


def test_a_bad_address_puts_nothing():
    backend = mail.get_connection()
    bad = mail.EmailMessage("A", "b", None, ["a@b.example, c@d.example"])
    with pytest.raises(ValueError, match="must be a single address"):
        backend.send_messages([letter(), bad])
    assert sum(backend.outbox.status().values()) == 0


@pytest.mark.parametrize("place", [{}, {"path": "a", "database": "default"}])
def test_where_it_is_has_to_be_told(place):
    with (
        override_settings(RSMTP_OUTBOX=place),
        pytest.raises(ImproperlyConfigured, match="either path, a file"),
    ):
        mail.get_connection()
    with pytest.raises(ImproperlyConfigured):
        OutboxBackend(**(place or {"path": "a", "database": "default"}))


PROJECT = """
import sys
import django
from django.conf import settings
settings.configure(
    DATABASES={name: {"ENGINE": "django.db.backends.sqlite3", "NAME": file}
               for name, file in {"default": "shop.db", "memory": ":memory:"}.items()},
    INSTALLED_APPS=["rsmtp.django"], DEFAULT_FROM_EMAIL="shop@example.org",
    EMAIL_BACKEND="rsmtp.django.OutboxBackend", RSMTP_OUTBOX={"database": "default"},
)
django.setup()
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
"""


def run(code, folder):
    done = subprocess.run(
        [sys.executable, "-c", PROJECT + textwrap.dedent(code)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_messages_are_part_of_the_transaction(tmp_path):
    run(
        """
        EmailMessage("outside", "", to=["a@example.org"]).send()
        with transaction.atomic():
            EmailMessage("committed", "", to=["a@example.org"]).send()
        try:
            with transaction.atomic():
                EmailMessage("rolled back", "", to=["a@example.org"]).send()
                sys.exit()
        except SystemExit:
            pass
        with transaction.atomic():
            try:
                with transaction.atomic():
                    EmailMessage("inner", "", to=["a@example.org"]).send()
                    raise KeyError
            except KeyError:
                pass
            EmailMessage("outer", "", to=["a@example.org"]).send()
        """,
        tmp_path,
    )
    with rsmtp.Outbox(tmp_path / "shop.db") as outbox:
        assert [entry.subject for entry in outbox.entries()] == ["outside", "committed", "outer"]


def test_a_process_that_is_killed_has_sent_what_it_committed(tmp_path):
    with rsmtp.Catcher() as catcher:
        code = """
        import os, signal
        with transaction.atomic():
            EmailMessage("committed", "", to=["a@example.org"]).send()
        with transaction.atomic():
            EmailMessage("not committed", "", to=["a@example.org"]).send()
            os.kill(os.getpid(), signal.SIGKILL)
        """
        with pytest.raises(AssertionError):
            run(code, tmp_path)
        with rsmtp.Outbox(tmp_path / "shop.db") as outbox:
            outbox.run(rsmtp.Mailer(host=catcher.host, port=catcher.port))
        assert [message.email["Subject"] for message in catcher.messages] == ["committed"]


def test_a_database_that_can_hold_none_is_told(tmp_path):
    told = run(
        """
        from django.core.exceptions import ImproperlyConfigured
        try:
            get_connection(database="memory").send_messages([EmailMessage("A", "", to=["a@example.org"])])
        except ImproperlyConfigured as error:
            print(error)
        """,
        tmp_path,
    )
    assert "'memory' is not an SQLite file" in told


def test_the_command(tmp_path):
    with rsmtp.Catcher() as catcher:
        told = run(
            f"""
            settings.EMAIL_HOST, settings.EMAIL_PORT = "{catcher.host}", {catcher.port}
            from django.core.management import call_command
            EmailMessage("A", "", to=["a@example.org"]).send()
            call_command("rsmtp_outbox", "status")
            call_command("rsmtp_outbox", "run")
            call_command("rsmtp_outbox", "show")
            """,
            tmp_path,
        )
    assert catcher.count == 1
    assert told.split()[:4] == ["queued", "1", "1", "sent"]
    assert "a@example.org  A" in told


SHOP = """
from django.db import connection
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("CREATE TABLE IF NOT EXISTS sold (number INTEGER)")
    cursor.execute("INSERT INTO sold VALUES (7)")
    EmailMessage("sold", "", to=["a@example.org"]).send()
"""


def test_the_first_message_of_a_process_comes_when_the_transaction_has_written(tmp_path):
    rsmtp.Outbox(tmp_path / "shop.db").close()
    for _ in range(2):
        run(SHOP, tmp_path)
    with rsmtp.Outbox(tmp_path / "shop.db") as outbox:
        assert [entry.subject for entry in outbox.entries()] == ["sold", "sold"]


def test_migrate_makes_the_tables(tmp_path):
    run(
        """
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        """,
        tmp_path,
    )
    # The first message of the project, in a transaction that has already written.
    run(SHOP, tmp_path)
    with rsmtp.Outbox(tmp_path / "shop.db", read_only=True) as outbox:
        assert [entry.subject for entry in outbox.entries()] == ["sold"]


def test_migrate_of_another_database_makes_none(tmp_path):
    run(
        """
        from django.core.management import call_command
        call_command("migrate", database="memory", verbosity=0)
        """,
        tmp_path,
    )
    assert not (tmp_path / "shop.db").exists()


def test_tables_that_a_transaction_keeps_from_being_made(tmp_path):
    with pytest.raises(AssertionError, match="`manage.py migrate` makes them"):
        run(SHOP, tmp_path)
    run(
        """
        from django.core.management import call_command
        call_command("rsmtp_outbox", "status")
        """,
        tmp_path,
    )
    run(SHOP, tmp_path)
