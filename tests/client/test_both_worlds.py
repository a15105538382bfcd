"""Programs that use both `rsmtp.smtplib` and `smtplib`. Either the program has been ported and a
library that it calls has not, or the other way round."""

import smtplib as stdlib
import subprocess
import sys
import textwrap

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import smtplib

CLASSES = [name for name in stdlib.__all__ if isinstance(getattr(stdlib, name), type) and "Error" in name]
CLASSES += ["SMTPException", "SMTPServerDisconnected", "SMTPResponseException"]
CLASSES += ["SMTPSenderRefused", "SMTPRecipientsRefused"]

ARGUMENTS = {
    "SMTPSenderRefused": [(550, b"no", "a@example.org"), ("x", None, None)],
    "SMTPRecipientsRefused": [
        ({"b@example.org": (550, b"no")},),
        (["b@example.org"],),
        ("b@example.org",),
        ({},),
        ({"b@example.org": "no"},),
    ],
} | {
    key: [(550, b"5.7.1 no"), (550, "no"), ("550", None)]
    for key in [
        "SMTPResponseException",
        "SMTPConnectError",
        "SMTPHeloError",
        "SMTPDataError",
        "SMTPAuthenticationError",
    ]
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_mirror_has_the_standard_librarys_exceptions(name):
    assert getattr(smtplib, name) is getattr(stdlib, name)
    assert issubclass(getattr(rsmtp, name), getattr(stdlib, name))


@pytest.mark.parametrize("name", CLASSES)
def test_ours_are_made_and_read_as_theirs(name):
    for arguments in ARGUMENTS.get(name, [("a", "b"), ("a",), ()]):
        theirs, ours = getattr(stdlib, name)(*arguments), getattr(rsmtp, name)(*arguments)
        assert str(ours) == str(theirs)
        assert repr(ours) == repr(theirs)
        assert ours.args == theirs.args
        assert vars(theirs).items() <= vars(ours).items()


@pytest.mark.parametrize(
    ("command", "work"),
    [
        ("RCPT", lambda client: client.sendmail("a@x.example", ["b@x.example", "c@x.example"], "hi")),
        ("MAIL", lambda client: client.sendmail("a@x.example", ["b@x.example"], "hi")),
        ("DATA", lambda client: client.sendmail("a@x.example", ["b@x.example"], "hi")),
        ("AUTH", lambda client: client.login("ann", "secret")),
    ],
)
def test_an_error_reads_as_smtplibs(command, work):
    def raised(module):
        script = answering({command: "550 5.7.1 refused"}, extensions=["AUTH PLAIN"])
        with serve(script) as server:
            with module.SMTP(server.host, server.port) as client, pytest.raises(OSError) as caught:
                work(client)
        return caught.value

    ours, theirs = raised(smtplib), raised(stdlib)
    assert str(ours) == str(theirs)
    assert isinstance(ours, type(theirs))
    assert type(ours).__name__ == type(theirs).__name__


def test_except_catches_what_the_other_raised():
    def library(module):
        raise module.SMTPRecipientsRefused({"b@x.example": (550, b"no")})

    for raiser, handler in [(stdlib, smtplib), (smtplib, stdlib)]:
        with pytest.raises(handler.SMTPRecipientsRefused) as caught:
            library(raiser)
        assert caught.value.recipients == {"b@x.example": (550, b"no")}


def test_words_for_people():
    words = rsmtp.errors.words
    assert words(rsmtp.SMTPDataError(554, b"5.7.1 spam")) == "554 5.7.1 spam"
    assert words(stdlib.SMTPDataError(554, b"5.7.1 spam")) == "554 5.7.1 spam"
    assert words(rsmtp.SMTPSenderRefused(550, b"no", "a@x.example")) == "550 no (a@x.example)"
    refused = {"b@x.example": (550, b"no"), "c@x.example": (450, b"later")}
    assert words(rsmtp.SMTPRecipientsRefused(refused)) == "b@x.example: 550 no; c@x.example: 450 later"
    assert words(rsmtp.SMTPRecipientsRefused(["b@x.example"])) == "['b@x.example']"
    assert words(rsmtp.SMTPServerDisconnected("gone")) == "gone"


def test_a_good_run_makes_no_exception_class():
    script = textwrap.dedent("""
        import sys
        from rsmtp import Catcher, TlsConfig, smtplib
        with Catcher() as catcher:
            with smtplib.SMTP(catcher.host, catcher.port) as client:
                client.starttls(context=TlsConfig(ca_file=catcher.ca_file))
                client.login(catcher.username, catcher.password)
                client.sendmail("a@x.example", ["b@x.example"], b"Subject: x\\r\\n\\r\\nhi\\r\\n")
            assert catcher.wait_for(1, 10)
        print(sorted({"smtplib", "rsmtp.errors"} & set(sys.modules)))
    """)
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=50)
    assert run.stdout == "[]\n", run.stderr
