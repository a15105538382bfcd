"""Where HTML shows pictures: each reference with its place in the text, so that another one can be
put there while the rest stays as it is, to the character."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Reference(NamedTuple):
    """Where an address stands, as it is written, and what it means."""

    begin: int
    end: int
    address: str


class Found(NamedTuple):
    """What was found in a page."""

    references: list[Reference]
    # Sources of pictures without an alternative text; an empty one says that there is nothing to say.
    without_alt: list[str]


def find(html: str) -> Found:
    finder = _Finder(html)
    finder.feed(html)
    finder.close()
    finder.end_style(len(html))
    return Found(sorted(finder.references), finder.without_alt)


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
_ATTRIBUTE = re.compile(
    r"""(?P<name>[^\s"'>/=]+)(?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"'>][^\s>]*)))?"""
)
_CANDIDATE = re.compile(r"[\s,]*([^\s,]\S*)")
_QUOTE = r"""["']|&quot;|&apos;|&#0*3[49];|&#x0*2[27];"""
# Comments show nothing, an imported style sheet and a font are no pictures.
_IN_CSS = re.compile(
    r"/\*.*?\*/|@import\b[^;]*|@font-face\s*\{[^}]*"
    rf"|(?<![\w-])url\(\s*(?:(?P<quote>{_QUOTE})(?P<quoted>.*?)(?P=quote)|(?P<bare>[^\s)\"']*))\s*\)",
    re.IGNORECASE | re.DOTALL,
)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|(.))", re.DOTALL)


class _Finder(HTMLParser):
    def __init__(self, html: str, before: int = 0) -> None:
        super().__init__()
        self.html = html
        self._before = before
        self.references: list[Reference] = []
        self.without_alt: list[str] = []
        self._lines = [0, *(at.end() for at in re.finditer("\n", html))]
        self._style: int | None = None

    def _position(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: object) -> None:
        text = self.get_starttag_text() or ""
        begin = self._position()
        if tag == "style":
            self._style = begin + len(text)
        said: dict[str, str] = {}
        for found in _ATTRIBUTE.finditer(text, len(tag) + 1):
            name = found["name"].lower()
            group = found.lastgroup or "name"
            if name in said or group == "name":
                said.setdefault(name, "")
                continue
            said[name] = found[group]
            self._attribute(tag, name, found[group], begin + found.start(group))
        if tag == "img" and "alt" not in said:
            self.without_alt.append(unescape(said.get("src", "")).strip())

    handle_startendtag = handle_starttag

    def _attribute(self, tag: str, name: str, value: str, begin: int) -> None:
        if name == "background" or name in _ATTRIBUTES.get(tag, ()):
            bare = value.strip()
            begin += len(value) - len(value.lstrip())
            self._add(begin, bare, unescape(bare))
        elif name == "srcset" and tag in ("img", "source"):
            for at, candidate in _candidates(value):
                self._add(begin + at, candidate, unescape(candidate))
        elif name == "style":
            self._css(value, begin, in_attribute=True)

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self.end_style(self._position())

    def end_style(self, end: int) -> None:
        if self._style is not None:
            self._css(self.html[self._style : end], self._style, in_attribute=False)
            self._style = None

    def handle_comment(self, data: str) -> None:
        if data.lower().startswith("[if"):
            inner = _Finder(data, self._before + self._position() + len("<!--"))
            inner.feed(data)
            inner.close()
            inner.end_style(len(data))
            self.references += inner.references

    def _css(self, css: str, begin: int, *, in_attribute: bool) -> None:
        for found in _IN_CSS.finditer(css):
            group = "quoted" if found["quoted"] is not None else "bare"
            if found[group]:
                written = unescape(found[group]) if in_attribute else found[group]
                self._add(begin + found.start(group), found[group], _CSS_ESCAPE.sub(_unescaped, written))

    def _add(self, begin: int, written: str, address: str) -> None:
        begin += self._before
        self.references.append(Reference(begin, begin + len(written), address))


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
