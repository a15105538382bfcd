"""Quoted-printable for headers and bodies: `email.quoprimime`.

Bodies are `str` here, with one character for each byte.
"""

from __future__ import annotations

import re

from rsmtp import _rsmtp
from rsmtp.email import _rest

__all__ = [
    "body_decode",
    "body_encode",
    "body_length",
    "decode",
    "decodestring",
    "header_decode",
    "header_encode",
    "header_length",
    "quote",
    "unquote",
]

CRLF = "\r\n"
NL = "\n"
EMPTYSTRING = ""

_WORD_CHARACTERS = frozenset(b"-!*+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_BODY_CHARACTERS = frozenset(range(0x20, 0x7F)) - {ord("=")} | {ord("\t")}
_ESCAPE = re.compile(r"=([0-9a-fA-F]{2})", re.ASCII)


def header_check(octet: int) -> bool:
    """Whether the byte has to be encoded in a header."""
    return octet not in _WORD_CHARACTERS


def body_check(octet: int) -> bool:
    """Whether the byte has to be encoded in a body."""
    return octet not in _BODY_CHARACTERS


def header_length(bytearray: bytes) -> int:
    """The length of these bytes in a header."""
    return sum(3 if header_check(octet) and octet != 0x20 else 1 for octet in bytearray)


def body_length(bytearray: bytes) -> int:
    """The length of these bytes in a body, without soft line breaks."""
    return sum(3 if body_check(octet) else 1 for octet in bytearray)


def unquote(s: str) -> str:
    """The character that `=XX` encodes."""
    return chr(int(s[1:3], 16))


def quote(c: str) -> str:
    """`=XX` for a character."""
    return f"={ord(c):02X}"


def header_encode(header_bytes: bytes, charset: str = "iso-8859-1") -> str:
    """One encoded-word (RFC 2047) for bytes; "" for empty input."""
    if not header_bytes:
        return ""
    text = "".join(
        "_" if octet == 0x20 else f"={octet:02X}" if header_check(octet) else chr(octet)
        for octet in header_bytes
    )
    return f"=?{charset}?q?{text}?="


def body_encode(body: str, maxlinelen: int = 76, eol: str = NL) -> str:
    """Lines of at most `maxlinelen` characters. Existing line ends become `eol`.

    Raises ValueError if `maxlinelen` is less than 4.
    """
    if maxlinelen < 4:
        raise ValueError("maxlinelen must be at least 4")
    return _rsmtp._quoted_printable(body.encode("latin-1"), maxlinelen, eol) if body else body


def decode(encoded: str, eol: str = NL) -> str:
    """The decoded text of quoted-printable, with its lines joined by `eol`."""
    out = []
    for line in encoded.splitlines():
        line = line.rstrip()
        if line.endswith("="):
            out.append(_ESCAPE.sub(lambda found: unquote(found[0]), line[:-1]))
        else:
            out.append(_ESCAPE.sub(lambda found: unquote(found[0]), line) + eol)
    text = "".join(out)
    ended = encoded[-1:] in ("\r", "\n")
    return text if ended or not text.endswith(eol) else text[: -len(eol)]


body_decode = decode
decodestring = decode


def header_decode(s: str) -> str:
    """The decoded text of a Q encoded-word, with one character for each byte."""
    return _ESCAPE.sub(lambda found: unquote(found[0]), s.replace("_", " "))


__getattr__ = _rest.of(__name__)
