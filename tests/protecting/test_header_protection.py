"""The protected header as RFC 9788 has it, by its own examples (Appendix C): what stands inside and
outside for smime-multipart-hp and smime-signed-enc-hp-baseline, by S/MIME and by OpenPGP."""

import contextlib

import pytest

import rsmtp

from .gpg import Gpg
from .letters import read
from .people import certify
from .test_smime import decrypted, verified

FIELDS = {
    "Subject": "smime-multipart-hp",
    "Message-ID": "<smime-multipart-hp@example>",
    "From": "Alice <alice@smime.example>",
    "To": "Bob <bob@smime.example>",
    "Date": "Sat, 20 Feb 2021 10:07:02 -0500",
    "User-Agent": "Sample MUA Version 1.0",
}
STRUCTURE = {"mime-version", "content-type", "content-transfer-encoding", "content-disposition"}


def sample(**more):
    octets = "".join(f"{name}: {value}\r\n" for name, value in {**FIELDS, **more}.items())
    kind = 'MIME-Version: 1.0\r\nContent-Transfer-Encoding: 7bit\r\nContent-Type: text/plain; charset="utf-8"'
    return rsmtp.email.message_from_bytes(f"{octets}{kind}\r\n\r\nThis is the\r\nmessage.\r\n".encode())


@pytest.fixture(scope="module", params=["S/MIME", "OpenPGP"])
def way(request, tmp_path_factory):
    """A protector, and what takes its signature and its encryption off."""
    addresses = ("alice@smime.example", "bob@smime.example")
    if request.param == "S/MIME":
        folder = tmp_path_factory.mktemp("people")
        root = certify(folder, None, "ca", is_authority=True)
        for address in addresses:
            certify(folder, address, address.partition("@")[0], by=root)
        smime = rsmtp.Smime(
            folder / "alice.pem", folder / "alice.key", recipients={addresses[1]: folder / "bob.pem"}
        )

        def opened(octets):
            return read(verified(decrypted(octets, folder, "bob"), folder))

        yield smime, lambda octets: read(verified(octets, folder)), opened
    else:
        with contextlib.closing(Gpg()) as gpg:
            for address in addresses:
                gpg.person(address)
            pgp = rsmtp.OpenPgp(gpg.secret(addresses[0]), recipients={addresses[1]: gpg.public(addresses[1])})
            yield (
                pgp,
                lambda octets: read(gpg.verified(octets)),
                lambda octets: read(gpg.decrypted(read(octets))),
            )


def fields(message, but=()):
    """All but those of MIME, each name with its values."""
    names = [name for name in message if name.lower() not in STRUCTURE | set(but)]
    return {name: [str(value) for value in message.get_all(name)] for name in names}


def test_signed(way):
    protector, verify, _ = way
    octets = bytes(sample().protect(protector))
    outer, payload = read(octets), verify(octets)
    assert payload["Content-Type"].params == {"charset": "utf-8", "hp": "clear"}
    assert fields(payload) == fields(outer) == {name: [value] for name, value in FIELDS.items()}


def test_signed_and_encrypted(way):
    """With the policy hcp_baseline: Subject is obscured, Comments and Keywords are removed."""
    protector, _, opened = way
    octets = bytes(sample(Comments="for you", Keywords="one, two").protect(protector, encrypt=True))
    outer, payload = read(octets), opened(octets)
    assert payload["Content-Type"].params == {"charset": "utf-8", "hp": "cipher"}
    seen = {**FIELDS, "Subject": "[...]"}
    assert fields(outer) == {name: [value] for name, value in seen.items()}
    told = payload.get_all("HP-Outer")
    assert sorted(told) == sorted(f"{name}: {value}" for name, value in seen.items())
    inside = {**FIELDS, "Comments": "for you", "Keywords": "one, two"}
    assert fields(payload, but=["hp-outer"]) == {name: [value] for name, value in inside.items()}
    # What a reader must not show outside when it answers (section 4.3: not in HP-Outer as it is inside).
    outside = {tuple(line.split(": ", 1)) for line in told}
    assert {name for name, value in inside.items() if (name, value) not in outside} == {
        *("Subject", "Comments", "Keywords"),
    }
