"""HTML as a sequence of tags and the text between them, each with its position.

The HTML is tokenized as browsers do (HTML 13.2.5), as far as tags are concerned. It may come from
strangers, so each expression matches any input in one pass. The standard library's parser (in 3.11)
takes minutes for about 60 kB of unclosed tags.
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Attribute(NamedTuple):
    """`written` begins at `begin`; `value` is its decoded form, "" if the attribute has no value."""

    name: str
    written: str | None
    begin: int

    @property
    def value(self) -> str:
        return unescape(self.written or "")


class Piece(NamedTuple):
    """A start tag with its attributes (the first of each name), an end tag, a comment, or a text, which
    contains no tags.

    kind: "start", "end", "comment" or "text".
    name: of a tag, in lower case; of a text, the name of the element around it if that is a raw text element.
    begin, end: the range of the whole tag, or of the content of the comment.
    """

    kind: str
    name: str
    begin: int
    end: int
    attributes: tuple[Attribute, ...] = ()


# An unterminated value ends at the end of the HTML.
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"(?P<double>[^"]*+)(?:"|\Z)"""
    r"""|'(?P<single>[^']*+)(?:'|\Z)|(?P<bare>[^\s>"'][^\s>]*+))?+)?+"""
)
_TAG = re.compile(
    r"<(?:!--(?:-?>|(?P<comment>.*?)(?:--!?>|\Z))|/(?P<close>[a-z][^\s/>]*+)[^>]*+>?|[!?/][^>]*+>?"
    r"|(?P<open>[a-z][^\s/>]*+))",
    re.IGNORECASE | re.DOTALL,
)
# Elements whose content has no tags in it.
_RAW = {
    name: re.compile(rf"</{name}[\s/>]", re.IGNORECASE)
    for name in ("iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp")
}


def pieces(html: str, begin: int = 0, end: int | None = None) -> Iterator[Piece]:
    """All pieces, in document order."""
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
    """The attributes, and the position where the tag ends."""
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
