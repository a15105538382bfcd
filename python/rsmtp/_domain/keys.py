"""Keys of DKIM (RFC 6376 section 3.6.1, RFC 8301, RFC 8463)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from rsmtp._common import tag_lists
from rsmtp._common.extras import library

if TYPE_CHECKING:
    from rsmtp._domain.look import Found, Look

_ED25519_OCTETS = 32


def check(look: Look) -> Found:
    look.facts["dkim"] = {}
    for selector in look.selectors:
        yield from _key(look, selector)


def _key(look: Look, selector: str) -> Found:
    name = f"{selector}._domainkey.{look.domain}"
    records = [text for text in look.dns.texts(name) if "p=" in text]
    facts: dict[str, Any] = {"record": records[0] if records else None}
    look.facts["dkim"][selector] = facts
    if not records:
        yield "dkim-missing", f"there is no key at {name}", name
        return
    if len(records) > 1:
        yield "dkim-several", f"there are {len(records)} records at {name}", name
    try:
        tags = tag_lists.read(records[0])
    except ValueError as why:
        yield "dkim-invalid", str(why), name
        return
    if tags.get("v", "DKIM1") != "DKIM1":
        yield "dkim-invalid", f"v={tags['v']} is not DKIM1", name
        return
    if "p" not in tags:
        yield "dkim-invalid", "there is no p=", name
        return
    if not tags["p"]:
        yield "dkim-revoked", "the key is revoked", name
        return
    kind = tags.get("k", "rsa")
    bits, problem = _bits(kind, tags["p"])
    facts.update(type=kind, bits=bits)
    if problem:
        yield "dkim-invalid", problem, name
    elif kind == "rsa" and bits < 2048:
        yield "dkim-short", f"the key has {bits} bits", name
    if "y" in tags.get("t", "").split(":"):
        yield "dkim-testing", "the record says t=y", name
    if "h" in tags and "sha256" not in tags["h"].split(":"):
        yield "dkim-hash", f"the record says h={tags['h']}", name


def _bits(kind: str, key: str) -> tuple[int, str]:
    """How long the key is, or what is wrong with it."""
    try:
        octets = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return 0, "p= is not base64"
    if kind == "ed25519":
        if len(octets) != _ED25519_OCTETS:
            return 0, f"an Ed25519 key has {_ED25519_OCTETS} octets, this one {len(octets)}"
        return 256, ""
    if kind != "rsa":
        return 0, f"k={kind[:20]} is not known"
    serialization: Any = library("cryptography.hazmat.primitives.serialization", "domain", "check_domain()")
    try:
        return int(serialization.load_der_public_key(octets).key_size), ""
    except Exception:  # of many kinds
        return 0, "p= is no RSA key"
