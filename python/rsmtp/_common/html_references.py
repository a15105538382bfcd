"""Finds the references to pictures in HTML, each with its position, so that a reference can be
replaced while every other character stays the same."""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

from rsmtp._common.html_tags import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Reference(NamedTuple):
    """The position of an address as it is written, and the decoded address."""

    begin: int
    end: int
    address: str


def find(html: str) -> list[Reference]:
    """All references, in document order."""
    found: list[Reference] = []
    _read(html, 0, len(html), found)
    return found


def _read(html: str, begin: int, end: int, into: list[Reference], in_comment: bool = False) -> None:
    for piece in pieces(html, begin, end):
        if piece.kind == "start":
            for attribute in piece.attributes:
                if attribute.written is not None:
                    into.extend(_in_attribute(piece.name, attribute.name, attribute.written, attribute.begin))
        elif piece.kind == "text" and piece.name == "style":
            into.extend(_in_css(html[piece.begin : piece.end], piece.begin, in_attribute=False))
        # Outlook interprets the content of conditional comments.
        elif (
            piece.kind == "comment"
            and not in_comment
            and html[piece.begin : piece.begin + 3].lower() == "[if"
        ):
            _read(html, piece.begin, piece.end, into, in_comment=True)


# The `v:` elements are Outlook's, and occur in comments that only Outlook reads.
_ATTRIBUTES = {
    "img": {"src"},
    "input": {"src"},
    "image": {"href", "xlink:href"},
    "video": {"poster"},
    "v:fill": {"src"},
    "v:image": {"src"},
    "v:imagedata": {"src"},
}
_CANDIDATE = re.compile(r"[\s,]*([^\s,]\S*)")
_QUOTE = r"""["']|&quot;|&apos;|&#0*3[49];|&#x0*2[27];"""
# Matches comments, imported style sheets and fonts first, because none of them is a picture.
_IN_CSS = re.compile(
    r"/\*.*?(?:\*/|\Z)|@import\b[^;]*+|@font-face\s*+\{[^}]*+"
    rf"|(?<![\w-])url\(\s*+(?:(?P<quote>{_QUOTE})(?P<quoted>(?:(?!(?P=quote)).)*+)(?P=quote)"
    r"|(?P<bare>[^\s()\"']*+))\s*+\)",
    re.IGNORECASE | re.DOTALL,
)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)


def _in_attribute(tag: str, name: str, value: str, begin: int) -> Iterator[Reference]:
    if name == "background" or name in _ATTRIBUTES.get(tag, ()):
        bare = value.strip()
        yield _reference(begin + len(value) - len(value.lstrip()), bare, unescape(bare))
    elif name == "srcset" and tag in ("img", "source"):
        for at, candidate in _candidates(value):
            yield _reference(begin + at, candidate, unescape(candidate))
    elif name == "style":
        yield from _in_css(value, begin, in_attribute=True)


def _in_css(css: str, begin: int, *, in_attribute: bool) -> Iterator[Reference]:
    for found in _IN_CSS.finditer(css):
        group = "quoted" if found["quoted"] is not None else "bare"
        if found[group]:
            written = unescape(found[group]) if in_attribute else found[group]
            yield _reference(begin + found.start(group), found[group], _CSS_ESCAPE.sub(_unescaped, written))


def _reference(begin: int, written: str, address: str) -> Reference:
    return Reference(begin, begin + len(written), address)


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16) if found[1] else 0
    return found[2] if found[2] is not None else chr(code) if 0 < code < 0x110000 else "\ufffd"


def _candidates(srcset: str) -> Iterator[tuple[int, str]]:
    """The addresses in a `srcset`. A comma ends an address only before white space, because `data:` URLs
    contain commas."""
    at = 0
    while found := _CANDIDATE.match(srcset, at):
        address = found[1].rstrip(",")
        yield found.start(1), address
        at = found.end()
        if address == found[1]:
            # A descriptor follows, such as "2x".
            comma = srcset.find(",", at)
            at = len(srcset) if comma < 0 else comma
