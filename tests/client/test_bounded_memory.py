"""Sending takes a few megabytes, however large an attachment is and however much a server sends."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import errors

HERE = Path(__file__).parent
LIMIT = 8 * 1000 * 1000 // 1024

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A sparse file of one gigabyte, and its digest."""
    path = tmp_path_factory.mktemp("large") / "large.bin"
    size, islands = 1_000_000_000, random.Random(1)
    with open(path, "wb") as file:
        file.truncate(size)
        for at in (0, 333_333_333, size - 1000):
            file.seek(at)
            file.write(islands.randbytes(1000))
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    yield path, digest
    path.unlink()


@pytest.mark.parametrize(
    ("sender", "how", "extensions"),
    [
        ("SmtpClient", "path", ["CHUNKING", "PIPELINING"]),
        ("AsyncSmtpClient", "object", []),
        ("Mailer", "object", ["CHUNKING", "PIPELINING"]),
        ("AsyncMailer", "path", ["PIPELINING"]),
        ("SmtpClient", "object", ["CHUNKING", "BINARYMIME"]),
        ("AsyncMailer", "path", ["CHUNKING", "BINARYMIME"]),
    ],
)
def test_a_gigabyte(large, sender, how, extensions):
    path, digest = large
    send(path, digest, how, extensions, sender)


def test_what_lies_in_memory_is_encoded_on_its_way(tmp_path):
    path = tmp_path / "some.bin"
    octets = random.Random(2).randbytes(50_000_000)
    path.write_bytes(octets)
    send(path, hashlib.sha256(octets).hexdigest(), "memory", ["CHUNKING"])


def send(path, digest, how, extensions, sender="SmtpClient"):
    sink = [sys.executable, str(HERE / "sink.py"), *extensions]
    with subprocess.Popen(sink, stdout=subprocess.PIPE, text=True) as server:
        try:
            port = server.stdout.readline().strip()
            options = ["binary"] if "BINARYMIME" in extensions else []
            client = [sys.executable, str(HERE / "send_file.py"), port, str(path), how, sender, *options]
            done = subprocess.run(client, capture_output=True, text=True, timeout=240)
            assert done.returncode == 0, done.stderr
            got = json.loads(server.stdout.readline())
        finally:
            server.kill()
    told = json.loads(done.stdout)
    print(told)
    assert told["refused"] == {}
    assert told["rise"] < LIMIT
    assert got["sha256"] == digest
    assert got["size"] == got["octets"]
    size = os.path.getsize(path)
    assert got["octets"] < size + 5_000 if options else got["octets"] > size * 4 / 3


# The longest allowed reply to every single recipient.
TALKATIVE = ["550-5.1.1 " + "x" * 7000] * 9 + ["550 end"]


@pytest.mark.parametrize("extensions", [[], ["PIPELINING"]], ids=["one by one", "pipelined"])
def test_what_a_server_says_to_many_recipients_is_kept_in_part(either_driver, extensions):
    many = [f"b{number}@example.org" for number in range(600)]
    with serve(answering({"RCPT": TALKATIVE}, extensions=extensions)) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=50)
        with pytest.raises(errors.SMTPRecipientsRefused) as raised:
            client.sendmail("a@example.org", many, "x")
        told = raised.value.recipients
        assert len(told) == 600
        assert sum(len(text) for _, text in told.values()) <= 600 * 2048
        assert all(text.startswith(b"5.1.1 xxx") and len(text) > 2000 for _, text in told.values())
        # For a few recipients, long replies are kept.
        with pytest.raises(errors.SMTPRecipientsRefused) as raised:
            client.sendmail("a@example.org", many[:3], "x")
        assert all(text.endswith(b"\nend") for _, text in raised.value.recipients.values())
        client.close()


@pytest.mark.parametrize("step", ["RCPT", "MAIL", "."])
def test_what_a_server_says_to_many_messages_is_kept_in_part(step):
    messages = [("a@example.org", ["b@example.org"], b"x\r\n")] * 20
    with serve(answering({step: TALKATIVE})) as server:
        with rsmtp.Mailer(host=server.host, port=server.port, tls="none", timeout=50, retries=0) as mailer:
            report = mailer.send_all(messages)
    assert report.refused == 20
    for receipt in report.receipts:
        (recipient,) = receipt.recipients
        assert recipient.enhanced_code == "5.1.1" and 2000 < len(recipient.text) <= 2048
