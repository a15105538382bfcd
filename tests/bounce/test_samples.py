"""Reads each kind of report: the recipients, whether they should get more mail, and the message
that the report is about."""

import email
import email.policy
import json
from pathlib import Path

import pytest

import rsmtp

SAMPLES = Path(__file__).parent / "samples"
ID = "<abc.1@example.com>"

# ruff: noqa: E501  a row for each sample
# Each row: kind, form, message_id and envid, and sent_to, action, status and hardness of the
# recipients.
EXPECTED = {
    "postfix-user-unknown": ("delivery", "RFC 3464", ID, "campaign/7", [("bob@example.org", "failed", "5.1.1", "hard")]),
    "forwarded-full": ("delivery", "RFC 3464", ID, None, [("bob@example.org", "failed", "5.2.2", "soft")]),
    "delayed": ("delivery", "RFC 3464", ID, None, [("bob@example.org", "delayed", "4.4.1", "soft")]),
    "several": (
        "delivery", "RFC 3464", "<abc.2@example.com>", "batch-9",
        [
            ("bob@example.org", "delivered", "2.0.0", "none"),
            ("carol@example.net", "failed", "5.7.1", "refused"),
            ("dora@example.net", "relayed", "2.0.0", "none"),
            ("erik@example.net", "failed", "5.0.0", "hard"),
        ],
    ),
    "utf-8-global": (
        "delivery", "RFC 3464", "<utf8.1@example.com>", None, [("jürgen@bücher.example", "failed", "5.1.1", "hard")],
    ),
    "exchange-not-found": ("delivery", "RFC 3464", ID, None, [("bob@example.org", "failed", "5.1.10", "hard")]),
    "complaint": ("complaint", "RFC 5965", ID, "campaign/7", [("bob@example.org", "complained", None, "hard")]),
    "complaint-redacted": ("complaint", "RFC 5965", ID, "campaign/7", [("bob@example.org", "complained", None, "hard")]),
    "not-spam": ("complaint", "RFC 5965", ID, "campaign/7", [("bob@example.org", "not-spam", None, "none")]),
    "read": ("disposition", "RFC 8098", ID, None, [("Bob@example.org", "displayed", None, "none")]),
    "away": ("auto-reply", "RFC 3834", ID, None, [("bob@example.org", "replied", None, "none")]),
    "away-in-german": ("auto-reply", "RFC 3834", None, None, [("bob@example.org", "replied", None, "none")]),
    "qmail": (
        "delivery", "QSBMF", ID, None,
        [("bob@example.org", "failed", "5.1.1", "hard"), ("carol@example.net", "failed", "5.1.2", "hard")],
    ),
    "exim": (
        "delivery", "X-Failed-Recipients", ID, None,
        [("bob@example.org", "failed", "5.7.1", "refused"), ("carol@example.net", "failed", None, "hard")],
    ),
    "exim-report": ("delivery", "RFC 3464", ID, "campaign 7+a", [("bob@example.org", "failed", "5.1.1", "hard")]),
    "opensmtpd-expired": (
        "delivery", "RFC 3464", ID, None,
        [("bob@example.org", "failed", "4.4.7", "soft"), ("carol@example.net", "delayed", "4.3.2", "soft")],
    ),
    "by-words": (
        "delivery", "words", ID, None,
        [("bob@example.org", "failed", "5.1.1", "hard"), ("carol@example.net", "failed", None, "soft")],
    ),
    "by-words-of-the-copy": ("delivery", "words", ID, None, [("bob@example.org", "failed", None, "soft")]),
    "parts-lost": ("delivery", "RFC 3464", ID, None, [("bob@example.org", "failed", "5.1.1", "hard")]),
    # Codes of the mailbox, words of the sender.
    "sender-rejected": (
        "delivery", "RFC 3464", None, None,
        [
            ("bob@example.org", "failed", "5.1.1", "refused"),
            ("carol@example.net", "failed", "5.1.1", "refused"),
            ("dora@example.net", "failed", "5.1.1", "soft"),
            ("erik@example.net", "failed", "5.1.0", "soft"),
        ],
    ),
    "ordinary": None,
    "newsletter": None,
}  # fmt: skip


def told(found):
    recipients = [(one.sent_to, one.action, one.status, one.hardness) for one in found.recipients]
    return found.kind, found.form, found.message_id, found.envid, recipients


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_a_report_is_read(name, ends):
    octets = (SAMPLES / f"{name}.eml").read_bytes().replace(b"\n", ends)
    found = rsmtp.bounce(octets)
    assert (found and told(found)) == EXPECTED[name]


def test_what_is_said_to_people_is_the_diagnostic_where_the_report_has_none():
    found = rsmtp.bounce(SAMPLES / "opensmtpd-expired.eml")
    assert [one.diagnostic for one in found.recipients] == ["Envelope expired", "451 4.3.2 Try again later"]


def test_every_sample_is_expected():
    assert {path.stem for path in SAMPLES.iterdir()} == EXPECTED.keys()


def test_what_a_server_said_is_kept():
    one = rsmtp.bounce(SAMPLES / "postfix-user-unknown.eml").recipients[0]
    assert one.diagnostic == "550 5.1.1 <bob@example.org>: Recipient address rejected: User unknown"
    assert one.remote_mta == "mx.example.org"
    assert one.original == "bob@example.org"
    assert one.advice.name == "no-mailbox"
    several = rsmtp.bounce(SAMPLES / "several.eml")
    assert several.recipients[1].advice.who == "Gmail"
    assert several.recipients[0].advice is None
    assert several.reporter == "mx.example.com"
    assert (several.hard, several.refused, several.soft) == (["erik@example.net"], ["carol@example.net"], [])
    away = rsmtp.bounce(SAMPLES / "exim.eml").recipients
    assert [one.advice.name for one in away] == ["spamhaus-listed", "no-mailbox-in-words"]
    full = rsmtp.bounce(SAMPLES / "forwarded-full.eml")
    assert (full.recipients[0].address, full.soft) == ("robert@elsewhere.example", ["bob@example.org"])


def test_who_complains_is_hidden_and_the_returned_message_names_them():
    found = rsmtp.bounce(SAMPLES / "complaint-redacted.eml")
    assert found.hard == ["bob@example.org"]
    assert found.feedback_type == "abuse"


def ways(path):
    octets = path.read_bytes()
    yield octets
    yield bytearray(octets)
    yield memoryview(octets)
    yield octets.decode()
    yield path
    yield email.message_from_bytes(octets)
    yield email.message_from_bytes(octets, policy=email.policy.default)


def test_however_the_message_is_given():
    path = SAMPLES / "postfix-user-unknown.eml"
    expected = EXPECTED["postfix-user-unknown"]
    for way in ways(path):
        assert told(rsmtp.bounce(way)) == expected, type(way)
    with path.open("rb") as file:
        assert told(rsmtp.bounce(file)) == expected


def test_a_caught_message_brings_its_envelope():
    octets = (SAMPLES / "postfix-user-unknown.eml").read_bytes()
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
            mailer.send(("", ["bounces+x@example.com"], octets))
        found = rsmtp.bounce(catcher.messages[0])
    assert told(found) == EXPECTED["postfix-user-unknown"]
    assert found.came_to[0] == "bounces+x@example.com"


def test_as_json_and_as_text():
    found = rsmtp.bounce(SAMPLES / "several.eml")
    again = json.loads(json.dumps(found.to_dict()))
    assert again["recipients"][3]["hardness"] == "hard"
    assert again["message_id"] == "<abc.2@example.com>"
    assert "erik@example.net failed (hard): 5.0.0 550 No such user here" in str(found)
    with pytest.raises(AttributeError):
        found.kind = "complaint"


@pytest.mark.parametrize("given", [None, 7, ["x"], object()])
def test_what_is_no_message_is_refused(given):
    with pytest.raises(TypeError, match="message: a message, its octets or its path is wanted"):
        rsmtp.bounce(given)


def test_a_text_file_is_refused(tmp_path):
    path = tmp_path / "m.eml"
    path.write_text("x")
    with path.open() as file, pytest.raises(ValueError, match="open for bytes"):
        rsmtp.bounce(file)
