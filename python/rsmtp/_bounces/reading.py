"""`rsmtp.bounce`: what a message says that came back."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Any

from rsmtp._bounces import guessed, notices, report, traditional
from rsmtp._bounces.parts import MOST_OCTETS, Mail, addresses_in
from rsmtp._bounces.result import Bounce
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public


@public
def bounce(message: Any) -> Bounce | None:
    """Reads a report about a message that was sent before: a delivery that failed, was delayed or
    succeeded (RFC 3464, 6533), a complaint (RFC 5965), a notice that it was read (RFC 8098), or an
    automatic reply (RFC 3834). None: the message is none of these.

    It also reads qmail's bounces and those whose header names the recipients, and with flufl.bounce
    (``pip install 'rsmtp[bounce]'``) those of many other servers.

    Args:
        message: its octets or its text, an `rsmtp.Message` or one of the standard library's, what a
            `Catcher` has caught, an open file, or a path (a `Path`).

    Nothing in the message makes it raise, however malformed, and it reads only the first megabyte. A
    report may be forged: a `Verp` recognises those about your own mail.
    """
    mail = Mail(_octets(message))
    found = (
        report.read(mail)
        or notices.complaint(mail)
        or notices.disposition(mail)
        or _of_a_person_or_a_program(mail)
    )
    return found and replace(found, came_to=_came_to(mail))


def _of_a_person_or_a_program(mail: Mail) -> Bounce | None:
    away = notices.auto_reply(mail)
    # Some servers mark their bounces as automatic replies.
    if away is not None and not traditional.is_from_a_mail_system(mail):
        return traditional.read(mail) or away
    return traditional.read(mail) or guessed.read(mail) or away


def _came_to(mail: Mail) -> list[str]:
    """The envelope's recipient, as servers note it at delivery, and then what the header says."""
    names = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to")
    found = [address for name in names for text in mail.fields(name)[:20] for address in addresses_in(text)]
    return list(dict.fromkeys(found))[:20]


def _octets(message: Any) -> bytes:
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message[:MOST_OCTETS])
    if isinstance(message, str):
        text = message[:MOST_OCTETS]
        # Other surrogates than those of octets that could not be decoded are no characters.
        return re.sub("[\ud800-\udc7f\udd00-\udfff]", "?", text).encode("utf-8", "surrogateescape")
    if isinstance(message, os.PathLike):
        with open(message, "rb") as file:
            return file.read(MOST_OCTETS)
    if hasattr(message, "as_bytes"):
        return bytes(message.as_bytes())
    if hasattr(message, "rcpt_tos") and isinstance(getattr(message, "data", None), bytes):
        # Caught, with its envelope.
        to = "".join(f"Delivered-To: <{address}>\r\n" for address in message.rcpt_tos)
        return to.encode() + bytes(message.data)
    if callable(getattr(message, "read", None)):
        read = message.read(MOST_OCTETS)
        if isinstance(read, bytes):
            return read
        raise ValueError("message: the file has to be open for bytes (mode 'rb')")
    raise arguments.wanted("message", "a message, its octets or its path", message)
