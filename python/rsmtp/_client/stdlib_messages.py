"""Renders a message of the standard library's."""

from __future__ import annotations

import copy
import email.generator
import io
import re
from typing import Any

from rsmtp._rsmtp import Message, RenderedMessage, _rendered


def render(msg: Any, *, utf8: bool) -> bytes | RenderedMessage:
    """The content to send: what the message's own generator writes, with CRLF and without Bcc."""
    check_fields(msg)
    if utf8 and not hasattr(msg.policy, "utf8"):
        # The standard library's generator can't write UTF-8 with a classic policy.
        return Message.from_stdlib(msg)._content_for_sending(utf8=True)
    sent = copy.copy(msg)
    del sent["Bcc"]
    del sent["Resent-Bcc"]
    policy = sent.policy.clone(utf8=utf8) if hasattr(sent.policy, "utf8") else sent.policy
    out = io.BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False, policy=policy).flatten(sent, linesep="\r\n")
    return _rendered(out.getvalue(), _originals(sent), utf8 and _has_utf8_fields(sent))


def _originals(msg: Any) -> list[bytes]:
    """The contents that are not text. The generator has changed their line ends."""
    found = []
    for part in msg.walk():
        payload = part._payload
        if not isinstance(payload, str) or payload.isascii():
            continue
        if part.get_content_maintype() != "text" or "\0" in payload:
            found.append(payload.encode("ascii", "surrogateescape"))
    return found


def _has_utf8_fields(msg: Any) -> bool:
    return any(not str(value).isascii() for part in msg.walk() for _, value in part.raw_items())


# What ends a field early (RFC 5322 2.2): these characters in a name, and in a value a line end without
# white space after it. Some readers also treat a control character as a line end.
_NO_NAME = r"[^!-9;-~]"
_BREAKS_OUT = r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?![\n \t])|\n(?![ \t])"


def check_fields(msg: Any) -> None:
    """Raises ValueError, which names the field, for a value that a reader of the message would take
    for another field or for the body, because the message's own generator writes it unchanged."""
    for part in msg.walk():
        for name, value in part.raw_items():
            if not name or re.search(_NO_NAME, name):
                raise ValueError(f"msg: the name of the header field {name!r} can't be read (RFC 5322 2.2)")
            text = value if isinstance(value, str) else str(value)
            if re.search(_BREAKS_OUT, text):
                raise ValueError(
                    f"{name}: {text!r} would end the field: a line end or control character stands in it"
                )
