"""`rsmtp.django.EmailBackend`, configured by EMAIL_BACKEND and by MAILERS."""

import os
import ssl
import warnings
from concurrent.futures import ThreadPoolExecutor

import django
import pytest
from django.core import mail
from django.test import override_settings
from django.utils.functional import cached_property

import rsmtp
from rsmtp._rsmtp import _new_dkim_key
from rsmtp.django import EmailBackend
from rsmtp.django.backend import EmailBackend as Backend

MAILERS = django.VERSION >= (6, 1)
only_mailers = pytest.mark.skipif(not MAILERS, reason="MAILERS came with Django 6.1, which wants Python 3.12")


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


@pytest.fixture(autouse=True)
def backend_of_the_project(catcher):
    # Django 6.1 deprecates EMAIL_BACKEND and its related settings, and warns at each use.
    with (
        warnings.catch_warnings(action="ignore", category=PendingDeprecationWarning),
        warnings.catch_warnings(action="ignore", category=DeprecationWarning),
        override_settings(
            EMAIL_BACKEND="rsmtp.django.EmailBackend",
            EMAIL_HOST=catcher.host,
            EMAIL_PORT=catcher.port,
            DEFAULT_FROM_EMAIL="Shop <shop@example.org>",
            RSMTP_MAILER={"retries": 0},
        ),
    ):
        yield


def letters(*addresses):
    return [
        mail.EmailMessage(f"To {address}", "Hello", "shop@example.org", [address]) for address in addresses
    ]


def test_send_mail(catcher):
    assert (
        mail.send_mail("Grüße", "Schön.\n", None, ["Ann <ann@example.org>"], html_message="<b>Schön.</b>")
        == 1
    )
    caught = catcher.messages[-1]
    assert (caught.mail_from, caught.rcpt_tos) == ("shop@example.org", ["ann@example.org"])
    assert caught.email["Subject"] == "Grüße"
    assert caught.email["From"] == "Shop <shop@example.org>"
    assert [part.get_content_type() for part in caught.email.iter_parts()] == ["text/plain", "text/html"]


def test_a_backend_of_the_settings_is_not_told_that_a_project_made_it():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        mail.send_mail("Hello", "Hello", "shop@example.org", ["ann@example.org"])
    assert not [each for each in told if "Directly creating" in str(each.message)]


def test_bcc_is_in_the_envelope_alone(catcher):
    message = mail.EmailMessage(
        "A", "b", None, ["a@example.org"], ["hidden@example.org"], cc=["c@example.org"]
    )
    assert message.send() == 1
    caught = catcher.messages[-1]
    assert sorted(caught.rcpt_tos) == ["a@example.org", "c@example.org", "hidden@example.org"]
    assert b"hidden" not in caught.data


def test_sessions_are_kept_between_backends(catcher):
    """Django creates a new backend for each message."""
    for address in ("a@example.org", "b@example.org", "c@example.org"):
        mail.send_mail("A", "b", None, [address])
    assert len(catcher.messages) == 3
    assert len({message.peer for message in catcher.messages}) == 1
    assert mail.get_connection().mailer is mail.get_connection().mailer
    assert mail.get_connection(timeout=7).mailer is not mail.get_connection().mailer


def test_messages_may_come_from_an_iterator_and_have_receipts(catcher):
    messages = letters("a@example.org", "b@example.org")
    assert mail.get_connection().send_messages(iter(messages)) == 2
    assert [message.receipt.sent for message in messages] == [["a@example.org"], ["b@example.org"]]
    assert messages[0].receipt.queue_id != messages[1].receipt.queue_id


def test_nothing_to_send_connects_nowhere():
    backend = mail.get_connection(host="127.0.0.1", port=1)
    assert backend.send_messages([]) == backend.send_messages(None) == 0
    assert backend.send_messages([mail.EmailMessage("A", "b", None, [])]) == 0


def test_a_refused_message_stops_no_other_one(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 No such user"), address="b@example.org")
    messages = letters("a@example.org", "b@example.org", "c@example.org")
    with pytest.raises(rsmtp.SMTPRecipientsRefused, match="No such user") as raised:
        mail.get_connection().send_messages(messages)
    assert raised.value.receipt is messages[1].receipt
    assert [bool(message.receipt.sent) for message in messages] == [True, False, True]
    catcher.fault("RCPT", reply=(550, "5.1.1 No such user"), address="b@example.org")
    assert mail.get_connection(fail_silently=True).send_messages(messages) == 2


def test_a_message_that_some_recipients_got_is_sent(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 No such user"), address="b@example.org")
    message = mail.EmailMessage("A", "b", None, ["a@example.org", "b@example.org"])
    assert message.send() == 1
    assert (message.receipt.sent, message.receipt.refused) == (["a@example.org"], ["b@example.org"])


def test_an_unreachable_server():
    for backend in (mail.get_connection(host="127.0.0.1", port=1), mail.get_connection(port=1)):
        with pytest.raises(ConnectionRefusedError):
            backend.send_messages(letters("a@example.org"))
        backend.fail_silently = True
        assert backend.send_messages(letters("a@example.org")) == 0


@pytest.mark.parametrize(
    "address",
    [
        "to@other.com@example.com", "to@other.com <to@example.com>", "to@example.com, other@example.com", "@",
        "to@", "@example.com", '"evil@example.com\r\nto"@example.com', "to\nevil@example.com",
        "nø@example.org", "a@example.org\r\nRCPT TO:<b@example.org>",
    ],
)  # fmt: skip
def test_what_is_no_address_goes_nowhere(catcher, address):
    for message in (
        mail.EmailMessage("A", "b", None, bcc=["a@example.org", address]),
        mail.EmailMessage("A", "b", address, bcc=["a@example.org"], headers={"From": "a@example.org"}),
    ):
        for silent in (False, True):
            with pytest.raises(ValueError, match="Invalid address"):
                mail.get_connection(fail_silently=silent).send_messages([message])
    assert not catcher.messages


def test_international_domains(catcher):
    mail.EmailMessage("A", "b", "a@discussão.example.org", bcc=["To <to@漢字.example.com>"]).send()
    caught = catcher.messages[-1]
    assert caught.mail_from == "a@xn--discusso-xza.example.org"
    assert caught.rcpt_tos == ["to@xn--p8s937b.example.com"]


def test_bad_address_beside_good_ones_stops_none_of_them(catcher):
    messages = letters("a@example.org", "bad address@example.org", "c@example.org")
    with pytest.raises(ValueError, match="Invalid address 'bad address@example.org'"):
        mail.get_connection().send_messages(messages)
    assert [message.rcpt_tos for message in catcher.messages] == [["a@example.org"], ["c@example.org"]]


def test_from_many_threads(catcher):
    def send(number):
        return mail.send_mail(f"Number {number}", "b", None, [f"n{number}@example.org"])

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(100))) == 100
    assert len({tuple(message.rcpt_tos) for message in catcher.messages}) == 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_worker_has_sessions_of_its_own(catcher):
    mail.send_mail("A", "b", None, ["parent@example.org"])
    child = os.fork()
    if not child:
        os._exit(0 if mail.send_mail("A", "b", None, ["child@example.org"]) == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    mail.send_mail("A", "b", None, ["parent@example.org"])
    numbers = [message.peer for message in catcher.messages]
    assert numbers[0] == numbers[2] != numbers[1]


def test_login_needs_tls(catcher):
    """A missing setting must not send the password in plaintext."""
    with override_settings(
        EMAIL_HOST="mail.invalid",
        EMAIL_HOST_USER="ann",
        EMAIL_HOST_PASSWORD="secret",
        RSMTP_MAILER={"retries": 0},
    ):
        arguments = mail.get_connection()._arguments()
    assert (arguments["tls"], arguments["username"]) == ("none", "ann")
    assert "allow_plaintext_auth" not in arguments


def test_starttls_and_login():
    with rsmtp.Catcher(tls="starttls", user="ann", password="secret") as catcher:
        context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        given = {"retries": 0, "context": context}
        with override_settings(
            EMAIL_HOST=catcher.host, EMAIL_PORT=catcher.port, EMAIL_USE_TLS=True, EMAIL_HOST_USER="ann",
            EMAIL_HOST_PASSWORD="secret", RSMTP_MAILER=given,
        ):  # fmt: skip
            assert mail.send_mail("A", "b", None, ["a@example.org"]) == 1
            assert (catcher.messages[-1].username, bool(catcher.messages[-1].tls)) == ("ann", True)
            # The server's certificate is verified.
            with override_settings(RSMTP_MAILER={"retries": 0}), pytest.raises(rsmtp.SMTPCertificateError):
                mail.send_mail("A", "b", None, ["a@example.org"])


def test_a_context_of_a_subclass_is_used():
    """Projects trust their own authority in this way."""
    with rsmtp.Catcher(tls="implicit") as catcher:

        class Own(Backend):
            @cached_property
            def ssl_context(self):
                return ssl.create_default_context(cafile=catcher.ca_file)

        backend = Own(host=catcher.host, port=catcher.port, use_ssl=True)
        assert backend.send_messages(letters("a@example.org")) == 1


def test_settings_as_in_djangos_backend():
    with override_settings(EMAIL_USE_TLS=True, EMAIL_USE_SSL=True):
        with pytest.raises(ValueError, match="mutually exclusive"):
            mail.get_connection()
    with override_settings(EMAIL_USE_TLS=True, EMAIL_TIMEOUT=3):
        arguments = mail.get_connection()._arguments()
    assert (arguments["tls"], arguments["timeout"]) == ("starttls", 3)


def test_url(catcher):
    with override_settings(
        RSMTP_MAILER={
            "url": [f"smtp://{catcher.host}:{catcher.port}", "smtp://backup.example.org"],
            "rate": 100,
        }
    ):
        assert mail.send_mail("A", "b", None, ["a@example.org"]) == 1


@pytest.mark.parametrize("way", ["url", "provider"])
def test_a_provider(way):
    with rsmtp.Catcher(username="ann@gmail.com", password="app password", require_auth=True) as catcher:
        there = {"host": "localhost", "port": catcher.port}
        there["context"] = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        if way == "url":
            options = {"RSMTP_MAILER": {"url": "gmail://ann:app%20password@gmail.com"} | there}
        else:
            options = {"EMAIL_HOST_USER": "ann@gmail.com", "EMAIL_HOST_PASSWORD": "app password"}
            options["RSMTP_MAILER"] = {"provider": "gmail"} | there
        with override_settings(**options):
            assert mail.send_mail("A", "b", None, ["bob@example.org"]) == 1
        assert catcher.messages[0].user == "ann@gmail.com"


def test_a_provider_is_where_it_is():
    with override_settings(
        RSMTP_MAILER={"provider": "gmail"},
        EMAIL_HOST_USER="ann@gmail.com",
        EMAIL_HOST_PASSWORD="x",
    ):
        assert "smtp.gmail.com:587" in repr(mail.get_connection().mailer)


def test_unknown_options_of_the_mailer_are_told():
    with override_settings(RSMTP_MAILER={"rates": 3}), pytest.raises(TypeError, match="rates"):
        mail.send_mail("A", "b", None, ["a@example.org"])
    with (
        override_settings(RSMTP_MAILER={"proxy": {}}),
        pytest.raises(TypeError, match="proxy: a dict can't be"),
    ):
        mail.send_mail("A", "b", None, ["a@example.org"])


def test_nothing_has_to_be_opened(catcher):
    """In Django's own backend, `with connection:` sends many messages in one session."""
    with mail.get_connection() as connection:
        for address in ("a@example.org", "b@example.org"):
            assert connection.send_messages(letters(address)) == 1
    assert len({message.peer for message in catcher.messages}) == 1


def test_open_tells_whether_the_server_lets_us_in(catcher):
    backend = mail.get_connection()
    assert [backend.open(), backend.open()] == [True, False]
    backend.close()
    assert backend.open() is True
    elsewhere = mail.get_connection(port=1)
    with pytest.raises(ConnectionRefusedError):
        elsewhere.open()
    elsewhere.fail_silently = True
    assert elsewhere.open() is None
    assert not catcher.messages


@only_mailers
def test_mailers(catcher):
    options = {"host": catcher.host, "port": catcher.port, "rate": 1000, "retries": 0}
    with override_settings(
        MAILERS={
            "default": {"BACKEND": "rsmtp.django.EmailBackend", "OPTIONS": options},
            "by url": {
                "BACKEND": "rsmtp.django.EmailBackend",
                "OPTIONS": {"url": f"smtp://{catcher.host}:{catcher.port}"},
            },
            "wrong": {"BACKEND": "rsmtp.django.EmailBackend", "OPTIONS": options | {"rats": 3}},
        }
    ):
        for alias in ("default", "by url"):
            assert mail.send_mail("A", "b", "a@example.org", [f"{alias[:2]}@example.org"], using=alias) == 1
        assert [message.rcpt_tos for message in catcher.messages] == [["de@example.org"], ["by@example.org"]]
        assert isinstance(mail.mailers["default"], EmailBackend)
        with pytest.raises(mail.InvalidMailer, match="Unknown options 'rats'"):
            mail.mailers["wrong"]


def test_a_suppressed_message_hides_no_refused_one(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), address="b@example.org")
    with override_settings(RSMTP_MAILER={"retries": 0, "suppression": {"a@example.org"}}):
        messages = letters("a@example.org", "b@example.org", "c@example.org")
        with pytest.raises(rsmtp.SMTPRecipientsRefused, match="no such user"):
            mail.get_connection().send_messages(messages)
        assert [message.receipt.suppressed for message in messages] == [["a@example.org"], [], []]
        assert mail.get_connection().send_messages(letters("a@example.org", "c@example.org")) == 1


@pytest.mark.parametrize("secret", ["access_token", "password"])
def test_a_secret_of_rsmtp_goes_with_the_user_of_the_settings(secret):
    with rsmtp.Catcher(tls="starttls", user="ann", password="opensesame") as catcher:
        given = {
            "retries": 0, "context": rsmtp.TlsConfig(ca_file=catcher.ca_file), secret: lambda: "opensesame"
        }  # fmt: skip
        with override_settings(
            EMAIL_HOST=catcher.host, EMAIL_PORT=catcher.port, EMAIL_USE_TLS=True, EMAIL_HOST_USER="ann",
            RSMTP_MAILER=given,
        ):  # fmt: skip
            assert mail.get_connection()._arguments()["username"] == "ann"
            if secret == "password":
                assert mail.send_mail("A", "b", None, ["a@example.org"]) == 1
                assert catcher.messages[-1].username == "ann"
            else:
                # The catcher knows no tokens. The mailer has a token and no password.
                assert "password" not in mail.get_connection()._arguments()
                assert mail.get_connection().mailer


def test_a_list_that_can_be_no_option_is_named():
    with override_settings(RSMTP_MAILER={"allow": [{}]}), pytest.raises(TypeError, match="allow: "):
        _ = mail.get_connection().mailer


def test_messages_are_signed(catcher, tmp_path):
    """`dkim` is an ordinary option and may depend on the domain of From."""
    key = tmp_path / "key.pem"
    key.write_text(_new_dkim_key())
    dkim = rsmtp.Dkim("example.org", "s", key)
    for given in (dkim, [dkim], {"example.org": [dkim], "*": None}):
        with override_settings(RSMTP_MAILER={"retries": 0, "dkim": given}):
            assert mail.send_mail("A", "b", None, ["a@example.org"]) == 1
            assert mail.get_connection().mailer is mail.get_connection().mailer
        assert catcher.messages[-1].email["DKIM-Signature"].startswith("v=1; a=rsa-sha256;")
