"""The packages whose own tests are run, the commands, and the reasons for failures with rsmtp."""

from __future__ import annotations

import os
from typing import NamedTuple


class Suite(NamedTuple):
    package: str  # its name on the package index
    version: str  # empty if it comes with the interpreter
    # For each run, what is ported: modules whose imports are changed, or a class that is replaced by
    # another one (`old=new`).
    worlds: dict[str, str]
    command: str  # run in `folder` by ported.py
    folder: str = "."
    python: tuple[int, int] = (3, 11)  # the oldest version
    repository: tuple[str, str] = ("", "")  # the source of tests missing in the sdist, and its commit
    server: dict[str, str] = {}  # variables for tests that need a server, with {host} and {port}
    reasons: dict[str, str] = {}  # why tests fail with rsmtp alone, by the end of their name


# Without a configuration file, because pytest would find this project's in a folder above.
PYTEST = (
    f"-m pytest -c {os.devnull} --rootdir=. --assert=plain -q --tb=short "
    "-p no:cacheprovider -p no:rsmtp -p outcomes"
)
BOTH = "package and tests"
DJANGO = {
    BOTH: "django.core.mail,mail",
    "the backend": "django.core.mail.backends.smtp.EmailBackend=rsmtp.django.EmailBackend",
}
# The reason for tests of the backend.
THE_CONNECTION = (
    "it looks at the smtplib connection that Django's backend opens; the sessions of "
    "rsmtp.django.EmailBackend are opened for the first message, and are not the backend's"
)
LOOK_AT_THE_CONNECTION = dict.fromkeys(
    (
        "SMTPBackendTests.test_auth_attempted",
        "SMTPBackendTests.test_connection_timeout_custom",
        "SMTPBackendTests.test_email_tls_attempts_starttls",
        "SMTPBackendTests.test_send_messages_after_open_failed",
    ),
    THE_CONNECTION,
)
SUITES = {
    "django-5.2": Suite(
        "django", "5.2.8", DJANGO, "runtests.py mail --parallel 1", "tests",
        reasons={**LOOK_AT_THE_CONNECTION, "SMTPBackendTests.test_email_msg_uses_crlf": THE_CONNECTION,
                 "SMTPBackendTests.test_email_ssl_attempts_ssl_connection": THE_CONNECTION},
    ),
    "django-6.1": Suite(
        "django", "6.1.3", DJANGO, "runtests.py mail --parallel 1", "tests",
        python=(3, 12),
        reasons={
            "SMTPBackendTests.test_rejects_non_ascii_local_part": "an EmailMessage refuses a local part "
            "that is not ASCII, as CPython 3.15 does; the test then waits for 3.15's sentence, and gets "
            "that of Django's own check, which refuses the address before",
            **LOOK_AT_THE_CONNECTION,
            "SMTPBackendTests.test_reopen_replaces_partial_connection": THE_CONNECTION,
            "SMTPBackendTests.test_serialized_message_uses_crlf_line_ending": THE_CONNECTION,
            "SMTPBackendTests.test_smtp_connection_uses_host_and_port": THE_CONNECTION,
            "SMTPBackendTests.test_smtp_connection_uses_timeout": THE_CONNECTION,
            "test_no_default_mailer_warning_if_any_email_setting_defined": "with EMAIL_BACKEND Django warns "
            "of backends that others derive from its own, as if the project had made one itself",
        },
    ),
    "red-mail": Suite(
        "redmail", "0.6.0", {BOTH: "redmail"}, f"{PYTEST} redmail/test",
    ),
    "flask-mail-0.9": Suite(
        "flask-mail", "0.9.1", {BOTH: "flask_mail,tests"}, f"{PYTEST} tests.py",
    ),
    "flask-mail": Suite(
        "flask-mail", "0.10.0", {BOTH: "flask_mail,test_mail,test_message,test_connection"},
        f"{PYTEST} tests",
        repository=("https://github.com/pallets-eco/flask-mail", "848ea85f2bf2583d7f0ef58ed55ac1d18f67883a"),
    ),
    "python-emails": Suite(
        "emails", "1.1.2", {BOTH: "emails"}, f"{PYTEST} emails/testsuite",
        repository=("https://github.com/lavr/python-emails", "67ef38b08b209489feaaf6a7d8452f420eb7ea6a"),
        server={
            "SMTP_TEST_SETS": "LOCAL", "SMTP_TEST_LOCAL_HOST": "{host}", "SMTP_TEST_LOCAL_PORT": "{port}",
            "SMTP_TEST_LOCAL_TO": "b@example.org", "SMTP_TEST_LOCAL_WITHOUT_TLS": "true",
        },
    ),
    "pyramid_mailer": Suite(
        "pyramid_mailer", "0.15.1",
        {BOTH: "pyramid_mailer", "these and repoze.sendmail": "pyramid_mailer,repoze.sendmail"},
        f"{PYTEST} pyramid_mailer",
    ),
    "repoze.sendmail": Suite(
        "repoze.sendmail", "4.5", {"package": "repoze.sendmail", BOTH:
            "repoze.sendmail,test_delivery,test_encoding,test_maildir,test_mailer,test_queue,test_transaction"},
        f"{PYTEST} tests",
    ),
    "zope.sendmail": Suite(
        "zope.sendmail", "7.3", {BOTH: "zope.sendmail"},
        f"{PYTEST} -o consider_namespace_packages=true --pyargs zope.sendmail",
    ),
    "apprise": Suite(
        "apprise", "2.3.0", {BOTH: "apprise,test_plugin_email,test_plugin_email_smtp"},
        f"{PYTEST} tests/test_plugin_email.py tests/test_plugin_email_smtp.py",
    ),
    "fastapi-mail": Suite(
        "fastapi-mail", "1.6.2", {BOTH: "fastapi_mail,tests"}, f"{PYTEST} tests",
        repository=("https://github.com/sabuhish/fastapi-mail", "79b7842c2c8545807a6f6275f90776e710115990"),
    ),
    "logging": Suite(
        "logging of CPython", "", {"handler and test": "test.test_logging,logging.handlers"},
        "-m unittest -v test.test_logging.SMTPHandlerTest",
    ),
}  # fmt: skip
