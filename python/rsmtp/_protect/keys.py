"""OpenPGP keys from what people have: armoured or binary, octets or files, one or a keyring. Which of
a key's parts can encrypt now is decided here; Sequoia believes their signatures, or does not."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rsmtp._common.extras import library
from rsmtp._common.mailboxes import folded
from rsmtp._protect.recipients import octets as octets_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

WHAT = "a path, or a key as bytes or armoured text,"
PUBLIC, PRIVATE = (f"-----BEGIN PGP {kind} KEY BLOCK-----".encode() for kind in ("PUBLIC", "PRIVATE"))
KEYBOX = b"KBXf"
_ASKED = (
    *("tag", "signature_type", "signature_created", "issuer_fingerprint", "issuer_key_id"),
    *("fingerprint", "key_created", "key_validity_period", "user_id_email"),
)
_SUFFIXES = (".asc", ".gpg", ".pgp", ".pub")


def sequoia(module: str = "pysequoia") -> Any:
    return library(module, "openpgp", "rsmtp.OpenPgp")


def said(error: Exception) -> str:
    """Sequoia's words, without the stack that may stand behind them."""
    return next(iter(str(error).splitlines()), "").strip()


# -- reading -----------------------------------------------------------------------------------


def certificates(name: str, source: Any) -> list[Any]:
    """The public keys of a source, one at least."""
    octets = octets_of(name, source, WHAT)
    if octets[8:12] == KEYBOX:
        raise ValueError(f"{name}: it is a keybox of GnuPG; `gpg --export ADDRESS` writes its keys")
    found: list[Any] = []
    for block in _blocks(octets):
        try:
            found += readable(*sequoia().Cert.split_bytes(block))
        except RuntimeError as error:
            raise ValueError(f"{name}: it can't be read as an OpenPGP key: {said(error)}") from None
    if not found:
        raise ValueError(f"{name}: there is no OpenPGP key in it")
    return found


def readable(*found: Any) -> tuple[Any, ...]:
    """These keys. A damaged one that Sequoia takes, and can't write again, is an error at once."""
    for each in found:
        for _ in packets(each):
            pass
    return found


def _blocks(octets: bytes) -> list[bytes]:
    """Sequoia reads the first of armoured blocks alone."""
    import re

    starts = [found.start() for found in re.finditer(PUBLIC + b"|" + PRIVATE, octets)]
    if not starts:
        return [octets]
    return [octets[start:end] for start, end in zip(starts, [*starts[1:], len(octets)], strict=True)]


class Keyring:
    """Public keys by the addresses of their user IDs: of a file, or of a folder of files."""

    def __init__(self, path: Any) -> None:
        folder = os.fspath(path)
        files = [folder]
        if os.path.isdir(folder):
            files = [
                os.path.join(folder, each) for each in sorted(os.listdir(folder)) if each.endswith(_SUFFIXES)
            ]
        self._by_address: dict[str, list[Any]] = {}
        for file in files:
            for each in certificates(f"recipients: {file}", file):
                for address in addresses(each):
                    self._by_address.setdefault(folded(address), []).append(each)
        if not files:
            raise ValueError(f"recipients: {folder}: no file in it is a key ({', '.join(_SUFFIXES)})")

    def __call__(self, address: str) -> list[Any] | None:
        return self._by_address.get(folded(address))


def addresses(cert: Any) -> list[str]:
    return [packet.user_id_email for packet in packets(cert) if packet.user_id_email]


def packets(key: Any) -> Iterator[Any]:
    """Those that can be understood: an RFC to come may have others, and asking them is an error."""
    for each in sequoia("pysequoia.packet").PacketPile.from_bytes(bytes(key)):
        try:
            for asked in _ASKED:
                getattr(each, asked)
        except RuntimeError:
            continue
        yield each


# -- what can encrypt --------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """A part of a key that can encrypt now, with what its owner signed for it."""

    packets: list[Any]
    created: Any

    def cert(self) -> Any:
        return sequoia().Cert.from_packets(self.packets)


def for_encryption(name: str, certs: list[Any]) -> tuple[Any, list[Part]]:
    """The newest of these keys that can be encrypted for, and its parts. Raises ValueError."""
    able, problems = [], []
    for cert in certs:
        try:
            able.append((cert, parts(name, cert)))
        except ValueError as error:
            problems.append(error)
    if not able:
        raise problems[-1]
    return max(able, key=lambda pair: max(part.packets[0].key_created for part in pair[1]))


def parts(name: str, cert: Any) -> list[Part]:
    """Never empty: a key that can't be encrypted for is a ValueError that says why."""
    in_force(name, cert)
    head, subkeys = groups(cert)
    found = [Part(head, head[0].key_created)] if encrypts(head) else []
    expired = revoked = None
    for subkey, signatures in subkeys:
        kinds = sequoia("pysequoia.packet").SignatureType
        revocations = [each for each in signatures if each.signature_type == kinds.SubkeyRevocation]
        for binding in newest(signatures, kinds.SubkeyBinding):
            bare = [*head, subkey, binding]
            if not encrypts(bare):
                continue
            if revocations and not encrypts([*head, subkey, *revocations, binding]):
                revoked = True
            elif (end := ends(subkey, binding)) is not None and end <= now():
                expired = max(end, expired or end)
            else:
                found.append(Part(bare, subkey.key_created))
            break
    if found:
        return found
    if expired:
        raise ValueError(f"{name}: the part of the key that encrypts has expired, on {expired:%Y-%m-%d}")
    if revoked:
        raise ValueError(f"{name}: the part of the key that encrypts is revoked")
    raise ValueError(f"{name}: the key can't be encrypted for; it has no part that is for encryption")


def in_force(name: str, cert: Any) -> None:
    """Raises ValueError for a key that is revoked, or whose time is over."""
    if cert.is_revoked:
        raise ValueError(f"{name}: the key is revoked")
    try:
        end = cert.expiration
    except RuntimeError as error:
        # The user IDs' signatures are missing, of someone else, or of SHA-1 or MD5.
        raise ValueError(
            f"{name}: the key's signatures of itself are missing, or can't be trusted: {said(error)}"
        ) from None
    if end is not None and end <= now():
        raise ValueError(f"{name}: the key has expired, on {end:%Y-%m-%d}")


def now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)


def ends(key: Any, signature: Any) -> Any:
    """When a part's time is over; None: never."""
    return key.key_created + signature.key_validity_period if signature.key_validity_period else None


def groups(cert: Any) -> tuple[list[Any], list[tuple[Any, list[Any]]]]:
    """A key's packets without what others have signed: the primary key with its user IDs, and
    each subkey with its signatures."""
    packet = sequoia("pysequoia.packet")
    head: list[Any] = []
    subkeys: list[tuple[Any, list[Any]]] = []
    for each in packets(cert):
        if each.tag == packet.Tag.PublicSubkey:
            subkeys.append((each, []))
        elif each.tag != packet.Tag.Signature:
            head.append(each)
        elif _by(each, head[0]):
            (subkeys[-1][1] if subkeys else head).append(each)
    return head, subkeys


def _by(signature: Any, key: Any) -> bool:
    if signature.issuer_fingerprint:
        return bool(signature.issuer_fingerprint == key.fingerprint)
    return not signature.issuer_key_id or bool(signature.issuer_key_id == key.key_id)


def newest(signatures: list[Any], *kinds: Any) -> list[Any]:
    found = [each for each in signatures if each.signature_type in kinds and each.signature_created]
    return sorted(found, key=lambda each: each.signature_created, reverse=True)


def encrypts(packets: list[Any]) -> bool:
    """Whether Sequoia believes the signatures, and finds a part for encryption that is not
    revoked. It takes one that has expired where there is no other."""
    try:
        sequoia().encrypt(b"", [sequoia().Cert.from_packets(packets)])
    except RuntimeError:
        return False
    return True
