"""Three verifiers: dkimpy, OpenDKIM's library, and Perl's Mail::DKIM. None of them asks the real DNS."""

import functools
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import dkim
import dns.message
import dns.rrset
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

import rsmtp


@functools.cache
def private_key(kind):
    """A key made by another library, in PEM."""
    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else rsa.generate_private_key(65537, kind)
    return pem_of(key)


def pem_of(key, form=serialization.PrivateFormat.PKCS8, encryption=None):
    encryption = encryption or serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, encryption)


@functools.cache
def rsa_key():
    return private_key(2048)


def signature(kind=2048, domain="example.com", selector=None, **options):
    """A `Dkim` with one of those keys."""
    return rsmtp.Dkim(domain, selector or f"s-{kind}", private_key(kind), **options)


def zone_of(*signatures):
    """The records to publish, as name -> value."""
    return {record.name: record.value for record in (each.dns_record() for each in signatures)}


def results(octets, *signatures):
    """dkimpy's result for each DKIM-Signature, from the top."""
    zone = {name.encode() + b".": value.encode() for name, value in zone_of(*signatures).items()}
    lookup = lambda name, timeout=5: zone.get(name)  # noqa: E731
    verifier = dkim.DKIM(octets, minkey=1024)
    count = len(re.findall(rb"(?im)^dkim-signature[ \t]*:", octets.partition(b"\r\n\r\n")[0]))
    return [_holds(verifier, index, lookup) for index in range(count)]


def _holds(verifier, index, lookup):
    try:
        return verifier.verify(idx=index, dnsfunc=lookup)
    except dkim.ValidationError:
        return False


def assert_verifies(octets, *signatures):
    assert results(octets, *signatures) == [True] * len(signatures)


# -- OpenDKIM --------------------------------------------------------------------------------

_NAME_SERVER = "127.0.0.77"


class Zone:
    """A name server on loopback with these TXT records."""

    def __init__(self, records):
        self._records = records
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((_NAME_SERVER, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                octets, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not octets:
                return
            query = dns.message.from_wire(octets)
            answer = dns.message.make_response(query)
            name = query.question[0].name
            if value := self._records.get(str(name).rstrip(".")):
                strings = " ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", strings))
            self._socket.sendto(answer.to_wire(), peer)

    def close(self):
        # Closing the socket does not wake a thread in recvfrom.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


# Prints the result of each signature, from the top.
_MAIL_DKIM = """
use strict; use warnings; use Net::DNS; use Mail::DKIM::DNS; use Mail::DKIM::Verifier;
Mail::DKIM::DNS::resolver(Net::DNS::Resolver->new(nameservers => [$ARGV[0]], defnames => 0, dnsrch => 0));
my $verifier = Mail::DKIM::Verifier->new;
binmode STDIN;
while (read STDIN, my $octets, 65536) { $verifier->PRINT($octets) }
$verifier->CLOSE;
print join(" ", map { $_->algorithm . "=" . $_->result } $verifier->signatures);
"""


def mail_dkim(octets, *signatures):
    """The results of Mail::DKIM for the RSA signatures. Debian 12's knows no Ed25519."""
    if subprocess.run(["perl", "-MMail::DKIM", "-e1"], capture_output=True).returncode:
        pytest.skip("Mail::DKIM is missing: apt-get install --no-install-recommends libmail-dkim-perl")
    try:
        zone = Zone(zone_of(*signatures))
    except PermissionError:
        pytest.skip("only root can have a name server at port 53")
    try:
        command = ["perl", "-e", _MAIL_DKIM, _NAME_SERVER]
        done = subprocess.run(command, input=octets, capture_output=True, timeout=400)
    finally:
        zone.close()
    told = [one.partition("=") for one in done.stdout.decode().split()]
    return [result for algorithm, _, result in told if algorithm != "ed25519-sha256"] or [done.stderr]


def assert_all_verify(octets, *signatures):
    """By all three."""
    assert_verifies(octets, *signatures)
    assert opendkim(octets, *signatures) == ""
    kinds = re.findall(rb"(?<=[ ;])a=([^;]+);", octets.partition(b"\r\nFrom:")[0])
    assert mail_dkim(octets, *signatures) == ["pass"] * kinds.count(b"rsa-sha256")


def opendkim(octets, *signatures):
    """The output of opendkim-testmsg, which is empty if all is well."""
    program = shutil.which("opendkim-testmsg") or shutil.which("/usr/sbin/opendkim-testmsg")
    if program is None:
        pytest.skip("opendkim-testmsg is missing: apt-get install --no-install-recommends opendkim-tools")
    if (
        sys.platform != "linux"
        or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode
    ):
        pytest.skip("only root on Linux can tell OpenDKIM another name server")
    zone = Zone(zone_of(*signatures))
    try:
        with tempfile.TemporaryDirectory() as folder:
            resolver = Path(folder, "resolv.conf")
            resolver.write_text(f"nameserver {_NAME_SERVER}\n")
            command = f"mount --bind {resolver} /etc/resolv.conf && exec {program} -t {folder}"
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", command], input=octets, capture_output=True, timeout=400
            )
    finally:
        zone.close()
    return (done.stdout + done.stderr).decode() + (f"exit {done.returncode}" if done.returncode else "")
