"""What a check works with, and what it notes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rsmtp._domain.dns import Asker

#: What a check yields: the rule, what was found, and where.
Broken = tuple[str, str, str]
Found = Iterator[Broken]


@dataclass
class Look:
    """`facts` are what the domain publishes, for people and programs."""

    domain: str
    dns: Asker
    author: str
    selectors: list[str]
    address: str | None
    helo: str | None
    blocklists: list[str]
    facts: dict[str, Any] = field(default_factory=dict)
