"""Rules about the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rsmtp._rsmtp import text_of_html
from rsmtp.display import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rsmtp._lint.view import Broken, View

_PLACEHOLDERS = re.compile(
    r"\{\{[^{}\n]{1,80}\}\}|\{%[^%\n]{1,80}%\}|\$\{[A-Za-z_][\w.]{0,40}\}|%%[A-Z_]{2,40}%%|\*\|[A-Z_:]{2,40}\|\*"
    r"|\[(?:FIRST|LAST|YOUR)[ _]?NAME\]|%\((?:\w{1,40})\)s|lorem ipsum",
    re.IGNORECASE,
)
_GREETED = re.compile(
    r"\b(?:Dear|Hello|Hi|Hallo|Liebe[rs]?|Bonjour|Hola)[ ,]+(None|nan|null|undefined|NaN|<NA>|nil)\b"
    r"|\b(?:Dear|Hello|Hi)\s+[,!]"
)
_SPEAKS_OF_ONE = re.compile(
    r"\b(?:see|find|is|are|have|I've|I) (?:the )?attached\b|\battached (?:is|are|you|please)\b"
    r"|\bin the attachment\b|\bim Anhang\b|\bci-joint\b|\bse adjunta\b",
    re.IGNORECASE,
)
_ENOUGH_WORDS = 20
_LEAST_COMMON = 0.25


def check(view: View) -> Iterator[Broken]:
    said = view.text.strip()
    shown = _visible(view.html).strip() if view.html else ""
    has_picture = "<img" in view.html.lower()
    if not said and not shown and not has_picture:
        if not view.reading.attachments:
            yield "body-empty", "there is neither text nor HTML nor a file", "body"
    elif view.html and not view.reading.texts:
        yield "text-missing", "there is HTML, and no text", "body"
    elif said and shown:
        first, second = _words(said), _words(shown)
        if min(len(first), len(second)) >= _ENOUGH_WORDS:
            common = len(first & second) / min(len(first), len(second))
            if common < _LEAST_COMMON:
                yield "text-differs", f"text and HTML have {common:.0%} of their words in common", "body"
    for place, content in (("Subject", view.field("Subject") or ""), ("text", said), ("HTML", shown)):
        if found := _PLACEHOLDERS.search(content):
            yield "template-left", f"{found[0]!r} was not filled in", place
        elif found := _GREETED.search(content):
            yield "greeting-empty", f"the greeting is {found[0]!r}", place
    if not view.reading.attachments and _SPEAKS_OF_ONE.search(_own_words(said or shown)):
        yield "attachment-forgotten", "the text speaks of an attachment", "text"


def _visible(html: str) -> str:
    return reader.safely(lambda: text_of_html(html), "")


def _words(text: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[^\W\d_]{3,}", text)}


def _own_words(text: str) -> str:
    """Without what is quoted."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(">"))
