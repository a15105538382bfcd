"""What is signed and encrypted: a MIME entity as octets, which nothing changes later (RFC 1847
section 2.1, RFC 8551 section 3.1), with a copy of the message's header in it (RFC 9788)."""

from __future__ import annotations

import re

from rsmtp.email import message_from_bytes
from rsmtp.email.policy import compat32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FIELD = re.compile(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")
# What a relay or a gateway may change on its way, although it is ASCII in short lines.
_FRAGILE = re.compile(rb"[ \t](?:\r?\n|\Z)|^From |^\.\r?$|\r(?!\n)|[^\t\n\r -~]|[^\n]{999}", re.MULTILINE)
# Before it, the standard library's generators write ">".
_FROM = re.compile(r"^From ", re.MULTILINE)
# Their parts belong to a signature or a message that is closed already.
_CLOSED = ("multipart/signed", "multipart/encrypted", "message/")
# What a reader of the outer header has no need of (RFC 9788, hcp_baseline).
_HIDDEN = (b"comments", b"keywords")
_NOT_COPIED = (b"received", b"return-path", b"bcc", b"dkim-signature")
_DEFAULT_TYPE = b"Content-Type: text/plain; charset=us-ascii\r\n"


def split(octets: bytes) -> tuple[list[bytes], bytes]:
    """A message's own fields, and its content: the fields of MIME, an empty line and the body."""
    head, _, body = octets.partition(b"\r\n\r\n")
    fields = _FIELD.findall(head + b"\r\n")
    own = [field for field in fields if not _name(field).startswith((b"content-", b"mime-version"))]
    of_content = [field for field in fields if _name(field).startswith(b"content-")]
    return own, b"".join(of_content) + b"\r\n" + body


def _name(field: bytes) -> bytes:
    return field.partition(b":")[0].strip().lower()


def for_signing(entity: bytes) -> bytes:
    """The entity with what is fragile in its parts encoded."""
    content: Any = message_from_bytes(entity, policy=compat32.clone(linesep="\r\n", mangle_from_=False))
    changed = False
    for part in _parts(content):
        encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
        if encoding in ("7bit", "8bit", "binary"):
            body = part.get_payload(decode=True)
            if _FRAGILE.search(body):
                changed = True
                _encode(part, body)
        elif encoding == "quoted-printable" and _FROM.search(part.get_payload()):
            changed = True
            part.set_payload(_FROM.sub("=46rom ", part.get_payload()))
    octets: bytes = content.as_bytes() if changed else entity
    return octets


def _parts(content: Any) -> list[Any]:
    """Those that are no containers."""
    if content.get_content_type().startswith(_CLOSED):
        return []
    if content.is_multipart():
        return [each for part in content.get_payload() for each in _parts(part)]
    return [content]


def _encode(part: Any, body: bytes) -> None:
    import base64
    import quopri

    del part["Content-Transfer-Encoding"]
    text = body.replace(b"\r\n", b"\n")
    if part.get_content_maintype() == "text" and b"\r" not in text:
        part["Content-Transfer-Encoding"] = "quoted-printable"
        part.set_payload(_FROM.sub("=46rom ", quopri.encodestring(text).decode("ascii")))
    else:
        part["Content-Transfer-Encoding"] = "base64"
        part.set_payload(base64.encodebytes(body).decode("ascii"))


def has(fields: list[bytes], name: bytes) -> bool:
    return any(_name(field) == name for field in fields)


def hidden(fields: list[bytes]) -> list[bytes]:
    """The fields that stand outside of an encrypted message."""
    return [
        b"Subject: [...]\r\n" if _name(field) == b"subject" else field
        for field in fields
        if _name(field) not in _HIDDEN
    ]


def with_header(entity: bytes, fields: list[bytes], outer: list[bytes] | None, inner: list[bytes]) -> bytes:
    """The entity with the message's fields in it; where it is to be encrypted, with those that
    stand `outer`, for readers that answer it, and with others that stand there alone."""
    head, _, body = (
        entity.partition(b"\r\n\r\n") if not entity.startswith(b"\r\n") else (b"", b"", entity[2:])
    )
    own = _FIELD.findall(head + b"\r\n") if head else []
    if not has(own, b"content-type"):
        own.insert(0, _DEFAULT_TYPE)
    how = b"clear" if outer is None else b"cipher"
    typed = [
        field[:-2].rstrip(b"; \t") + b';\r\n hp="' + how + b'"\r\n'
        if _name(field) == b"content-type"
        else field
        for field in own
    ]
    copies = [field for field in fields if _name(field) not in _NOT_COPIED]
    told = [b"HP-Outer: " + field for field in outer or () if _name(field) not in _NOT_COPIED]
    return b"".join(typed + copies + told + inner) + b"\r\n" + body


def base64_entity(fields: str, content: bytes) -> bytes:
    """An entity of these fields; the content is in base64."""
    import base64

    head = fields.replace("\n", "\r\n")
    return (head + "Content-Transfer-Encoding: base64\r\n\r\n").encode() + base64.encodebytes(
        content
    ).replace(b"\n", b"\r\n")


def signed_entity(entity: bytes, signature: bytes, protocol: str, micalg: str) -> bytes:
    """multipart/signed: the entity as it is, and an entity that is its signature (RFC 1847)."""
    return _of_two("signed", f'protocol="{protocol}";\r\n micalg="{micalg}"', entity, signature)


def encrypted_entity(control: bytes, sealed: bytes, protocol: str) -> bytes:
    """multipart/encrypted: an entity that tells how, and the content (RFC 1847)."""
    return _of_two("encrypted", f'protocol="{protocol}"', control, sealed)


def _of_two(kind: str, parameters: str, first: bytes, second: bytes) -> bytes:
    import secrets

    boundary = "=_" + secrets.token_hex(16)
    head = f'Content-Type: multipart/{kind}; {parameters};\r\n boundary="{boundary}"\r\n\r\n'
    line = f"--{boundary}".encode()
    return head.encode() + b"\r\n".join((line, first, line, second, line + b"--", b""))


def folded(name: str, value: str) -> bytes:
    """A field with a line for each word of its value."""
    return f"{name}: {value}".replace(" ", "\r\n ").replace("\r\n ", " ", 1).encode() + b"\r\n"
