"""Attached files are read twice: once for signing and once for sending."""

import os
import random
import subprocess
import sys
import textwrap

import pytest

import rsmtp

from .verifiers import assert_verifies, private_key, signature

OCTETS = random.Random(5).randbytes(1_000_000)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "report.bin"
    path.write_bytes(OCTETS)
    return path


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def letter(path):
    return rsmtp.Message(
        "Grüße", subject="with a file", from_="ann@example.com", to="bob@example.org", attachments=[path]
    )


@pytest.mark.parametrize("chunking", [True, False])
def test_a_file_is_covered(path, catcher, chunking):
    both = [signature(), signature("ed25519", canonicalization="simple/simple")]
    with rsmtp.Mailer(
        host="127.0.0.1", port=catcher.port, tls="none", dkim=both, chunking=chunking
    ) as mailer:
        assert mailer.send(letter(path)).ok
        assert mailer.send_all([letter(path), letter(path)]).ok
    for caught in catcher.wait_for(3, 20):
        assert_verifies(bytes(caught.data), *both)


def test_a_file_that_has_changed_between_signing_and_sending_is_an_error(path, catcher):
    signed = letter(path).sign(signature())
    path.write_bytes(OCTETS[::-1])
    os.utime(path, (1, 1))
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
        with pytest.raises(rsmtp.SMTPContentError, match="changed"):
            mailer.send(("ann@example.com", "bob@example.org", signed))
    assert catcher.messages == []


def test_a_file_that_is_gone_when_it_is_to_be_signed(path, catcher):
    message, other = letter(path), letter(__file__)
    path.unlink()
    with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim=signature()) as mailer:
        with pytest.raises(FileNotFoundError):
            mailer.send(message)
        report = mailer.send_all([message, other])
    assert (report.sent, report.not_sent) == (1, 1)
    with pytest.raises(OSError, match="report.bin"):
        message.sign(signature())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of memory in KiB")
def test_a_large_file_is_signed_in_bounded_memory(tmp_path):
    path = tmp_path / "large.bin"
    with open(path, "wb") as file:
        file.truncate(300_000_000)
    (tmp_path / "key.pem").write_bytes(private_key(2048))
    program = textwrap.dedent("""
        import resource, sys, rsmtp
        path, key = sys.argv[1:]
        dkim = [
            rsmtp.Dkim("example.com", "a", key),
            rsmtp.Dkim("example.com", "b", key, canonicalization="simple/simple"),
        ]
        small = rsmtp.Message("x", from_="ann@example.com", to="bob@example.org")
        large = rsmtp.Message("x", from_="ann@example.com", to="bob@example.org", attachments=[path])
        with rsmtp.Mailer("null:", dkim=dkim) as mailer:
            mailer.send(small)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            signed = large.sign(dkim)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(signed))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, path, tmp_path / "key.pem"],
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stderr
    more, octets = map(int, done.stdout.split())
    assert octets > 400_000_000
    assert more < 8000
