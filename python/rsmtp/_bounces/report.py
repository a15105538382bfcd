"""Delivery reports by RFC 3464, and those with addresses and headers in UTF-8 (RFC 6533)."""

from __future__ import annotations

import re
from typing import Final

from rsmtp._bounces import hardness
from rsmtp._bounces.parts import Mail, Part, blocks, decoded, field, split
from rsmtp._bounces.result import Bounce, BouncedRecipient
from rsmtp._bounces.wording import lines_of, reply_of, said_of

_KINDS = ("message/delivery-status", "message/global-delivery-status")
_ORIGINALS = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
    "text/rfc822-header",
)
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
# RFC 6533 3: "\x{FC}" within a utf-8-addr-xtext.
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
# OpenSMTPD (6.8) says so in a report whose action is "delayed".
_EXPIRED = "Envelope expired"
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,900}>")
_ANGLE = re.compile(r"<([^<>\s@]*@[^<>\s]+)>")
_NOT_IN_ADDRESSES = re.compile(r"[\s\x00-\x1f\x7f]")
# RFC 5321 4.5.3.1, and a little more.
_LONGEST_ADDRESS: Final = 320


def read(mail: Mail) -> Bounce | None:
    status = mail.first(*_KINDS)
    return None if status is None else _read(mail, blocks(status.content))


def without_mime(mail: Mail) -> Bounce | None:
    """A report whose parts can't be told apart: its fields stand in the text."""
    text = mail.text.encode()
    groups = blocks(text if b"final-recipient:" in text.lower() else mail.body)
    return _read(mail, [group for group in groups if "final-recipient" in group and "action" in group])


def _read(mail: Mail, groups: list[dict[str, str]]) -> Bounce | None:
    about = {} if not groups or "final-recipient" in groups[0] else groups[0]
    lines = lines_of(mail.text)
    recipients = [one for group in groups if (one := _recipient(group, lines)) is not None]
    if not recipients:
        return None
    return Bounce(
        "delivery",
        recipients,
        message_id=original_id(mail) or _id_in(about.get("x-original-message-id", "")),
        envid=_envid(mail, about.get("original-envelope-id", "")) or None,
        original_sender=original_sender(mail),
        reporter=typed(about.get("reporting-mta", "")) or None,
    )


def _envid(mail: Mail, told: str) -> str:
    """As the sender gave it. Exim tells it as it came, encoded (RFC 3461 4)."""
    if "-eximdsn-" in mail.field("content-type"):
        return _XTEXT.sub(lambda found: chr(int(found[1], 16)), told)
    return told


def _recipient(group: dict[str, str], lines: list[str]) -> BouncedRecipient | None:
    final = address_of(group.get("final-recipient", ""))
    original = address_of(group.get("original-recipient", ""))
    action = group.get("action", "").lower()
    address = final or original or address_of(group.get("x-actual-recipient", ""))
    if not address or not action:
        return None
    # Comments, other spellings ("fail", "error") and no action at all are seen.
    action = next((known for known in _ACTIONS if action.startswith(known[:6])), "")
    if not action:
        action = "failed" if group["action"].lower().startswith(("fail", "error")) else "delayed"
    words = typed(group.get("diagnostic-code", "")) or reply_of(address, lines)
    if action == "delayed" and words == _EXPIRED:
        action = "failed"
    status = _status(group.get("status", ""), words or "")
    server = typed(group.get("remote-mta", "")) or None
    # Many say more to people than to programs.
    told = words or f"{group.get('status', '')} {said_of(address, lines)}"
    return BouncedRecipient(
        address,
        original,
        action,
        status,
        words,
        server,
        hardness.of_failure(action, status, told, original or address, server),
    )


def _status(told: str, words: str) -> str | None:
    """Many servers tell 5.0.0 or 4.0.0 of everything, and the next server's words have more."""
    status, more = hardness.status_in(told), hardness.status_in(words)
    is_vague = status is None or (status.endswith(".0.0") and more is not None and more[0] == status[0])
    return more if is_vague else status


def typed(value: str) -> str:
    """Of "dns; mx.example.org" what stands behind the type."""
    kind, semicolon, text = value.partition(";")
    return " ".join((text if semicolon and "@" not in kind else value).split())


def address_of(value: str) -> str | None:
    """The address of "rfc822; ann@example.org" and "utf-8; j\\x{FC}rgen@example.org"; None for what has
    none."""
    text = typed(value)
    if value.lower().startswith("utf-8"):
        text = _UNITEXT.sub(lambda found: _character(found[1]), text)
    if (angle := _ANGLE.search(text)) is not None:
        text = angle[1]
    text = text.strip().strip("<>").strip()
    return text if text and len(text) <= _LONGEST_ADDRESS and not _NOT_IN_ADDRESSES.search(text) else None


def _character(digits: str) -> str:
    number = int(digits, 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


def originals(mail: Mail) -> list[Part]:
    """The message that was returned, or its header."""
    return [part for part in mail.parts if part.kind in _ORIGINALS]


def original_id(mail: Mail) -> str | None:
    """The Message-ID of the message that was returned, of its header, or of what is quoted of it."""
    for part in originals(mail):
        if found := _id_in(field(split(part.content.lstrip())[0], "message-id")):
            return found
    for name in ("x-original-message-id", "in-reply-to"):
        if found := _id_in(mail.field(name)):
            return found
    quoted = re.search(
        r"^[ \t>]*Message-Id:[ \t]*(?:\r?\n[ \t]+)?(<[^<>\s]{1,900}>)", _texts(mail), re.I | re.M
    )
    return quoted[1] if quoted else None


def original_sender(mail: Mail) -> str | None:
    for part in originals(mail):
        found = field(split(part.content.lstrip())[0], "return-path")
        return address_of(found) if found.strip("<> ") else None
    return None


def _texts(mail: Mail) -> str:
    found = "\n".join(part.text for part in mail.parts if part.kind.startswith("text/"))
    return found or decoded(mail.body, "utf-8")


def _id_in(value: str) -> str | None:
    found = _MESSAGE_ID.search(value)
    return found[0] if found else None
