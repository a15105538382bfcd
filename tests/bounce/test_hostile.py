"""Hostile mail tries to make the reader fail, take long, or believe a forgery."""

import random
from pathlib import Path

import pytest

import rsmtp

SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())


def nested(depth):
    head = "".join(f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return ("From: x@y.org\n" + head + "Content-Type: text/plain\n\nhi\n").encode()


def report(body, kind="message/delivery-status", head=""):
    return (
        f"From: MAILER-DAEMON@x.org\nSubject: failure\n{head}Content-Type: multipart/report; boundary=b\n\n"
        f"--b\nContent-Type: {kind}\n\n{body}\n--b--\n"
    ).encode()


FAILED = "Final-Recipient: rfc822; u@x.org\nAction: failed"

# ruff: noqa: E501  a row for each
HOSTILE = {
    "nothing": b"",
    "line ends": b"\r\n" * 100_000,
    "NULs": b"\0" * 100_000,
    "a deep nest": nested(10_000),
    "itself for a boundary": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n" * 200_000,
    "a boundary on each line": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "an empty boundary": b'Content-Type: multipart/report; boundary=""\n\n--\n\nx\n--\n',
    "a bad parameter": b"Content-Type: multipart/report; boundary*0*=%%%; boundary*1=x\n\nx",
    "an unknown character set": report("x", 'text/plain; charset="no-such"'),
    "a slow codec": report("x" * 50_000, "text/plain; charset=punycode"),
    "a codec that unpacks": report("x", "text/plain; charset=zlib"),
    "many recipients": report("\n\n".join(f"Final-Recipient: rfc822; u{n}@x.org\nAction: failed" for n in range(50_000))),
    "a long field": report("Final-Recipient: rfc822; " + "a" * 200_000 + "@x.org\nAction: failed"),
    "a long fold": report("Diagnostic-Code: x;" + "\n y" * 100_000 + "\nFinal-Recipient: rfc822; a@x.org\nAction: failed"),
    "base64 that is none": report("=" * 1000 + "\n" + "A" * 77 + "\n", "message/delivery-status\nContent-Transfer-Encoding: base64"),
    "many fields": b"X-Failed-Recipients: a@b.org\n" * 50_000 + b"\nhi\n",
    "qmail's beginning": b"From: a@b\n\nHi. This is the " + b"<a@b.org>:\n\n" * 100_000,
    "angle brackets": b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"<" * 500_000,
    "addresses": b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"a@b.org " * 100_000,
    "comments in From": b"From: " + b"(" * 50_000 + b"\nSubject: Auto: reply\nAuto-Submitted: auto-replied\n\nx",
    "an address that does not end": report("Final-Recipient: rfc822; <" + "@a" * 45_000 + "\nAction: failed"),
    "empty lines before a report": report("x\n" * 10 + "\n" * 200_000 + f"\n--b\nContent-Type: message/delivery-status\n\n{FAILED}", "text/plain"),
    "many recipients, and many words": report("line\n" * 90_000 + "--b\nContent-Type: message/delivery-status\n\n" + "\n\n".join(f"Final-Recipient: rfc822; u{n}@x.org\nAction: failed" for n in range(1_000)), "text/plain"),
    "many names, and many words": ("X-Failed-Recipients: " + ", ".join(f"u{n}@x.org" for n in range(1_000)) + "\n\n" + "line\n" * 90_000).encode(),
    "a long line of commas": report("Reporting-MTA: dns; x\n\n" + "," * 90_000),
    "a long line of words": report("Reporting-MTA: dns; x\n\n" + "a," * 45_000),
    "semicolons": b'Content-Type: multipart/report; x="' + b";" * 90_000 + b"\n\nx",
    "half a character": b"Content-Type: text/plain; charset=utf-7\n\nHi. This is the x\n\n<u+2AA-u@x.org>:\nno such user +2AA-\n",
    "half a character in a str": "Subject: \ud800\n\nx",
    "encoded words": b"From: MAILER-DAEMON\nSubject: " + b"=?utf-8?b?4pi6?= " * 5_000 + b"\n\nx",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_it_is_read_or_is_none(name):
    found = rsmtp.bounce(HOSTILE[name])
    if found is not None:
        assert len(found.recipients) <= 1_000
        assert all(len(one.address) <= 1_000 for one in found.recipients)
        assert str(found)
        assert found.to_dict()["kind"] == found.kind
        for one in found.recipients[:3]:
            assert one.advice is None or one.advice.means


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_whatever_is_cut_or_changed_raises_nothing(sample):
    octets = sample.read_bytes()
    chance = random.Random(7)
    for _ in range(60):
        start = chance.randrange(len(octets))
        end = chance.randrange(start, len(octets) + 1)
        noise = bytes(chance.randrange(256) for _ in range(chance.randrange(8)))
        rsmtp.bounce(octets[:start] + noise + octets[end:])
        rsmtp.bounce(octets[:start])


def test_no_address_has_a_line_break_or_a_space():
    found = rsmtp.bounce(report("Final-Recipient: rfc822; a b@x.org\nAction: failed"))
    assert found is None
    found = rsmtp.bounce(report("Final-Recipient: rfc822; <a@x.org>\n , <b@x.org>\nAction: failed"))
    assert [one.address for one in found.recipients] == ["a@x.org"]


def test_what_stands_in_the_returned_message_is_not_believed():
    """A message may be forged so that its return looks like a report about another message."""
    inner = report("Final-Recipient: rfc822; victim@x.org\nAction: failed\nStatus: 5.1.1").decode()
    outer = (
        "From: MAILER-DAEMON@x.org\nContent-Type: multipart/report; boundary=o\n\n--o\nContent-Type: "
        "message/delivery-status\n\nFinal-Recipient: rfc822; bob@x.org\nAction: failed\nStatus: 5.1.1\n"
        f"--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    )
    assert rsmtp.bounce(outer).hard == ["bob@x.org"]


def test_qmail_names_addresses():
    assert rsmtp.bounce(b"From: a@b\n\nHi. This is Bob.\n\n<the minutes; of Monday>:\nno such user\n") is None
