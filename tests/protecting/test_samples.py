"""Signed and encrypted mail of other programs, sent on as it is: Enigmail's, Apple Mail's, KMail's and
others' (`make protected`). gpg and openssl say of what arrives what they said before."""

import email
import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import rsmtp
import rsmtp.email

from .gpg import Gpg
from .letters import SERVERS
from .test_smime import OPENSSL

FOLDER = os.environ.get("RSMTP_PROTECTED")
pytestmark = pytest.mark.skipif(not FOLDER, reason="other people's files, which `make protected` fetches")
FILES = sorted(path for path in Path(FOLDER).glob("[kn]*/*") if path.is_file()) if FOLDER else []


@pytest.fixture(scope="module")
def gpg():
    if OPENSSL is None:
        pytest.skip("needs openssl (apt-get install openssl)")
    gpg = Gpg()
    try:
        shutil.copytree(Path(FOLDER) / "home", gpg.home, dirs_exist_ok=True)
        gpg.run("--import", f"{gpg.home}/gnupg-secret-key.asc")
        yield gpg
    finally:
        gpg.close()


def verdict(gpg, octets):
    """What a reader is told of each protected part; empty where there is none."""
    octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    told = []
    for part in email.message_from_bytes(octets).walk():
        kind, parameters = part.get_content_type(), str(part.get("Content-Type")).lower()
        if kind == "multipart/signed" and "pgp" in parameters:
            told.append(("signed", *of_signature(gpg, octets, part.get_boundary().encode())))
        elif kind == "multipart/encrypted" and "pgp" in parameters and len(part.get_payload()) == 2:
            told.append(("encrypted", *of_encryption(gpg, part.get_payload(1).get_payload(decode=True))))
    kind = email.message_from_bytes(octets).get_content_type()
    if kind.endswith("pkcs7-mime") or (kind == "multipart/signed" and not told):
        done = subprocess.run([OPENSSL, "cms", "-verify", "-noverify"], input=octets, capture_output=True)
        told.append(("S/MIME", done.returncode, hashlib.sha256(done.stdout).hexdigest()))
    return told


def of_signature(gpg, octets, boundary):
    pieces = re.split(rb"(?:\A|\r\n)--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?=\r\n|\Z)", octets)
    if len(pieces) < 3:
        return ("no signature",)
    entity, signature = pieces[1].removeprefix(b"\r\n"), pieces[2].partition(b"\r\n\r\n")[2]
    files = f"{gpg.home}/signature", f"{gpg.home}/entity"
    for file, content in zip(files, (signature, entity), strict=True):
        Path(file).write_bytes(content)
    done = gpg.run("--status-fd", "1", "--verify", *files)
    words = re.findall(rb"GOODSIG|BADSIG|NO_PUBKEY|EXPKEYSIG|REVKEYSIG", done.stdout)
    return words, hashlib.sha256(entity).hexdigest()


def of_encryption(gpg, octets):
    done = gpg.run("--status-fd", "2", "--decrypt", given=octets)
    words = re.findall(rb"GOODSIG|BADSIG|DECRYPTION_OKAY|NO_SECKEY", done.stderr)
    return words, hashlib.sha256(done.stdout).hexdigest()


def sent_on(message, without):
    with rsmtp.Catcher(tls="none", without=without) as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
            envelope = rsmtp.Envelope("ann@example.org", "bob@example.com")
            assert mailer.send(message, envelope=envelope).ok
        (caught,) = catcher.wait_for(1, 20)
    return bytes(caught.data)


@pytest.mark.timeout(900)
def test_arrive_as_they_were(gpg):
    seen = dict.fromkeys(("signed", "encrypted", "S/MIME"), 0)
    good = 0
    for path in FILES:
        octets = re.sub(rb"\AFrom [^\n]*\n", b"", path.read_bytes())
        if not (before := verdict(gpg, octets)):
            continue
        for kind, *_ in before:
            seen[kind] += 1
        good += any(
            b"GOODSIG" in words or b"DECRYPTION_OKAY" in words
            for _, words, *_ in before
            if isinstance(words, list)
        )
        for without in SERVERS:
            message = rsmtp.email.message_from_bytes(octets)
            try:
                arrived = sent_on(message, without)
            except rsmtp.SMTPNotSupportedError as error:
                # 8-bit octets in what is signed can't be changed for a 7-bit server.
                assert "8BITMIME" in without and not octets.isascii(), (path, error)
                continue
            assert verdict(gpg, arrived) == before, (path, without)
    print(f"{seen}, of which gpg opens or believes {good}")
    assert min(seen.values()) > 5 and good > 30
