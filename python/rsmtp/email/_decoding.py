"""Decodes transfer encodings. Broken input is decoded as far as possible."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from typing import Any

from rsmtp.email import errors
from rsmtp.email.errors import found

_WORDS = re.compile(r"=\?([^?\s]+)\?([bBqQ])\?([^?\s]*)\?=(?:[ \t]+(?==\?[^?\s]+\?[bBqQ]\?[^?\s]*\?=))?")
_ESCAPE = re.compile(rb"=([0-9a-fA-F]{2})")


def encoded_word_bytes(encoding: str, text: str) -> bytes:
    """The content of an encoded-word (RFC 2047). Raises ValueError for invalid base64."""
    data = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), data.replace(b"_", b" "))
    return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)


def has_broken_words(value: str) -> bool:
    """Whether the text looks like an encoded-word with base64, but the base64 is invalid."""
    for word in _WORDS.finditer(value):
        try:
            encoded_word_bytes(word[2], word[3])
        except ValueError:
            return True
    return False


def decoded(value: str) -> str:
    """Text for people: encoded-words are decoded, and text that only looks like one is unchanged."""
    text = ""
    at = 0
    run: list[re.Match[str]] = []
    for word in _WORDS.finditer(value):
        if run and word.start() != run[-1].end():
            text += _said(run)
            run = []
        if not run:
            text += value[at : word.start()]
        run.append(word)
        at = word.end()
    return text + _said(run) + value[at:]


def _said(run: list[re.Match[str]]) -> str:
    """The text of neighbouring encoded-words, decoded together, because a character may begin in one
    and end in the next."""
    text = ""
    data, known = b"", ""
    for word in run:
        charset = word[1].partition("*")[0].lower()
        try:
            codecs.lookup(charset)
            more = encoded_word_bytes(word[2], word[3])
        except (LookupError, ValueError):
            text += data.decode(known or "ascii", "replace") + word[0]
            data, known = b"", ""
            continue
        if charset != known:
            text += data.decode(known or "ascii", "replace")
            data, known = b"", charset
        data += more
    return text + data.decode(known or "ascii", "replace")


def join_words(value: str) -> str:
    """The value with neighbouring encoded-words joined: the white space between them is not part of
    the text (RFC 2047 section 6.2), and a character may be split between both."""
    joined: list[str] = []
    run: list[re.Match[str]] = []
    at = 0
    for word in _WORDS.finditer(value):
        if run and word.start() != run[-1].end():
            joined.append(_joined(run))
            run = []
        if not run:
            joined.append(value[at : word.start()])
        run.append(word)
        at = word.end()
    if run:
        joined.append(_joined(run))
    return "".join([*joined, value[at:]])


def _joined(run: list[re.Match[str]]) -> str:
    if len(run) == 1:
        return run[0][0]
    text = ""
    data, known = b"", ""
    try:
        for word in run:
            charset = word[1].partition("*")[0].lower()
            if charset != known:
                text += data.decode(known or "ascii")
                data, known = b"", charset
            data += encoded_word_bytes(word[2], word[3])
        text += data.decode(known)
        return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="
    except (LookupError, ValueError):
        return "".join(word[0] for word in run)


def decode_payload(msg: Any, data: bytes, cte: str) -> bytes:
    """The bytes of a payload. Errors in it are passed to the policy as defects."""
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
    """The bytes in base64, decoded as far as possible, and the defects found."""
    excess = len(data) % 4
    padded = data + b"==="[: 4 - excess] if excess else data
    try:
        missing = [found(errors.InvalidBase64PaddingDefect)] if excess else []
        return base64.b64decode(padded, validate=True), [*missing]
    except binascii.Error:
        pass
    # The padding is correct, so the text contains characters that are not base64.
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
    """Uuencoded data. Raises ValueError if there is none."""
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
            # Some encoders pad their lines. The first character has the real length.
            length = (((line[0] - 32) & 63) * 4 + 5) // 3
            decoded.append(binascii.a2b_uu(line[:length]))
    raise ValueError("truncated")
