"""HTML as tags and what stands between them, each with its place in the text.

It is read as browsers read it (HTML 13.2.5), as far as tags tell. What strangers write may be in
it: each expression matches whatever follows, once. The standard library's parser (of 3.11) takes
minutes for some 60 kB of tags that are left open.
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Attribute(NamedTuple):
    """`written` begins at `begin`; `value` is what it means, "" where there is none."""

    name: str
    written: str | None
    begin: int

    @property
    def value(self) -> str:
        return unescape(self.written or "")


class Piece(NamedTuple):
    """A start tag with its attributes, of each name the first; an end tag; a comment, or a text, which
    has no tags in it.

    kind: "start", "end", "comment" or "text".
    name: of a tag, in small letters; of a text, the element around it that can have nothing but text.
    begin, end: of a tag, all of it; of a comment, what is in it.
    """

    kind: str
    name: str
    begin: int
    end: int
    attributes: tuple[Attribute, ...] = ()


# Where a value is left open, it ends with the text.
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"(?P<double>[^"]*+)(?:"|\Z)"""
    r"""|'(?P<single>[^']*+)(?:'|\Z)|(?P<bare>[^\s>"'][^\s>]*+))?+)?+"""
)
_TAG = re.compile(
    r"<(?:!--(?:-?>|(?P<comment>.*?)(?:--!?>|\Z))|/(?P<close>[a-z][^\s/>]*+)[^>]*+>?|[!?/][^>]*+>?"
    r"|(?P<open>[a-z][^\s/>]*+))",
    re.IGNORECASE | re.DOTALL,
)
# What has no tags in it.
_RAW = {
    name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE)
    for name in ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
}


def pieces(html: str, begin: int = 0, end: int | None = None) -> Iterator[Piece]:
    """In their order."""
    end = len(html) if end is None else end
    while tag := _TAG.search(html, begin, end):
        if tag.start() > begin:
            yield Piece("text", "", begin, tag.start())
        begin = tag.end()
        if tag["comment"] is not None:
            yield Piece("comment", "", *tag.span("comment"))
        elif tag["close"] is not None:
            yield Piece("end", tag["close"].lower(), *tag.span())
        elif tag["open"] is not None:
            name = tag["open"].lower()
            attributes, begin = _attributes(html, begin, end)
            yield Piece("start", name, tag.start(), begin, attributes)
            if name in _RAW:
                close = _RAW[name].search(html, begin, end)
                after = close.start() if close else end
                yield Piece("text", name, begin, after)
                begin = after
    if begin < end:
        yield Piece("text", "", begin, end)


def _attributes(html: str, begin: int, end: int) -> tuple[tuple[Attribute, ...], int]:
    """And where the tag ends."""
    if html.startswith(">", begin, end):
        return (), begin + 1
    found: dict[str, Attribute] = {}
    while one := _ATTRIBUTE.match(html, begin, end):
        begin = one.end()
        name = one["name"].lower()
        if name not in found:
            group = one.lastgroup or "name"
            written = None if group == "name" else one[group]
            found[name] = Attribute(name, written, one.start(group))
    close = html.find(">", begin, end)
    return tuple(found.values()), end if close < 0 else close + 1
