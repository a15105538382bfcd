"""Iterates over a message: `email.iterators`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any, TextIO

from rsmtp.email import _rest

__all__ = ["body_line_iterator", "typed_subpart_iterator", "walk"]


def walk(self: Any) -> Iterator[Any]:
    """The message and all parts in it, depth first."""
    yield self
    if self.is_multipart():
        for part in self.get_payload():
            yield from part.walk()


def body_line_iterator(msg: Any, decode: bool = False) -> Iterator[str]:
    """The lines of all payloads that are text."""
    for part in msg.walk():
        payload = part.get_payload(decode=decode)
        if isinstance(payload, str):
            yield from StringIO(payload)


def typed_subpart_iterator(msg: Any, maintype: str = "text", subtype: str | None = None) -> Iterator[Any]:
    """The parts of a type; of all its subtypes if no subtype is given."""
    for part in msg.walk():
        if part.get_content_maintype() == maintype and subtype in (
            None,
            part.get_content_subtype(),
        ):
            yield part


def _structure(msg: Any, fp: TextIO | None = None, level: int = 0, include_default: bool = False) -> None:
    """Print the types of all parts as a tree."""
    out = sys.stdout if fp is None else fp
    line = "    " * level + msg.get_content_type()
    if include_default:
        line += f" [{msg.get_default_type()}]"
    print(line, file=out)
    if msg.is_multipart():
        for part in msg.get_payload():
            _structure(part, out, level + 1, include_default)


__getattr__ = _rest.of(__name__)
