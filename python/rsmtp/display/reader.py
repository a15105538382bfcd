"""A mail as its reader sees it: fields in plain text, bodies, attachments.

Mail comes from strangers, and the standard library's parsers fail on some of it, in more
ways than they document (HeaderParseError, IndexError, AttributeError, UnboundLocalError). A
display must not fail: a part that can't be parsed is shown as it arrived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from dataclasses import field as part_of
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import unquote

T = TypeVar("T")


def safely(ask: Callable[[], T], otherwise: T) -> T:
    """The result of `ask`, or `otherwise` if the mail is too broken to give one."""
    try:
        return ask()
    except Exception:
        return otherwise


class NestedTooDeepDefect(ValueError):
    """Parts in parts in parts, of which the parser has seen enough."""


def parsed(octets: bytes, parse: Callable[[bytes], Any]) -> Any:
    """The message, or its header alone if its parts are nested so deep that the parser fails."""
    try:
        return parse(octets)
    except RecursionError:
        head = re.split(rb"\r?\n\r?\n", octets, maxsplit=1)[0]
        message = parse(head + b"\r\n\r\n")
        message.defects.insert(0, NestedTooDeepDefect())
        return message


# The fields that a mail program shows above a message, in this order.
SHOWN = ("From", "To", "Cc", "Bcc", "Reply-To", "Date", "Subject")


@dataclass
class Attachment:
    """A part that is not a body: a file, an image, a message."""

    part: Any
    name: str
    kind: str
    cid: str

    @cached_property
    def data(self) -> bytes:
        return safely(self._content, b"")

    def _content(self) -> bytes:
        if self.part.get_content_maintype() == "message":
            return b"".join(bytes(inner) for inner in self.part.get_payload() if not isinstance(inner, str))
        content = self.part.get_payload(decode=True)
        return content if isinstance(content, bytes) else b""


@dataclass
class Reading:
    """A message as a mail program would interpret it."""

    fields: list[tuple[str, str]]
    texts: list[str] = part_of(default_factory=list)
    pages: list[str] = part_of(default_factory=list)
    attachments: list[Attachment] = part_of(default_factory=list)
    # The images that the HTML references by Content-ID (RFC 2392).
    shown: dict[str, Attachment] = part_of(default_factory=dict)


def read(message: Any) -> Reading:
    """Reads a message of rsmtp's or of the standard library's."""
    reading = Reading(safely(lambda: _fields(message.items()), []) or _fields(message.raw_items()))
    for part in leaves(message):
        kind = part.get_content_type()
        is_body = kind in ("text/plain", "text/html") and not is_file(part)
        if is_body and kind == "text/html":
            reading.pages.append(text_of(part))
        elif is_body:
            reading.texts.append(text_of(part))
        else:
            reading.attachments.append(_attachment(part, kind))
    wanted = {unquote(name) for page in reading.pages for name in _CID.findall(page)}
    reading.shown = {one.cid: one for one in reading.attachments if one.cid and one.cid in wanted}
    reading.attachments = [one for one in reading.attachments if reading.shown.get(one.cid) is not one]
    return reading


def _fields(pairs: Any) -> list[tuple[str, str]]:
    return [(str(name), plain(str(value))) for name, value in pairs]


_CID = re.compile(r"""\bcid:([^\s"'<>)]+)""", re.IGNORECASE)


def with_images(page: str, url_of: Any) -> str:
    """The page, with each `cid:` URL replaced by the result of `url_of(cid)` if there is one."""
    return _CID.sub(lambda found: url_of(unquote(found[1])) or found[0], page)


def leaves(message: Any) -> Iterator[Any]:
    """The parts that are not multiparts. Parts of an enclosed message belong to that message."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            waiting += reversed(part.get_payload())
        elif part.get_content_maintype() != "multipart" and (
            part is not message or safely(part.get_payload, "") is not None
        ):
            yield part


def is_file(part: Any) -> bool:
    disposition = safely(part.get_content_disposition, None)
    return disposition == "attachment" or bool(safely(part.get_filename, None))


def text_of(part: Any) -> str:
    content = safely(lambda: part.get_payload(decode=True), b"")
    if not isinstance(content, bytes):
        return ""
    charset = safely(lambda: part.get_content_charset("utf-8"), "utf-8")
    return safely(lambda: content.decode(charset, "replace"), content.decode("utf-8", "replace"))


def field(message: Any, name: str) -> str:
    """The decoded value of a field; "" if there is none."""
    value = safely(lambda: message.get(name), None)
    return "" if value is None else plain(str(value))


def plain(value: str) -> str:
    """Unfolded, encoded-words (RFC 2047) decoded."""
    value = " ".join(value.split())
    if "=?" not in value:
        return value
    from email.header import decode_header, make_header

    return safely(lambda: str(make_header(decode_header(value))), value)


def _attachment(part: Any, kind: str) -> Attachment:
    name = safely(part.get_filename, None) or ""
    if not name and kind == "message/rfc822":
        inner = part.get_payload()
        name = field(inner[0], "Subject") if isinstance(inner, list) and inner else ""
    cid = field(part, "Content-ID").strip("<>")
    return Attachment(part, plain(str(name)), kind, cid)
