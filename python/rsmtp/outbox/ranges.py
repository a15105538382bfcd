"""Numbers in ranges: messages are mostly put, claimed and sent in a row. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Range(NamedTuple):
    """From the first to the last, both in it. `said`: whether the ends of these may have been
    said."""

    first: int
    last: int
    said: bool = False

    @property
    def total(self) -> int:
        return self.last - self.first + 1


def ranges_of(numbers: Iterable[int]) -> list[Range]:
    """Of numbers in any order, as few as there may be, in order."""
    found: list[Range] = []
    first = last = None
    for number in sorted(numbers):
        # One that is there twice follows itself.
        if last is None or number > last + 1:
            if first is not None and last is not None:
                found.append(Range(first, last))
            first = number
        last = number
    if first is not None and last is not None:
        found.append(Range(first, last))
    return found


def joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """Those that follow each other, and are alike, are one."""
    before: Range | None = None
    for one in ranges:
        if before is not None and before.last + 1 == one.first and before.said == one.said:
            before = before._replace(last=one.last)
        else:
            if before is not None:
                yield before
            before = one
    if before is not None:
        yield before


def cut(held: Iterable[Range], wanted: Iterable[Range]) -> tuple[list[Range], list[Range]]:
    """What of the held ones is wanted, and what is not. All are in order."""
    inside: list[Range] = []
    outside: list[Range] = []
    left = iter(wanted)
    one = next(left, None)
    for first, last, said in held:
        while first <= last:
            while one is not None and one.last < first:
                one = next(left, None)
            if one is None or one.first > last:
                outside.append(Range(first, last, said))
                break
            if one.first > first:
                outside.append(Range(first, one.first - 1, said))
            end = min(last, one.last)
            inside.append(Range(max(first, one.first), end, said))
            first = end + 1
    return inside, outside
