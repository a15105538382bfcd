"""Rules about the HTML."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rsmtp._common.html_tags import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rsmtp._lint.view import Broken, View

_CLIPPED = 102 * 1024
_LONGEST_STYLE = 16 * 1024
_SHORTENERS = frozenset(
    (
        "bit.ly",
        "buff.ly",
        "cutt.ly",
        "goo.gl",
        "is.gd",
        "ow.ly",
        "rb.gy",
        "rebrand.ly",
        "s.id",
        "shorturl.at",
        "t.co",
        "t.ly",
        "tiny.cc",
        "tinyurl.com",
    )
)
_LEAST_TEXT = 10


@dataclass
class _Link:
    href: str
    where: str
    text: str = ""
    has_words: bool = False


@dataclass
class _Page:
    """Elements with their lines, links with what they show, style."""

    elements: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    links: list[_Link] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    text: str = ""


def _read(html: str) -> _Page:
    page, line, counted, texts = _Page(), 1, 0, []
    link: _Link | None = None
    for piece in pieces(html):
        line += html.count("\n", counted, piece.begin)
        counted = piece.begin
        where = f"HTML line {line}"
        if piece.kind == "start":
            given = {attribute.name: attribute.value for attribute in piece.attributes}
            page.elements.append((piece.name, given, where))
            if piece.name == "a" and "href" in given:
                link = _Link(given["href"].strip(), where, has_words=bool(given.get("aria-label")))
                page.links.append(link)
            if piece.name == "img" and link is not None and given.get("alt"):
                link.has_words = True
        elif piece.kind == "end" and piece.name == "a":
            link = None
        elif piece.kind == "text" and piece.name == "style":
            page.styles.append(html[piece.begin : piece.end])
        elif piece.kind == "text" and piece.name not in ("script", "title"):
            text = unescape(html[piece.begin : piece.end])
            texts.append(text)
            if link is not None:
                link.text += text
                link.has_words |= bool(text.strip())
    page.text = "".join(texts)
    return page


def check(view: View) -> Iterator[Broken]:
    for html in view.reading.pages:
        page = _read(html)
        yield from _document(page, html)
        yield from _elements(page)
        yield from _pictures(page, view)
        for link in page.links:
            yield from _link(link)
        yield from _unsupported(page)
    if view.reading.pages:
        for file in view.reading.attachments:
            if file.cid and file.part.get_content_disposition() != "attachment":
                yield "inline-unused", f"the picture {file.cid} is not shown", file.name or file.kind


def _document(page: _Page, html: str) -> Iterator[Broken]:
    size = len(html.encode("utf-8", "replace"))
    if size > _CLIPPED:
        yield "html-clipped", f"the HTML has {size / 1024:.0f} KB", "HTML"
    style = sum(map(len, page.styles))
    if style > _LONGEST_STYLE:
        yield "html-style-long", f"the style elements have {style / 1024:.0f} KB", "HTML"
    root = next((given for tag, given, _ in page.elements if tag == "html"), None)
    if root is not None and not root.get("lang", "").strip():
        yield "html-language", "the html element names no language", "HTML"
    has_picture = any(tag == "img" for tag, _, _ in page.elements)
    if has_picture and len("".join(page.text.split())) < _LEAST_TEXT:
        described = sum(len(given.get("alt", "")) for tag, given, _ in page.elements if tag == "img")
        if described < _LEAST_TEXT:
            yield "image-only", "there is a picture, and hardly any text", "HTML"


_ELEMENTS = {
    "script": ("html-script", "a script"),
    "form": ("html-form", "a form"),
    "iframe": ("html-frame", "a frame"),
    "frame": ("html-frame", "a frame"),
    "object": ("html-frame", "an object"),
    "embed": ("html-frame", "an embedded object"),
    "applet": ("html-frame", "an applet"),
}


def _elements(page: _Page) -> Iterator[Broken]:
    seen: set[str] = set()
    for tag, given, where in page.elements:
        found: list[tuple[str, str]] = []
        if tag in _ELEMENTS:
            rule, name = _ELEMENTS[tag]
            found.append((rule, f"there is {name}"))
        handler = next((name for name in given if re.fullmatch(r"on[a-z]{3,}", name)), None)
        if handler is not None:
            found.append(("html-handler", f"{tag} has {handler}"))
        if tag == "meta" and given.get("http-equiv", "").lower() == "refresh":
            found.append(("html-refresh", "the page goes elsewhere by itself"))
        if tag == "link" and "stylesheet" in given.get("rel", "").lower():
            found.append(
                ("html-stylesheet", f"a style sheet is outside the message: {given.get('href', '')[:80]}")
            )
        for rule, words in found:
            if rule not in seen:
                seen.add(rule)
                yield rule, words, where


def _pictures(page: _Page, view: View) -> Iterator[Broken]:
    parts = {file.cid for file in view.files() if file.cid}
    for tag, given, where in page.elements:
        if tag != "img":
            continue
        source = given.get("src", "").strip()
        shown = source[:60]
        if "alt" not in given:
            yield "image-alt", f"the picture {shown} has no alt text", where
        scheme = source.partition(":")[0].lower() if ":" in source else ""
        if scheme == "data":
            yield "image-data", "the picture is in a data: URL", where
        elif scheme == "cid":
            if unquote(source[4:]) not in parts:
                yield "image-missing", f"no part has the Content-ID {source[4:64]}", where
        elif scheme == "http":
            yield "image-insecure", f"the picture {shown} is loaded by http", where
        elif scheme != "https" and not source.startswith("//"):
            yield "image-local", f"the picture {shown!r} is a file name", where
    for style in _styles(page):
        for found in re.findall(r"\burl\(\s*['\"]?cid:([^'\")]+)", style, re.IGNORECASE):
            if unquote(found) not in parts:
                yield "image-missing", f"no part has the Content-ID {found[:60]}", "style"


def _link(link: _Link) -> Iterator[Broken]:
    href = link.href
    scheme = href.partition(":")[0].lower() if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", href) else ""
    shown = href[:80]
    if not href or href == "#":
        yield "link-empty", "a link leads nowhere", link.where
        return
    if scheme in ("javascript", "vbscript", "data"):
        yield "link-script", f"a link runs a script: {shown}", link.where
        return
    if not link.has_words:
        yield "link-mute", f"the link to {shown} has no words", link.where
    if scheme not in ("http", "https"):
        if not scheme and not href.startswith(("#", "//")):
            yield "link-relative", f"the link {shown!r} is relative", link.where
        return
    try:
        parts = urlsplit(href)
        host = (parts.hostname or "").lower()
    except ValueError:
        yield "link-empty", f"{shown!r} is no address", link.where
        return
    if scheme == "http":
        yield "link-insecure", f"the link {shown} is http", link.where
    if parts.username is not None:
        yield "link-login", f"a user name stands before the host in {shown}", link.where
    if re.fullmatch(r"[\d.]+|[0-9a-f:]*:[0-9a-f:]*", host):
        yield "link-number", f"the link leads to {host}", link.where
    if host in _SHORTENERS:
        yield "link-shortened", f"the link goes by {host}", link.where
    if _mixes_alphabets(host):
        yield "link-lookalike", f"the host {host} mixes alphabets", link.where
    seen = _host_shown(link.text)
    if seen and not _is_same_site(seen, host):
        yield "link-lies", f"the link shows {seen} and leads to {host}", link.where


def _host_shown(text: str) -> str:
    """The host of the address that a link shows; "" where it shows words."""
    found = re.fullmatch(r"\s*(?:https?://)?((?:[\w-]+\.)+[a-z]{2,})(?:[/:?#]\S*)?\s*", text, re.IGNORECASE)
    return found[1].lower() if found else ""


def _is_same_site(first: str, second: str) -> bool:
    first, second = first.removeprefix("www."), second.removeprefix("www.")
    return first == second or first.endswith(f".{second}") or second.endswith(f".{first}")


def _mixes_alphabets(host: str) -> bool:
    if host.isascii() and "xn--" not in host:
        return False
    import unicodedata

    for label in host.split("."):
        try:
            readable = label.encode().decode("idna") if label.startswith("xn--") else label
        except UnicodeError:
            continue
        scripts = {unicodedata.name(c, "?").split()[0] for c in readable if c.isalpha()}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return True
    return False


def _styles(page: _Page) -> Iterator[str]:
    yield from page.styles
    yield from (given["style"] for _, given, _ in page.elements if "style" in given)


@cache
def _support() -> Any:
    return json.loads((Path(__file__).parent / "support.json").read_text(encoding="utf-8"))


def _unsupported(page: _Page) -> Iterator[Broken]:
    table = _support()
    used: dict[str, tuple[str, list[str]]] = {}
    for tag, _, _ in page.elements:
        if tag in table["elements"]:
            slug, programs = table["elements"][tag]
            used.setdefault(slug, (f"<{tag}>", programs))
    for style in _styles(page):
        plain = re.sub(r"/\*.*?(?:\*/|\Z)", "", style, flags=re.DOTALL).lower()
        for name in re.findall(r"(?:^|[;{\s])([a-z-]+)\s*:", plain):
            if name in table["properties"]:
                slug, programs = table["properties"][name]
                used.setdefault(slug, (name, programs))
        for kind in ("values", "rules"):
            for name, (slug, programs) in table[kind].items():
                if name in plain:
                    used.setdefault(slug, (name.rstrip("(-"), programs))
    for slug, (name, programs) in used.items():
        yield (
            "html-unsupported",
            f"{name} is not shown by {_listed(programs)}",
            f"caniemail.com/features/{slug}/",
        )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
