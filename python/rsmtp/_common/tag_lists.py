"""Lists of tags, which DKIM's signatures and keys are (RFC 6376 section 3.2)."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def read(text: str) -> dict[str, str]:
    """The tags, their values without white space. Raises ValueError, which says what is wrong: with one
    mistake the whole list is invalid."""
    *tags, last = text.split(";")
    # A semicolon may end the list.
    if last.strip():
        tags.append(last)
    found: dict[str, str] = {}
    for tag in tags:
        name, equals, value = tag.partition("=")
        name = name.strip()
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(f"{tag.strip()[:20]!r} is no tag")
        if name in found:
            raise ValueError(f"there are two tags {name}=")
        found[name] = "".join(value.split())
    return found
