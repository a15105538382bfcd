"""Who signs by OpenPGP: which part of a secret key can sign, what opens it, and until when."""

from __future__ import annotations

from dataclasses import dataclass

from rsmtp._protect import keys
from rsmtp._protect.recipients import octets as octets_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True)
class Identity:
    """Who signs: the public key, and what signs with the secret one."""

    cert: Any
    signer: Any
    until: Any


def identity(key: Any, password: str | None) -> Identity:
    octets = octets_of("key", key, keys.WHAT)
    if octets[8:12] == keys.KEYBOX:
        raise ValueError("key: it is a keybox of GnuPG; `gpg --export-secret-keys ADDRESS` writes a key")
    if keys.PRIVATE in octets:
        octets = octets[octets.index(keys.PRIVATE) :]
    elif keys.PUBLIC in octets:
        raise ValueError(_NO_SECRET)
    try:
        [tsk] = keys.readable(keys.sequoia().Tsk.from_bytes(octets))
    except RuntimeError as error:
        several = " (one key is wanted)" if "keyring" in keys.said(error) else ""
        raise ValueError(f"key: it can't be read as an OpenPGP key: {keys.said(error)}{several}") from None
    cert = tsk.extract_certificate()
    keys.in_force("key", cert)
    try:
        signer = _present(tsk, cert).signer(password)
    except RuntimeError as error:
        raise ValueError(_why_not(keys.said(error), tsk, password)) from None
    return Identity(cert, signer, _until(cert, signer))


_NO_SECRET = "key: there is no secret key in it; `gpg --export-secret-keys ADDRESS` writes one"


def _present(tsk: Any, cert: Any) -> Any:
    """The key without the parts whose secret is elsewhere: GnuPG writes "GNU" and why instead of it, and
    Sequoia would ask for its passphrase."""
    public = {each.fingerprint: each for each in keys.packets(cert) if each.fingerprint}
    there = []
    for each in keys.packets(tsk):
        known = public.get(each.fingerprint)
        is_away = known is not None and each.body[len(known.body) :][4:7] == b"GNU"
        there.append(known if is_away else each)
    return keys.sequoia().Tsk.from_packets(there)


def _why_not(words: str, tsk: Any, password: str | None) -> str:
    packet = keys.sequoia("pysequoia.packet")
    secret = (packet.Tag.SecretKey, packet.Tag.SecretSubkey)
    found = [each for each in keys.packets(tsk) if each.tag in secret]
    if not found:
        return _NO_SECRET
    if all(b"GNU" in each.body for each in found):
        return "key: its secret parts are elsewhere, on a smart card or in another file"
    if "No suitable" in words:
        return "key: none of its parts can sign now; each has expired, is revoked, or is for something else"
    if "not encrypted" in words:
        return "key: the secret key has no passphrase; leave out password="
    if password is None:
        return "key: the secret key has a passphrase; give it as password="
    return "key: the password does not open the secret key"


def _until(cert: Any, signer: Any) -> Any:
    """When the time of what signs is over: that of a subkey, or of the whole key."""
    made = keys.sequoia().sign(signer, b"", mode=keys.sequoia().SignatureMode.DETACHED)
    fingerprint = keys.sequoia().Sig.from_bytes(made).issuer_fingerprint
    kind = keys.sequoia("pysequoia.packet").SignatureType.SubkeyBinding
    ends = [
        keys.ends(subkey, signature)
        for subkey, signatures in keys.groups(cert)[1]
        if subkey.fingerprint == fingerprint
        for signature in keys.newest(signatures, kind)[:1]
    ]
    return min((each for each in [*ends, cert.expiration] if each is not None), default=None)
