"""What is signed and encrypted from end to end arrives so after Postfix and Dovecot."""

import contextlib

import pytest
from protecting.gpg import Gpg
from protecting.letters import TEXT, letter, read, said
from protecting.people import certify
from protecting.test_smime import decrypted, verified

import rsmtp


@pytest.fixture(scope="module")
def gpg():
    with contextlib.closing(Gpg()) as gpg:
        for name in ("alice", "bob"):
            gpg.person(f"{name}@bed.test")
        yield gpg


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    root = certify(folder, None, "ca", is_authority=True)
    for name in ("alice", "bob"):
        certify(folder, f"{name}@bed.test", name, by=root)
    return folder


@pytest.mark.parametrize("role", ["relay", "no_chunking", "old"])
@pytest.mark.parametrize("encrypt", [False, True])
@pytest.mark.parametrize("kind", ["OpenPGP", "S/MIME"])
def test_postfix_and_dovecot(kind, encrypt, role, bed, gpg, folder):
    bob = "bob@bed.test"
    if kind == "OpenPGP":
        protector = rsmtp.OpenPgp(
            gpg.secret("alice@bed.test"), recipients={bob: gpg.public(bob)}, autocrypt="mutual"
        )
    else:
        protector = rsmtp.Smime(
            folder / "alice.pem", folder / "alice.key", recipients={bob: folder / "bob.pem"}
        )
    message = letter(
        from_="alice@bed.test", to=bob, html="<p>Grüße", attachments=[("a.bin", bytes(range(256)) * 99)]
    )
    with rsmtp.Mailer(host=bed.host, port=bed.ports[role], tls="none") as mailer:
        assert mailer.send(message.protect(protector, encrypt=encrypt)).ok
    octets = bed.delivered("bob", message["Message-ID"])
    if kind == "OpenPGP":
        inner = gpg.decrypted(read(octets)) if encrypt else gpg.verified(octets)
    else:
        inner = verified(decrypted(octets, folder, "bob") if encrypt else octets, folder)
    assert said(read(inner)).rstrip() == TEXT.rstrip()
    [attached] = read(inner).iter_attachments()
    assert attached.get_content() == bytes(range(256)) * 99
