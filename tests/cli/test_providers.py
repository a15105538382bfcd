"""``rsmtp providers``, and a provider's name in the other commands."""

import json

import pytest

from rsmtp import providers
from rsmtp.cli.check import target


def test_all_by_name(run):
    lines = run("providers", code=0).out.splitlines()
    assert [line.split()[0] for line in lines] == list(providers.PROVIDERS)
    assert any(line.split(maxsplit=1) == ["gmail", "Gmail and Google Workspace"] for line in lines)


def test_what_is_known_of_some(run):
    done = run("providers", "gmail", "web.de", "ses-eu-south-7", code=0)
    for line in (
        "gmail: Gmail and Google Workspace",
        "  server    smtp.gmail.com:587 (STARTTLS)",
        "  user      the whole address",
        "  password  an app password, or an OAuth 2.0 token",
        "  limits    100 recipients a message; 500 recipients a day",
        "  sources   https://support.google.com/mail/answer/22839",
        "webde: WEB.DE",
        "  limits    none are known",
        "  server    email-smtp.eu-south-7.amazonaws.com:587 (STARTTLS)",
        "  limits    50 recipients a message; 40 MB a message",
    ):
        assert line in done.out.splitlines()
    assert max(map(len, done.out.splitlines())) <= 100


def test_for_programs(run):
    (row,) = json.loads(run("providers", "--json", "microsoft365", code=0).out)
    assert (row["host"], row["port"], row["tls"]) == ("smtp.office365.com", 587, "starttls")
    assert (row["recipients"], row["rate"], row["per_day"], row["size"]) == (500, 0.5, 10_000, None)
    assert row["sources"][0].startswith("https://learn.microsoft.com/")
    rows = json.loads(run("providers", "--json", code=0).out)
    assert [row["name"] for row in rows] == list(providers.PROVIDERS)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("providers", "gmial"), "rsmtp: 'gmial' is not known; did you mean 'gmail'?"),
        (
            ("send", "--provider", "gmial", "--to", "b@x.org"),
            "rsmtp: --provider: 'gmial' is not known; did you mean",
        ),
        (("send", "--provider", "ses", "--to", "b@x.org"), "Amazon SES has a server in each region"),
        (
            ("send", "--provider", "gmail", "--server", "smtp://x.org", "--to", "b@x.org"),
            "--server and --provider name the server twice",
        ),
        (("send", "gmail://ann:secret@gmail.com"), "FILE is a message, not a URL"),
        (("send", "--server", "gmial://ann@gmail.com", "--to", "b@x.org"), "did you mean 'gmail'?"),
        (("check", "gmail://ann:secret@gmail.com", "--login"), "can be read by every user of this machine"),
    ],
)
def test_mistakes(run, arguments, words):
    done = run(*arguments, code=2)
    assert words in done.err
    assert "secret" not in done.err
    assert "host=" not in done.err


@pytest.mark.parametrize(
    ("arguments", "server"),
    [
        (
            ("--provider", "gmail", "--username", "ann@gmail.com"),
            "smtp.gmail.com:587 (STARTTLS, as ann@gmail.com)",
        ),
        (("--provider", "resend", "--from", "a@x.org"), "smtp.resend.com:465 (TLS, as resend)"),
        (
            ("--provider", "smtp2go", "--host", "mail-eu.smtp2go.com", "--port", 465, "--from", "a@x.org"),
            "mail-eu.smtp2go.com:465 (TLS)",
        ),
        (("--server", "gmail://ann@example.org"), "smtp.gmail.com:587 (STARTTLS, as ann@example.org)"),
    ],
)
def test_where_a_message_would_go(run, arguments, server):
    done = run("send", *arguments, "--to", "b@x.org", "--text", "hello", "--dry-run", code=0)
    assert done.out.splitlines()[0] == f"server  {server}"


def test_sent_by_a_provider(run, catcher):
    """A custom host replaces the provider's."""
    flags = (
        "--provider",
        "gmail",
        "--host",
        "localhost",
        "--port",
        catcher.port,
        "--ca-file",
        catcher.ca_file,
    )
    letter = ("--username", "catcher", "--from", "a@x.org", "--to", "b@x.org", "--text", "hello")
    done = run("send", *flags, *letter, code=0, RSMTP_PASSWORD=catcher.password)
    assert done.out.startswith("sent      b@x.org")
    assert catcher.messages[0].username == "catcher"


def test_no_login_without_a_name(run):
    done = run(
        "send", "--provider", "gmail", "--from", "a@x.org", "--to", "b@x.org", "--text", "hello", code=2
    )
    assert "no mail is taken without a login (Gmail and Google Workspace)" in done.err


# -- rsmtp check -----------------------------------------------------------------------------


def test_what_is_checked():
    gmail = target("gmail", "auto")
    assert (gmail.host, gmail.port, gmail.tls, gmail.provider.name) == (
        "smtp.gmail.com",
        587,
        "auto",
        "gmail",
    )
    assert target("resend", "auto").username == "resend"
    assert target("gmail://ann@gmail.com", "auto").username == "ann@gmail.com"
    # Host names are not taken for providers.
    assert target("gmail.com", "auto").provider is None
    assert target("gmail:25", "auto")[:2] == ("gmail", 25)


def test_a_check_tells_what_is_known(run):
    # Checks this machine, whatever runs on it.
    done = run("check", "proton-bridge", "--timeout", 1)
    assert done.out.startswith("127.0.0.1:1025\n")
    assert "\nproton-bridge: Proton Mail Bridge on this machine\n" in done.out
    assert "  password  the password that Bridge shows\n" in done.out
    report = json.loads(run("check", "--json", "proton-bridge", "--timeout", 1).out)
    assert report["provider"]["port"] == report["ports"][0]["port"] == 1025
    report = json.loads(run("check", "--json", "localhost:1", "--timeout", 1).out)
    assert report["provider"] is None
