"""`rsmtp bounce`, and `rsmtp catch --bounces`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rsmtp
from rsmtp.outbox import Outbox

SAMPLES = Path(__file__).parent / "samples"
SECRET = "a secret of 16 octets"


def command(*arguments):
    return [sys.executable, "-m", "rsmtp", *map(str, arguments)]


def run(*arguments, code=0, stdin=b"", **environment):
    done = subprocess.run(
        command(*arguments), input=stdin, capture_output=True, env=os.environ | environment, timeout=50
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    return done.stdout.decode(), done.stderr.decode()


def test_a_report_is_printed():
    out, _ = run("bounce", SAMPLES / "postfix-user-unknown.eml")
    assert out.splitlines()[0] == "delivery (RFC 3464)"
    assert "message id  <abc.1@example.com>" in out
    assert "failed, hard     bob@example.org" in out
    assert "There is no such mailbox." in out


def test_as_json_from_standard_input():
    out, _ = run("bounce", "--json", "-", stdin=(SAMPLES / "complaint.eml").read_bytes())
    told = json.loads(out)
    assert (told["kind"], told["feedback_type"]) == ("complaint", "abuse")
    assert told["recipients"][0]["address"] == "bob@example.org"


def test_what_is_no_report_is_said():
    out, err = run("bounce", SAMPLES / "read.eml", SAMPLES / "ordinary.eml", code=1)
    assert "disposition" in out
    assert "ordinary.eml: not a report" in err
    _, err = run("bounce", "no-such-file.eml", code=66)
    assert "no-such-file.eml: No such file" in err


def test_nothing_steers_the_terminal():
    octets = (SAMPLES / "postfix-user-unknown.eml").read_bytes().replace(b"User unknown", b"\x1b[31mno\x07")
    out, _ = run("bounce", "-", stdin=octets)
    assert "\x1b" not in out
    assert "\x07" not in out


@pytest.fixture
def sent(tmp_path):
    """An outbox with a sent message, and the message's envelope sender."""
    path = tmp_path / "mail.db"
    with rsmtp.Catcher(tls="none") as catcher, Outbox(path) as outbox:
        verp = rsmtp.Verp("bounces@example.com", SECRET)
        outbox.put(rsmtp.Message("Hi", subject="x", from_="ann@example.com", to="bob@example.org"))
        with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none", verp=verp) as mailer:
            outbox.run(mailer)
        yield path, catcher.messages[0].mail_from


def returned(sender):
    octets = (SAMPLES / "postfix-user-unknown.eml").read_bytes()
    return octets.replace(b"To: bounces@example.com", f"To: {sender}".encode())


def test_it_is_marked_in_an_outbox(sent):
    path, sender = sent
    verp = ("--outbox", path, "--verp", "bounces@example.com", "-")
    out, _ = run("bounce", *verp, stdin=returned("bounces@example.com"), RSMTP_VERP_SECRET=SECRET)
    assert "a report about no message of this outbox" in out
    out, _ = run("bounce", "--json", *verp, stdin=returned(sender), RSMTP_VERP_SECRET=SECRET)
    assert json.loads(out)["applied"][0] == {
        "address": "bob@example.org", "message": 1, "what": "bounced", "suppressed": True,
    }  # fmt: skip
    assert "refused" in run("outbox", "status", path)[0]
    assert "bounced" in run("outbox", "show", path, "1")[0]


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (("--verp", "bounces@example.com", "-"), {}, "--outbox, which is missing"),
        (("--outbox", "mail.db", "--verp", "b@x.org", "-"), {}, "RSMTP_VERP_SECRET is not set"),
        (
            ("--outbox", "mail.db", "--verp", "b@x.org", "-"),
            {"RSMTP_VERP_SECRET": "x"},
            "RSMTP_VERP_SECRET: 16 octets",
        ),
        (("--outbox", "mail.db", "--verp", "b", "-"), {"RSMTP_VERP_SECRET": SECRET}, "--verp: 'b' is not"),
    ],
)
def test_wrong_arguments(arguments, environment, words):
    _, err = run("bounce", *arguments, code=2, **environment)
    assert words in err


def test_an_outbox_that_is_not_there():
    _, err = run("bounce", "--outbox", "no-such.db", "-", code=66)
    assert "no-such.db: there is no such file" in err


def test_a_catcher_takes_them_and_marks_them(sent):
    path, sender = sent
    arguments = (
        "--port",
        "0",
        "--no-web",
        "--lmtp",
        "--tls",
        "none",
        "--bounces",
        path,
        "--verp",
        "bounces@example.com",
    )
    catcher = subprocess.Popen(
        command("catch", *arguments),
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"RSMTP_VERP_SECRET": SECRET},
    )
    try:
        where = next(line for line in catcher.stdout if "LMTP on" in line).split(" on ")[1].split(",")[0]
        with rsmtp.Mailer(f"lmtp://{where}?tls=none") as mailer:
            # The address that the report is delivered to counts, not the report's header.
            mailer.send(("", [sender], (SAMPLES / "forwarded-full.eml").read_bytes()))
            mailer.send(("", ["ann@example.com"], (SAMPLES / "ordinary.eml").read_bytes()))
        said = [
            next(line for line in catcher.stdout if words in line) for words in ("of message", "not a report")
        ]
    finally:
        catcher.terminate()
        catcher.wait(timeout=30)
        catcher.stdout.close()
    assert said[0].strip() == "bob@example.org of message 1: bounced"
    with Outbox(path, read_only=True) as outbox:
        assert outbox.get(1).state == "refused"
