"""The records that are waiting for the next mail."""

from __future__ import annotations

import logging
from typing import NamedTuple

# How many characters of a record's text are kept: at the beginning, and at the end, where the
# exception's line is.
_BEGINNING, _END = 4_000, 12_000


class Kind(NamedTuple):
    """A key that is equal for records that differ only in their arguments."""

    logger: str
    level: int
    path: str
    line: int
    message: str


class Seen:
    """The records of one kind: the text of the first, and their number."""

    __slots__ = ("count", "first", "last", "level_name", "line", "logger", "path", "text")

    def __init__(self, record: logging.LogRecord, text: str) -> None:
        self.logger = record.name
        self.level_name = record.levelname
        self.path, self.line = record.pathname, record.lineno
        self.first = self.last = record.created
        self.text = _shortened(text)
        self.count = 1


class Batch:
    """The waiting records, in bounded memory: only the first record of a kind is kept, and after
    `capacity` kinds the others are only counted."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.seen: dict[Kind, Seen] = {}
        self.left_out = 0
        self.count = 0
        #: The first record of the highest level.
        self.worst: logging.LogRecord | None = None

    def add(self, record: logging.LogRecord, text: str) -> None:
        self.count += 1
        if self.worst is None or record.levelno > self.worst.levelno:
            self.worst = record
        kind = Kind(record.name, record.levelno, record.pathname, record.lineno, str(record.msg))
        if (seen := self.seen.get(kind)) is not None:
            seen.count += 1
            seen.last = record.created
        elif len(self.seen) < self._capacity:
            self.seen[kind] = Seen(record, text)
        else:
            self.left_out += 1

    def continued_by(self, later: Batch) -> None:
        """Adds the records that arrived while this batch could not be sent."""
        self.count += later.count
        self.left_out += later.left_out
        if self.worst is None or (later.worst is not None and later.worst.levelno > self.worst.levelno):
            self.worst = later.worst
        for kind, seen in later.seen.items():
            if (known := self.seen.get(kind)) is not None:
                known.count += seen.count
                known.last = seen.last
            elif len(self.seen) < self._capacity:
                self.seen[kind] = seen
            else:
                self.left_out += seen.count


def _shortened(text: str) -> str:
    if len(text) <= _BEGINNING + _END:
        return text
    left_out = len(text) - _BEGINNING - _END
    return f"{text[:_BEGINNING]}\n[... {left_out:,} characters are left out ...]\n{text[-_END:]}"
