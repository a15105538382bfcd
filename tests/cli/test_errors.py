"""Every kind of failure has an exit code and one or two sentences, and shows no traceback."""

import re
import socket

import pytest

import rsmtp

from .conftest import LETTER

FAULTS = [
    (("RCPT", {"reply": (550, "5.1.1 No such user")}), 67, "550 5.1.1 No such user"),
    (("RCPT", {"reply": (450, "4.2.1 Mailbox busy")}), 75, "The same may work later"),
    (("MAIL", {"reply": (550, "5.7.1 Not you")}), 65, "550 5.7.1 Not you"),
    (("end-of-data", {"reply": (554, "5.7.1 Spam")}), 65, "554 5.7.1 Spam"),
    (("end-of-data", {"reply": (451, "4.3.0 Later")}), 75, "The same may work later"),
    (("end-of-data", {"disconnect": True}), 74, "may have arrived"),
    (("EHLO", {"disconnect": True}), 75, "The same may work later"),
    (("greeting", {"reply": (554, "5.7.1 Go away")}), 69, "554 5.7.1 Go away"),
    (("greeting", {"reply": (421, "4.3.2 Busy")}), 75, "421 4.3.2 Busy"),
    (("greeting", {"reply": b"SSH-2.0-OpenSSH_9.9\r\n"}), 76, "SSH-2.0"),
    (("EHLO", {"reply": (550, "Who?")}), 76, "550 Who?"),
    (("greeting", {"stall": True}), 75, "smtps://"),
]


@pytest.mark.parametrize("fault, code, words", FAULTS, ids=lambda value: str(value)[:40])
def test_exit_codes_tell_the_kind(run, plain, to_plain, fault, code, words):
    stage, options = fault
    plain.fault(stage, **options)
    if stage == "EHLO" and "reply" in options:
        plain.fault("HELO", **options)  # what a client says then
    done = run("send", *to_plain, *LETTER, "--timeout", 1 if "stall" in options else 20, code=code)
    assert words in done.err
    assert done.err.startswith("rsmtp: ")
    assert len(done.err.splitlines()) == 1


def test_wrong_password(run, catcher):
    server = ("--server", f"smtp://catcher@localhost:{catcher.port}", "--ca-file", catcher.ca_file)
    done = run("send", *server, *LETTER, code=77, RSMTP_PASSWORD="not it")
    assert "535" in done.err
    assert "app password" in done.err
    assert "not it" not in done.err


def test_a_certificate_of_an_unknown_authority(run, catcher):
    done = run("send", "--server", f"smtp://localhost:{catcher.port}?tls=starttls", *LETTER, code=78)
    assert "--ca-file" in done.err
    assert "TlsConfig" not in done.err


def test_no_starttls_means_no_mail(run, plain):
    done = run("send", "--server", f"smtp://{plain.host}:{plain.port}?tls=starttls", *LETTER, code=76)
    assert "STARTTLS" in done.err
    assert "?tls=none" in done.err
    assert plain.messages == []


def test_no_server_listens(run):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        done = run("send", "--server", f"smtp://127.0.0.1:{bound.getsockname()[1]}", *LETTER, code=69)
    assert "`rsmtp check 127.0.0.1`" in done.err


def test_no_such_host(run):
    done = run("send", "--server", "smtp://mail.invalid", *LETTER, code=68)
    assert "spelling" in done.err
    assert "Errno" not in done.err


HERE = ("--server", "smtp://localhost")
MISTAKES = [
    ((*LETTER,), 2, "no server"),
    ((*HERE, *LETTER[2:]), 2, "--from"),
    ((*HERE, *LETTER[:2]), 2, "--to"),
    ((*HERE, "--host", "localhost", *LETTER), 2, "twice"),
    ((*HERE, "--port", "25", *LETTER), 2, "--port goes with --host"),
    ((*HERE, *LETTER, "--text-file", "x"), 2, "leave one of them out"),
    ((*HERE, *LETTER, "message.eml"), 2, "does not go with FILE"),
    (("--host", "localhost", "--port", "70000", *LETTER), 2, "--port: 70000"),
    (("--server", "http://localhost", *LETTER), 2, "its scheme is 'http'"),
    (("--server", "smtp.example.org", *LETTER), 2, "write smtp://HOST"),
    (("--server", "smtp://", *LETTER), 2, "it names no host"),
    (("--server", "smtp://a b:c@d@e", *LETTER), 2, "--server"),
    (("--server", "smtp://localhost:port", *LETTER), 2, "the port is not a number"),
    (("--server", "smtp://localhost/path", *LETTER), 2, "nothing is known of a path"),
    (("--server", "smtp://localhost?tls=maybe", *LETTER), 2, "tls: 'maybe'"),
    (("--server", "smtps://localhost?tls=none", *LETTER), 2, "tls=none"),
    (("--server", "smtp://localhost?time=3", *LETTER), 2, "'time' is not one"),
    ((*HERE, "--timeout", "0", *LETTER), 2, "above 0"),
    (("--server", "smtp://[half", *LETTER), 2, "host can't be read"),
    (
        ("--server", "smtp://ann@localhost", "--user", "bob", *LETTER),
        2,
        "username: told by the URL",
    ),
    ((*HERE, "nowhere.eml"), 66, "nowhere.eml: No such file or directory"),
    ((*HERE, *LETTER, "--attach", "nowhere.pdf"), 66, "nowhere.pdf"),
    ((*HERE, *LETTER, "--attach", "/"), 66, "directory"),
    ((*HERE, *LETTER[:-2], "--html-file", "nowhere.html"), 66, "nowhere.html"),
    ((*HERE, *LETTER, "--cc", "not an address"), 65, "--cc: 'not an address'"),
    ((*HERE, *LETTER, "--bcc", "a@b.org\r\nX: y"), 65, "--bcc: "),
    ((*HERE, *LETTER, "--reply-to", "a@b.org\nX: y"), 65, "--reply-to: can't contain"),
    ((*HERE, *LETTER, "--envelope-from", "a@b.org, c@d.org"), 65, "one address"),
    (
        (
            *HERE,
            "--from",
            "a@b.org",
            "--to",
            "b@b.org",
            "--subject",
            "x\nBcc: evil@example.net",
            "--text",
            "",
        ),
        65,
        "--subject: can't contain",
    ),
]


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["sned"], "'send'"),
        (["send", "--prot", "5"], "'--port'"),
        (["outbox", "stats", "mail.db"], "'status'"),
        (["completion", "bsh"], "'bash'"),
    ],
)
def test_a_misspelt_word_has_its_nearest_spelling(run, words, near):
    # Since CPython 3.15 argparse says it itself, in other words.
    assert re.search(f"(; did you mean|, maybe you meant) {near}\\?", run(*words, code=2).err)


@pytest.mark.parametrize("arguments, code, words", MISTAKES, ids=lambda value: str(value)[-40:])
def test_mistakes_are_told_before_anything_is_sent(run, arguments, code, words):
    done = run("send", *arguments, code=code)
    assert words in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    "message, words",
    [
        (b"", "holds no message"),
        (b"no header at all\n", "holds no message"),
        (b"Subject: x\n\nhi\n", "From"),
        (b"From: a@b.org\n\nhi\n", "--envelope-to"),
        (b"From: a@b.org\nTo: what is this @ all\n\nhi\n", "To"),
    ],
)
def test_files_that_are_no_message(run, message, words):
    done = run("send", *HERE, "-", stdin=message, code=65)
    assert words in done.err


def test_text_that_is_not_utf8(run):
    done = run("send", *HERE, *LETTER[:-2], stdin=b"caf\xe9", code=65)
    assert "standard input: octet 3 is not UTF-8" in done.err


def test_a_too_large_message(run):
    with rsmtp.Catcher(tls="none", max_size=1000) as server:
        url = f"smtp://{server.host}:{server.port}?tls=none"
        done = run("send", "--server", url, *LETTER[:-1], "x" * 2000, code=65)
        assert "1000" in done.err
