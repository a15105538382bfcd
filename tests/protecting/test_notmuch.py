"""A mail program that is not ours reads PGP/MIME: notmuch, by GMime and GPGME."""

import contextlib
import json
import os
import shutil
import subprocess

import pytest

import rsmtp

from .gpg import Gpg
from .letters import TEXT, letter

NOTMUCH = shutil.which("notmuch")


@pytest.fixture(scope="module")
def gpg():
    with contextlib.closing(Gpg()) as gpg:
        for address in ("ann@example.org", "bob@example.com"):
            gpg.person(address)
        yield gpg


def shown(gpg, folder, octets):
    """What notmuch says of a message."""
    if NOTMUCH is None:
        pytest.skip("needs notmuch (apt-get install notmuch)")
    for each in ("cur", "new", "tmp"):
        (folder / "mail" / each).mkdir(parents=True)
    (folder / "mail" / "cur" / "1:2,").write_bytes(octets)
    (folder / "config").write_text(f"[database]\npath={folder}/mail\n[user]\nprimary_email=bob@example.com\n")
    environment = {**os.environ, "NOTMUCH_CONFIG": str(folder / "config"), "GNUPGHOME": gpg.home}
    for command in (["new", "--decrypt=true"], ["show", "--format=json", "--verify", "--decrypt=true", "*"]):
        done = subprocess.run([NOTMUCH, *command], capture_output=True, timeout=50, env=environment)
        assert done.returncode == 0, done.stderr.decode()
    [[[message, _]]] = json.loads(done.stdout)
    return message


def texts(parts):
    for part in parts:
        if isinstance(part.get("content"), list):
            yield from texts(part["content"])
        elif part["content-type"] == "text/plain":
            yield part["content"]


@pytest.mark.parametrize(
    ("sign", "encrypt"), [(True, False), (False, True), (True, True)], ids=["signed", "encrypted", "both"]
)
def test_reads(sign, encrypt, gpg, tmp_path):
    known = {"bob@example.com": gpg.public("bob@example.com")}
    pgp = rsmtp.OpenPgp(gpg.secret("ann@example.org"), recipients=known, autocrypt="mutual")
    message = letter(html="<p>Grüße", attachments=[("a.txt", "x \ny \n")])
    found = shown(gpg, tmp_path, bytes(message.protect(pgp, sign=sign, encrypt=encrypt)))
    crypto = found["crypto"]
    signatures = crypto.get("signed", {}).get("status", [])
    assert [(each["status"], each["email"]) for each in signatures] == [("good", "ann@example.org")] * sign
    assert crypto.get("decrypted", {}).get("status") == ("full" if encrypt else None)
    assert next(texts(found["body"])).rstrip() == TEXT.rstrip()


def test_tells_a_changed_message(gpg, tmp_path):
    octets = bytes(letter("Pay 100").protect(rsmtp.OpenPgp(gpg.secret("ann@example.org"))))
    found = shown(gpg, tmp_path, octets.replace(b"Pay 100", b"Pay 900"))
    assert [each["status"] for each in found["crypto"]["signed"]["status"]] == ["bad"]
