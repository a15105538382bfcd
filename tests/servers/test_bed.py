"""The servers themselves, tested with the standard library alone."""

import smtplib

import pytest


def send(bed, subject, role="relay"):
    with smtplib.SMTP(bed.host, bed.ports[role]) as server:
        return server.sendmail("bob@bed.test", "alice@bed.test", f"Subject: {subject}\n\nhello\n")


def test_mailbox_gives_what_was_delivered(bed):
    assert send(bed, "read me back") == {}
    message = bed.delivered("alice", "Subject: read me back")
    assert message.endswith(b"\n\nhello\n")
    assert b"Return-Path: <bob@bed.test>\n" in message


@pytest.mark.parametrize(
    ("role", "offered", "missing"),
    [
        ("relay", "starttls pipelining chunking 8bitmime smtputf8 size dsn", "auth"),
        ("submission", "starttls pipelining chunking", "auth"),
        ("no_chunking", "starttls pipelining", "chunking"),
        ("small", "size", "auth"),
        ("old", "", "starttls pipelining chunking 8bitmime smtputf8 size dsn auth"),
    ],
)
def test_roles_offer_what_they_say(bed, role, offered, missing):
    with smtplib.SMTP(bed.host, bed.ports[role]) as server:
        server.ehlo()
        assert [name for name in offered.split() if not server.has_extn(name)] == []
        assert [name for name in missing.split() if server.has_extn(name)] == []


def test_sink_takes_anything(bed):
    with smtplib.SMTP(bed.host, bed.ports["relay"]) as server:
        recipients = [f"user{n}@sink.test" for n in range(5)]
        assert server.sendmail("bob@bed.test", recipients, "Subject: x\n\n") == {}


@pytest.mark.parametrize("kill", [False, True])
def test_stops_and_starts_again_with_its_mail(bed, kill):
    send(bed, f"before the stop, kill={kill}")
    bed.delivered("alice", f"before the stop, kill={kill}")
    bed.stop(kill=kill)
    with pytest.raises(ConnectionRefusedError):
        send(bed, "to no recipient")
    bed.start()
    send(bed, f"after the start, kill={kill}")
    bed.delivered("alice", f"after the start, kill={kill}")
    bed.delivered("alice", f"before the stop, kill={kill}")
