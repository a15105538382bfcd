"""The Autocrypt field (Level 1): a public key that is sent along."""

from __future__ import annotations

import base64

from rsmtp._common.mailboxes import folded
from rsmtp._protect import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def field_value(name: str, address: str, preference: str, cert: Any) -> str:
    data = base64.b64encode(minimal(name, cert, address)).decode()
    # In pieces, so that the field can be folded; readers take the blanks out.
    pieces = " ".join(data[at : at + 64] for at in range(0, len(data), 64))
    return f"addr={address}; {preference}keydata={pieces}"


def minimal(name: str, cert: Any, address: str = "") -> bytes:
    """The five packets of a key in Autocrypt (Level 1, section 2.1.1): the primary key, a user ID with
    its signature, the newest part that encrypts with its own."""
    packet = keys.sequoia("pysequoia.packet")
    part = max(keys.parts(name, cert), key=lambda each: each.created)
    head, _ = keys.groups(cert)
    primary, rest = head[0], head[1:]
    at = [index for index, each in enumerate(rest) if each.tag == packet.Tag.UserID]
    users = []
    for start, end in zip(at, [*at[1:], len(rest)], strict=True):
        kinds = packet.SignatureType
        signatures = keys.newest(
            rest[start + 1 : end],
            *(kinds.GenericCertification, kinds.PersonaCertification),
            *(kinds.CasualCertification, kinds.PositiveCertification),
        )
        users += [(rest[start], each) for each in signatures]
    users.sort(key=lambda pair: folded(pair[0].user_id_email or "") != folded(address))
    tail = part.packets[len(head) :]
    direct = rest[: at[0]] if at else rest
    for before in ([], direct):
        for user, signature in users:
            chosen = [primary, *before, user, signature, *tail]
            if keys.encrypts(chosen):
                return b"".join(bytes(each) for each in chosen)
    return b"".join(bytes(each) for each in part.packets)
