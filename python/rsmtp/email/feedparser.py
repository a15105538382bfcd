"""Parses messages piece by piece: `email.feedparser`.

The parser is the standard library's; the messages that it creates are ours.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from email import feedparser as _feedparser
from typing import Any

from rsmtp.email import _rest
from rsmtp.email._policybase import compat32

__all__ = ["BufferedSubFile", "BytesFeedParser", "FeedParser", "NeedMoreData"]


# These names are undocumented, but programs import them.
BufferedSubFile: Any = vars(_feedparser)["BufferedSubFile"]
NeedMoreData: Any = vars(_feedparser)["NeedMoreData"]


def _factory_of(policy: Any) -> Callable[..., Any]:
    if policy.message_factory is not None:
        factory: Callable[..., Any] = policy.message_factory
        return factory
    from rsmtp.email.message import Message

    return Message


class _Lines(BufferedSubFile):  # type: ignore[misc]
    """The lines of a message. Lines that were read are also kept in `given`."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []
        self.is_in_order = True

    def readline(self) -> Any:
        line = super().readline()
        if line and line is not NeedMoreData:
            self.given.append(line)
        return line

    def unreadline(self, line: str) -> None:
        self.is_in_order = self.is_in_order and self.given[-1:] == [line]
        del self.given[-1:]
        super().unreadline(line)


class _Place:
    """The position of a message: the numbers of its first line, of its body's first line, and of the
    line after it; and the messages inside it."""

    __slots__ = ("begin", "body", "end", "inside", "message")

    def __init__(self, message: Any, begin: int) -> None:
        self.message = message
        self.begin = self.body = self.end = begin
        self.inside: list[_Place] = []


class _Keeping(_feedparser.FeedParser):
    """Gives signed parts, and enclosed messages, the source that they were parsed from, because they
    must be written unchanged (RFC 1847 section 2.1)."""

    def __init__(self, _factory: Callable[..., Any] | None = None, *, policy: Any = compat32) -> None:
        super().__init__(_factory or _factory_of(policy), policy=policy)
        self._input: Any = _Lines()
        self._open: list[_Place] = []

    def _new_message(self) -> None:
        super()._new_message()  # type: ignore[misc]
        place = _Place(self._cur, len(self._input.given))  # type: ignore[attr-defined]
        if self._open:
            self._open[-1].inside.append(place)
        self._open.append(place)

    def _parse_headers(self, lines: list[str]) -> None:
        super()._parse_headers(lines)  # type: ignore[misc]
        self._open[-1].body = len(self._input.given)

    def _pop_message(self) -> Any:
        place = self._open.pop()
        place.end = len(self._input.given)
        if not self._open and self._input.is_in_order:
            _remember(place, self._input.given)
        return super()._pop_message()  # type: ignore[misc]


def _remember(root: _Place, lines: list[str]) -> None:
    wanted = list(_to_remember(root, False))
    if not wanted:
        return
    try:
        text = "".join(lines).encode("ascii", "surrogateescape")
    except UnicodeEncodeError:
        return  # text that has not been encoded yet
    at = [0, *itertools.accumulate(map(len, lines))]
    ends: dict[_Place, int] = {}
    _find_ends(root, len(text), lines, at, ends)
    for place in wanted:
        place.message._keep_origin(text, at[place.begin], at[place.body], ends[place])


def _to_remember(place: _Place, is_kept: bool) -> Iterator[_Place]:
    if place.inside and not is_kept:
        is_kept = place.message.get_content_type() in _AS_THEY_CAME
    # Inner parts come first, because the whole checks whether its parts are unchanged.
    for inner in place.inside:
        yield from _to_remember(inner, is_kept)
    if is_kept and hasattr(place.message, "_keep_origin"):
        yield place


def _find_ends(place: _Place, limit: int, lines: list[str], at: list[int], ends: dict[_Place, int]) -> None:
    """The line end before a boundary belongs to the boundary (RFC 2046 section 5.1.1)."""
    ends[place] = limit = min(at[place.end], limit)
    is_multipart = place.message.get_content_maintype() == "multipart" if place.inside else False
    for inner in place.inside:
        end = min(at[inner.end], limit)
        if is_multipart and inner.end > inner.begin and end == at[inner.end]:
            last = lines[inner.end - 1]
            end -= len(last) - len(last.rstrip("\r\n"))
        _find_ends(inner, end, lines, at, ends)


_AS_THEY_CAME = {"multipart/signed", "message/rfc822"}


class FeedParser(_Keeping):
    """Creates a message from pieces of text of any size."""


class BytesFeedParser(_Keeping, _feedparser.BytesFeedParser):
    """Creates a message from pieces of bytes of any size."""


__getattr__ = _rest.of(__name__)
