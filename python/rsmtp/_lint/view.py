"""A message as the rules look at it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rsmtp._common import arguments
from rsmtp._rsmtp import Message as Engine
from rsmtp._rsmtp import _envelope_addresses
from rsmtp.display import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

#: What a check yields: the rule, what was found, and where.
Broken = tuple[str, str, str]

# By what mail to many is known.
_BULK_FIELDS = ("List-Id", "List-Unsubscribe", "Feedback-ID")


@dataclass
class View:
    """`octets` are None where the message is still to be sent by rsmtp, which supplies and encodes
    what is missing."""

    message: Any
    octets: bytes | None
    is_bulk: bool

    @cached_property
    def reading(self) -> reader.Reading:
        return reader.read(self.message)

    @cached_property
    def text(self) -> str:
        return "\n".join(self.reading.texts)

    @cached_property
    def html(self) -> str:
        return "\n".join(self.reading.pages)

    @cached_property
    def raw_head(self) -> bytes:
        return b"" if self.octets is None else re.split(rb"\r?\n\r?\n", self.octets, maxsplit=1)[0]

    def fields(self, name: str) -> list[str]:
        """The values of a field, unfolded and decoded."""
        folded = name.lower()
        return [value for known, value in self.reading.fields if known.lower() == folded]

    def field(self, name: str) -> str | None:
        return next(iter(self.fields(name)), None)

    def mailboxes(self, name: str) -> list[tuple[str, str]]:
        from rsmtp.email.utils import getaddresses

        return [
            (reader.plain(display), address)
            for display, address in getaddresses(self._written(name))
            if display or address
        ]

    def local_mailboxes(self, name: str) -> set[str]:
        """Those without a domain, in a field that is sound."""
        try:
            found = _envelope_addresses(name, ", ".join(self._written(name)), True)
        except ValueError:
            return set()
        return {address for address in found if "@" not in address}

    def _written(self, name: str) -> list[str]:
        return [str(value) for known, value in _items(self.message) if known.lower() == name.lower()]

    def files(self) -> Iterator[reader.Attachment]:
        yield from self.reading.attachments
        yield from self.reading.shown.values()


def _items(message: Any) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = reader.safely(lambda: list(message.items()), [])
    return found


def view(message: Any, bulk: bool | None) -> View:
    """A message of ours or of the standard library's, or octets."""
    octets = None
    if hasattr(message, "data") and hasattr(message, "rcpt_tos"):
        message = message.data  # one that a catcher has caught
    if isinstance(message, (bytes, bytearray, memoryview)):
        octets = bytes(message)
        from rsmtp.email import message_from_bytes

        message = reader.parsed(octets, message_from_bytes)
    elif not hasattr(message, "get_all") or not hasattr(message, "walk"):
        raise arguments.wanted("message", "a message, or its octets,", message)
    elif not isinstance(message, Engine):
        from rsmtp.email import message_from_bytes

        message = reader.parsed(message.as_bytes(), message_from_bytes)
    if bulk is None:
        bulk = any(message[name] is not None for name in _BULK_FIELDS) or (
            str(message["Precedence"]).strip().lower() in ("bulk", "list")
        )
    return View(message, octets, bulk)
