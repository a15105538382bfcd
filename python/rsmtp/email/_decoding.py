"""Transfer encodings undone, as well as broken input allows."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from rsmtp.email import errors
from rsmtp.email.errors import found


def decode_payload(msg: Any, data: bytes, cte: str) -> bytes:
    """The bytes of a payload; what is wrong with it goes to the policy's defects."""
    if cte == "quoted-printable":
        return binascii.a2b_qp(data)
    if cte == "base64":
        decoded, defects = decode_base64(b"".join(data.splitlines()))
        for defect in defects:
            msg.policy.handle_defect(msg, defect)
        return decoded
    try:
        return decode_uu(data)
    except (ValueError, IndexError):
        return data


def decode_base64(data: bytes) -> tuple[bytes, list[errors.MessageDefect]]:
    """Base64 with whatever can be saved of it, and what was wrong."""
    excess = len(data) % 4
    padded = data + b"==="[: 4 - excess] if excess else data
    try:
        missing = [found(errors.InvalidBase64PaddingDefect)] if excess else []
        return base64.b64decode(padded, validate=True), [*missing]
    except binascii.Error:
        pass
    # The padding is right, so there are characters that don't belong there.
    try:
        return base64.b64decode(data), [found(errors.InvalidBase64CharactersDefect)]
    except binascii.Error:
        pass
    try:
        defects: list[errors.MessageDefect] = [
            found(errors.InvalidBase64CharactersDefect),
            found(errors.InvalidBase64PaddingDefect),
        ]
        return base64.b64decode(data + b"=="), defects
    except binascii.Error:
        return data, [found(errors.InvalidBase64LengthDefect)]


def decode_uu(data: bytes) -> bytes:
    """Uuencoded data; ValueError where there is none."""
    lines = iter(data.splitlines())
    for line in lines:
        if line.startswith(b"begin "):
            try:
                int(line.split(b" ", 2)[1], 8)
            except ValueError:
                continue
            break
    else:
        raise ValueError("no `begin` line")
    decoded: list[bytes] = []
    for line in lines:
        if not line:
            raise ValueError("truncated")
        if line.strip(b" \t\r\n\f") == b"end":
            return b"".join(decoded)
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            # Some encoders pad their lines: the first character knows better.
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
            decoded.append(binascii.a2b_uu(line[:length]))
    raise ValueError("truncated")
