"""A message taken apart, within bounds: it comes from strangers, who may want it to take long.

Of a large message the beginning is read: what a report says stands before the mail that it is about.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

#: So much is read: octets, lines of one header, parts, parts within parts.
MOST_OCTETS, MOST_HEADER, MOST_PARTS, DEEPEST = 1_000_000, 100_000, 100, 8
# The standard library reads parameters in a time that grows with the square of their length.
_MOST_PARAMETERS = 2_000

_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)", re.M)
_FOLD = re.compile(r"\r?\n[ \t]+")
_ADDRESS = re.compile(r"(?<![^\s<>(),;:\"'])[^\s<>(),;:\"@]{1,256}@[^\s<>(),;:\"@]{1,256}")
# Codecs that mail has; others take long, or decode no text.
_CHARSET = re.compile(
    r"(?:us-?ascii|utf-?(?:8|16|7)|iso-?8859-?\d+|latin-?\d|windows-?\d+|cp\d+|koi8-?[ru]|gb\w+|big5\w*|euc-?\w+"
    r"|shift_?jis|sjis|iso-?2022-?\w+|tis-?620|mac\w*)",
    re.I,
)


class Part(NamedTuple):
    """A leaf of the message."""

    header: Message
    body: bytes

    @property
    def kind(self) -> str:
        return self.header.get_content_type()

    @property
    def content(self) -> bytes:
        """Its octets, the transfer encoding undone. What can't be undone stays as it is."""
        encoding = str(self.header.get("content-transfer-encoding", "")).strip().lower()
        if encoding == "base64":
            body = re.sub(rb"[^A-Za-z0-9+/]", b"", self.body)
            try:
                return base64.b64decode(body + b"=" * (-len(body) % 4))
            except binascii.Error:
                return self.body
        return quopri.decodestring(self.body) if encoding == "quoted-printable" else self.body

    @property
    def text(self) -> str:
        return decoded(self.content, _parameter(self.header, "charset"))


class Mail:
    """A message, its header apart."""

    def __init__(self, octets: bytes) -> None:
        octets = octets[:MOST_OCTETS]
        if octets.startswith(b"From "):
            # The line that a mailbox file has before a message.
            octets = octets.partition(b"\n")[2]
        self.octets = octets.lstrip(b"\r\n")
        self.header, self.body = split(self.octets)
        self.parts = list(_leaves(self.header, self.body))

    def field(self, name: str) -> str:
        return field(self.header, name)

    def fields(self, name: str) -> list[str]:
        return [_unfolded(str(value)) for value in self.header.get_all(name, [])]

    def first(self, *kinds: str) -> Part | None:
        return next((part for part in self.parts if part.kind in kinds), None)

    @property
    def text(self) -> str:
        """What a person would read first."""
        shown = self.first("text/plain") or self.first("text/html")
        return "" if shown is None else shown.text


def split(octets: bytes) -> tuple[Message, bytes]:
    """The header of a message or a part, and what is behind it."""
    end = _END.search(octets)
    if octets.startswith((b"\n", b"\r\n")):
        header, body = b"", octets.partition(b"\n")[2]
    elif end is None:
        header, body = octets, b""
    else:
        header, body = octets[: end.start()], octets[end.end() :]
    return BytesHeaderParser().parsebytes(header[:MOST_HEADER]), body


def field(header: Message, name: str) -> str:
    """The value of a field, unfolded; empty without one."""
    return _unfolded(str(header.get(name, "")))


def blocks(octets: bytes) -> list[dict[str, str]]:
    """Groups of fields with empty lines between them, as delivery reports have them (RFC 3464 2.1):
    each by names in small letters. The first of several fields counts."""
    found = []
    for block in _END.split(octets[:MOST_HEADER])[:1_000]:
        fields: dict[str, str] = {}
        for name, value in _FIELD.findall(block.replace(b"\r\n", b"\n")):
            fields.setdefault(name.decode("ascii").lower(), _unfolded(decoded(value, "utf-8")))
        if fields:
            found.append(fields)
    return found


def decoded(octets: bytes, charset: str) -> str:
    """As text; what is no text in its character set is taken for UTF-8, and then for Latin-1."""
    if not _CHARSET.fullmatch(charset):
        charset = "utf-8"
    try:
        # UTF-7 decodes to lone surrogates, too, which are no text.
        return octets.decode(charset).encode("utf-8", "replace").decode()
    except (LookupError, ValueError):
        pass
    try:
        return octets.decode()
    except ValueError:
        return octets.decode("latin-1")


def addresses_in(text: str) -> list[str]:
    """The addresses of a field, as far as they can be seen at a glance: the standard library's parser
    goes deeper, and fails on what is nested deep."""
    return [found.strip(".") for found in _ADDRESS.findall(text[:MOST_HEADER])][:1_000]


def _leaves(header: Message, body: bytes) -> Iterator[Part]:
    waiting = [(header, body, 0)]
    count = 0
    while waiting and count < MOST_PARTS:
        header, body, depth = waiting.pop(0)
        boundary = _parameter(header, "boundary")
        if header.get_content_maintype() != "multipart" or not boundary or depth >= DEEPEST:
            count += 1
            yield Part(header, body)
            continue
        inner = [(*split(piece), depth + 1) for piece in _pieces(body, boundary)]
        waiting[:0] = inner[:MOST_PARTS]


def _pieces(body: bytes, boundary: str) -> list[bytes]:
    """What stands between the boundaries (RFC 2046 5.1.1), also where the last one is missing."""
    line = re.compile(
        rb"^--" + re.escape(boundary.encode("utf-8", "surrogateescape")) + rb"(--)?[ \t]*\r?(?:\n|\Z)", re.M
    )
    found = []
    start: int | None = None
    for mark in line.finditer(body):
        if start is not None:
            found.append(body[start : mark.start()])
        start = None if mark[1] else mark.end()
        if mark[1] or len(found) >= MOST_PARTS:
            break
    if start is not None and len(found) < MOST_PARTS:
        found.append(body[start:])
    return found


def _parameter(header: Message, name: str) -> str:
    try:
        if len(str(header.get("content-type", ""))) > _MOST_PARAMETERS:
            return ""
        value = header.get_param(name)
    except Exception:  # it fails on some that are malformed, in ways that it does not name
        return ""
    return value[2] if isinstance(value, tuple) else str(value or "").strip()


def _unfolded(value: str) -> str:
    return _FOLD.sub(" ", value).replace("\r", " ").replace("\n", " ").strip()
