"""Base64 for headers and bodies: `email.base64mime`."""

from __future__ import annotations

import binascii

from rsmtp.email import _rest

__all__ = [
    "body_decode",
    "body_encode",
    "decode",
    "decodestring",
    "header_encode",
    "header_length",
]

CRLF = "\r\n"
NL = "\n"
EMPTYSTRING = ""
MISC_LEN = 7


def header_length(bytearray: bytes) -> int:
    """The length of these bytes in base64."""
    return (len(bytearray) + 2) // 3 * 4


def header_encode(header_bytes: str | bytes, charset: str = "iso-8859-1") -> str:
    """One encoded-word (RFC 2047) for text or bytes; "" for empty input."""
    if not header_bytes:
        return ""
    data = header_bytes.encode(charset) if isinstance(header_bytes, str) else header_bytes
    return f"=?{charset}?b?{binascii.b2a_base64(data, newline=False).decode('ascii')}?="


def body_encode(s: bytes, maxlinelen: int = 76, eol: str = NL) -> str:
    """Lines of at most `maxlinelen` characters, each ended with `eol`."""
    step = maxlinelen * 3 // 4
    lines = (
        binascii.b2a_base64(s[at : at + step], newline=False).decode("ascii")
        for at in range(0, len(s or ()), step)
    )
    return "".join(line + eol for line in lines)


def decode(string: str | bytes) -> bytes:
    """The decoded bytes of a base64 text."""
    data = string.encode("raw-unicode-escape") if isinstance(string, str) else string
    return binascii.a2b_base64(data) if data else b""


body_decode = decode
decodestring = decode

__getattr__ = _rest.of(__name__)
