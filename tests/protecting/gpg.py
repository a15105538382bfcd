"""GnuPG with a home and keys of its own: people's keys are made by it, and it reads what rsmtp
writes."""

import datetime
import os
import re
import shutil
import subprocess
import tempfile
import time

import pytest

GPG = shutil.which("gpg")


class Gpg:
    """`tempfile` and not pytest's folders: the agent's socket has a path of 108 octets at most."""

    def __init__(self):
        if GPG is None:
            pytest.skip("needs gpg (apt-get install gnupg)")
        self.home = tempfile.mkdtemp(prefix="gpg")
        # Else a passphrase costs a tenth of a second each time, and seconds on a busy machine.
        with open(f"{self.home}/gpg-agent.conf", "w") as file:
            file.write("s2k-count 65536\n")
        # gpg waits some seconds for an agent that it starts, which a busy machine exceeds.
        until = time.monotonic() + 40
        while self.run("/bye", program=shutil.which("gpg-connect-agent")).returncode:
            assert time.monotonic() < until, "gpg-agent does not start"

    def close(self):
        self("gpgconf", "--kill", "all", program=shutil.which("gpgconf"))
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, *arguments, given=b"", program=GPG, passphrase="", at=None):
        options = ["--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", passphrase]
        options += ["--faked-system-time", f"{at:%Y%m%dT%H%M%S}"] if at else []
        command = [program, *(options if program == GPG else []), *arguments]
        environment = {**os.environ, "GNUPGHOME": self.home, "LC_ALL": "C"}
        return subprocess.run(command, input=given, capture_output=True, timeout=50, env=environment)

    def __call__(self, *arguments, **more):
        done = self.run(*[each for each in arguments if each != "gpgconf"], **more)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout

    def person(
        self, address, *, main="ed25519", sub="cv25519", at=None, passphrase="", days="0", sub_days="0"
    ):
        """Makes a key with a part that encrypts, and returns its fingerprint."""
        more = {"passphrase": passphrase, "at": at}
        name = address.partition("@")[0].title()
        self("--quick-gen-key", f"{name} <{address}>", main, "cert,sign", days, **more)
        fingerprint = self.fingerprint(address)
        if sub:
            # Time goes on while gpg makes the first, and a part is never older than its key.
            more["at"] = at and at + datetime.timedelta(minutes=5)
            self("--quick-add-key", fingerprint, sub, "encr", sub_days, **more)
        return fingerprint

    def fingerprint(self, address):
        return re.search(r"^fpr:*([0-9A-F]+):", self("--with-colons", "-k", address).decode(), re.M)[1]

    def public(self, *addresses):
        return self("--export", *addresses)

    def secret(self, address, passphrase=""):
        return self("--armor", "--export-secret-keys", address, passphrase=passphrase)

    def revoke(self, fingerprint):
        """By the certificate that gpg writes with each new key, behind a colon."""
        with open(f"{self.home}/openpgp-revocs.d/{fingerprint}.rev") as file:
            self("--import", given=file.read().replace(":-----BEGIN", "-----BEGIN").encode())

    def revoke_subkey(self, fingerprint):
        answers = b"key 1\nrevkey\ny\n0\n\ny\nsave\n"
        self("--command-fd", "0", "--edit-key", fingerprint, given=answers)

    # -- what a reader's mail program does ------------------------------------------------------

    def verified(self, octets):
        """The signed entity of multipart/signed, octet for octet, after gpg has verified it."""
        octets = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        boundary = re.search(rb'multipart/signed;[^"]+"[^"]+";[^"]+"([^"]+)";\s+boundary="([^"]+)"', octets)
        assert boundary, octets[:2000]
        _, entity, signature, end = octets.split(b"\r\n--" + boundary[2])
        assert end.startswith(b"--")
        entity = entity.removeprefix(b"\r\n")
        files = f"{self.home}/signature", f"{self.home}/entity"
        for file, content in zip(files, (signature.partition(b"\r\n\r\n")[2], entity), strict=True):
            with open(file, "wb") as opened:
                opened.write(content)
        told = self("--status-fd", "1", "--verify", *files).decode(errors="replace")
        assert "GOODSIG" in told and "VALIDSIG" in told
        # The hash that micalg names is the signature's (RFC 3156 section 5).
        number = re.search(r"VALIDSIG (?:\S+ ){7}(\d+)", told)[1]
        assert boundary[1].decode() == "pgp-" + {"8": "sha256", "9": "sha384", "10": "sha512"}[number]
        return entity

    def decrypted(self, message, *, passphrase="", signed=True):
        """The entity inside of multipart/encrypted, and whether one message is signed and encrypted."""
        version, sealed = message.iter_parts()
        assert version.get_content_type() == "application/pgp-encrypted"
        assert version.get_payload().strip() == "Version: 1"
        file = f"{self.home}/opened"
        told = self(
            *("--status-fd", "1", "--output", file, "--decrypt"),
            given=sealed.get_payload(decode=True),
            passphrase=passphrase,
        ).decode(errors="replace")
        assert ("GOODSIG" in told) == signed
        with open(file, "rb") as opened:
            return opened.read()

    def readers(self, message):
        """The key IDs for which it is encrypted."""
        _, sealed = message.iter_parts()
        told = self.run("--list-packets", "--list-only", given=sealed.get_payload(decode=True))
        return set(re.findall(r"keyid ([0-9A-F]{16})", told.stdout.decode()))


def ago(days):
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
