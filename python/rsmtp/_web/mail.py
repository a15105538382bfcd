"""A message taken apart for display.

Uses the standard library's parser with its oldest policy, which leaves headers as they are, so that a
broken header can't make it fail or take long. Mail that can't be parsed even so is reported as such; its
source can always be shown.
"""

import binascii
import codecs
import email
import email.errors
import email.header
import email.message
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# Decoding a header takes time that grows faster than its length.
LONGEST_HEADER: Final = 8_000
MOST_HEADERS: Final = 1_000
MOST_PARTS: Final = 1_000
# Codecs of Python that are not character sets of mail; some take quadratic time.
NO_CHARSETS: Final = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"}

LARGEST_PICTURE: Final = 16 * 1024 * 1024
PICTURES: Final = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.S),
}

FOLD: Final = re.compile(r"\r?\n[ \t]*")


@dataclass(frozen=True)
class Part:
    """A leaf of the message: a body, an inline image, an attachment."""

    index: int
    content_type: str
    filename: str | None
    content_id: str | None
    is_attachment: bool
    entity: email.message.Message

    @property
    def content(self) -> bytes:
        """The decoded octets of the part."""
        payload = self.entity.get_payload()
        if isinstance(payload, list):
            try:
                return b"".join(
                    inner.as_bytes() for inner in payload if isinstance(inner, email.message.Message)
                )
            except Exception:  # the generator fails on mail that the parser let pass
                return b""
        decoded = self.entity.get_payload(decode=True)
        return decoded if isinstance(decoded, bytes) else b""

    @property
    def picture_type(self) -> str | None:
        """The type of a picture that is safe to show, recognised by its first octets and not by the
        mail's Content-Type. An SVG is a document and does not count as a picture."""
        if not self.content_type.startswith("image/"):
            return None
        content = self.content
        if len(content) > LARGEST_PICTURE:
            return None
        return next((kind for kind, begins in PICTURES.items() if begins.match(content)), None)

    @property
    def text(self) -> str:
        return decode(self.content, self.entity.get_content_charset()).replace("\r\n", "\n")

    @property
    def name(self) -> str:
        """The file name, or one made up."""
        if self.filename:
            return self.filename
        if self.content_type == "message/rfc822":
            return f"message-{self.index}.eml"
        kind = re.sub(r"[^a-z0-9]", "", self.content_type.partition("/")[2])[:10] or "bin"
        return f"part-{self.index}.{kind}"


class Mail:
    """Headers, bodies and parts of a message. Never raises, whatever the octets are."""

    def __init__(self, data: bytes) -> None:
        self.problem: str | None = None
        try:
            self._message = email.message_from_bytes(data)
            self.parts = list(_leaves(self._message))
        except Exception as error:  # any: the parser has no promise to keep for hostile mail
            self.problem = f"the message can't be taken apart: {type(error).__name__}"
            head = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
            self._message = email.message_from_bytes(head[:100_000])
            self.parts = []

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Every header field in its order, decoded for reading."""
        fields = list(self._message.raw_items())[:MOST_HEADERS]
        return [(_printable(name), readable(str(value))) for name, value in fields]

    def header(self, name: str) -> str | None:
        """The first field of this name, decoded for reading."""
        for field, value in self._message.raw_items():
            if field.lower() == name.lower():
                return readable(str(value))
        return None

    @property
    def text(self) -> str | None:
        """The plain text: all parts that are shown inline, joined."""
        found = [part.text for part in self._bodies("text/plain")]
        return "\n".join(found) if found else None

    @property
    def html(self) -> str | None:
        return next((part.text for part in self._bodies("text/html")), None)

    @property
    def attachments(self) -> list[Part]:
        """Every part that is not a body: attachments, inline images."""
        bodies = {*self._bodies("text/plain"), *list(self._bodies("text/html"))[:1]}
        return [part for part in self.parts if part not in bodies]

    def _bodies(self, content_type: str) -> Iterator[Part]:
        return (part for part in self.parts if part.content_type == content_type and not part.is_attachment)


def _leaves(message: email.message.Message) -> Iterator[Part]:
    """Depth first, without recursion, because mail may be nested deeply. An enclosed message is one
    part."""
    waiting, index = [message], 0
    while waiting and index < MOST_PARTS:
        entity = waiting.pop()
        content_type = entity.get_content_type()
        payload = entity.get_payload()
        if isinstance(payload, list) and not content_type.startswith("message/"):
            waiting.extend(part for part in reversed(payload) if isinstance(part, email.message.Message))
            continue
        filename = _filename(entity)
        disposition = str(entity.get("Content-Disposition", "")).lower()
        content_id = str(entity.get("Content-ID", "")).strip().strip("<>") or None
        index += 1
        yield Part(
            index=index,
            content_type=content_type,
            filename=filename,
            content_id=content_id,
            is_attachment=disposition.startswith("attachment") or filename is not None,
            entity=entity,
        )


def _filename(entity: email.message.Message) -> str | None:
    try:
        name = entity.get_filename()
    except Exception:  # RFC 2231 has corners that the library does not survive
        return "attachment"
    return readable(name)[:255] if name else None


def readable(value: str) -> str:
    """A header's value on one line, encoded words (RFC 2047) decoded."""
    if len(value) > LONGEST_HEADER:
        return _printable(value[:LONGEST_HEADER]) + " ..."
    value = FOLD.sub(" ", value)
    if "=?" not in value:
        return _printable(value)
    try:
        pieces = email.header.decode_header(_printable(value))
    except (email.errors.HeaderParseError, binascii.Error, ValueError):
        return _printable(value)
    words = "".join(p if isinstance(p, str) else decode(p, charset) for p, charset in pieces)
    # A value that decodes to nothing is shown undecoded.
    return _printable(words or value)


def decode(octets: bytes, charset: str | None) -> str:
    """Decodes text with the charset that the mail names; invalid octets become U+FFFD."""
    try:
        codec = codecs.lookup(charset or "utf-8").name
        if codec not in NO_CHARSETS:
            return octets.decode("utf-8" if codec == "ascii" else codec, "replace")
    except (LookupError, ValueError):
        pass
    return octets.decode("latin-1")


def _printable(text: str) -> str:
    """Decodes octets that the parser kept as surrogates (PEP 383) as UTF-8, and removes control
    characters."""
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
