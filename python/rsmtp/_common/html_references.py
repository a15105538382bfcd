"""Where HTML shows pictures: each reference with its place in the text, so that another one can be
put there while the rest stays as it is, to the character.

It is read as browsers read it (HTML 13.2.5), as far as tags tell. What others write may be in it:
each expression matches whatever follows, once (the standard library's parser takes minutes for
some 60 kB of tags that are left open).
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Reference(NamedTuple):
    """Where an address stands, as it is written, and what it means."""

    begin: int
    end: int
    address: str


def find(html: str) -> list[Reference]:
    """In their order."""
    found: list[Reference] = []
    _read(html, 0, len(html), found)
    return found


# Where a value is left open, it ends with the text.
_ATTRIBUTE = re.compile(
    r"""[\s/]*+(?P<name>[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"(?P<double>[^"]*+)(?:"|\Z)"""
    r"""|'(?P<single>[^']*+)(?:'|\Z)|(?P<bare>[^\s>"'][^\s>]*+))?+)?+"""
)
_TAG = re.compile(
    r"<(?:!--(?:-?>|(?P<comment>.*?)(?:--!?>|\Z))|[!?/][^>]*+>?|(?P<name>[a-z][^\s/>]*+))", re.I | re.S
)
# What is no markup up to the end of the element.
_RAW = {"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"}


def _read(html: str, begin: int, end: int, into: list[Reference], in_comment: bool = False) -> None:
    while tag := _TAG.search(html, begin, end):
        begin = tag.end()
        # Outlook reads what stands in such a comment.
        if tag["comment"] and not in_comment and tag["comment"][:3].lower() == "[if":
            _read(html, *tag.span("comment"), into, in_comment=True)
        if tag["name"] is None:
            continue
        name = tag["name"].lower()
        begin = _attributes(html, name, begin, end, into)
        if name in _RAW:
            close = re.compile(rf"</{name}[\s/>]", re.IGNORECASE).search(html, begin, end)
            after = close.start() if close else end
            if name == "style":
                into.extend(_in_css(html[begin:after], begin, in_attribute=False))
            begin = after


def _attributes(html: str, tag: str, begin: int, end: int, into: list[Reference]) -> int:
    """Returns where the tag ends."""
    said: set[str] = set()
    while found := _ATTRIBUTE.match(html, begin, end):
        begin = found.end()
        name = found["name"].lower()
        group = found.lastgroup or "name"
        # The first of two is heard.
        if name not in said and group != "name":
            into.extend(_in_attribute(tag, name, found[group], found.start(group)))
        said.add(name)
    close = html.find(">", begin, end)
    return end if close < 0 else close + 1


# `v:` is Outlook's: it stands in comments that only Outlook reads.
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
# Comments show nothing, an imported style sheet and a font are no pictures.
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
    """The addresses in a `srcset`: a comma ends one only before white space, since `data:` has some."""
    at = 0
    while found := _CANDIDATE.match(srcset, at):
        address = found[1].rstrip(",")
        yield found.start(1), address
        at = found.end()
        if address == found[1]:
            # A description follows: "2x".
            comma = srcset.find(",", at)
            at = len(srcset) if comma < 0 else comma
