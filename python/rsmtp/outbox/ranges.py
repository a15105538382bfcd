"""Ranges of message numbers: consecutive messages are mostly put, claimed and sent together. Pure
functions."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Range(NamedTuple):
    """The numbers from `first` to `last`, inclusive. `said`: whether the end of their mail data may have
    been sent."""

    first: int
    last: int
    said: bool = False

    @property
    def total(self) -> int:
        return self.last - self.first + 1

    @property
    def numbers(self) -> range:
        return range(self.first, self.last + 1)


def ranges_of(numbers: Iterable[int]) -> list[Range]:
    """Sorts the numbers into as few ranges as possible."""
    found: list[Range] = []
    first = last = None
    ordered = sorted(numbers)
    # Mostly it is one range, which costs little to find out.
    if ordered and ordered[-1] - ordered[0] == len(ordered) - 1:
        one = Range(ordered[0], ordered[-1])
        if all(map(operator.eq, ordered, one.numbers)):
            return [one]
    for number in ordered:
        # A duplicate number stays in its range.
        if last is None or number > last + 1:
            if first is not None and last is not None:
                found.append(Range(first, last))
            first = number
        last = number
    if first is not None and last is not None:
        found.append(Range(first, last))
    return found


def joined(ranges: Iterable[Range]) -> Iterator[Range]:
    """Joins adjacent ranges that are alike."""
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
    """Splits the held ranges into the wanted part and the rest. Both arguments are sorted."""
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
