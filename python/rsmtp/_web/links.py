"""The links of a mail, in its HTML and in its text."""

import html
import re
from typing import Final

from rsmtp._web.answer import Json
from rsmtp._web.html_view import plain

MOST_LINKS: Final = 500
LONGEST_LINK: Final = 4_000
READ: Final = 1_000_000
# An anchor, up to its end or the next one. Each character is read a few times at most.
ANCHOR: Final = re.compile(r"<a\s([^<>]{1,8000})>(.{0,2000}?)(?=</a\s*>|<a\s|$)", re.I | re.S)
HREF: Final = re.compile(r"(?:^|\s)href\s{0,9}=\s{0,9}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.I)
ADDRESS: Final = re.compile(r"https?://[^\s<>\"]{1,4000}[^\s<>\".,;:!?)\]}']")


def links(text: str | None, markup: str | None) -> list[Json]:
    """Each address once, in the order of the mail: `href`, and `text`, the link's words (None for an
    address in the plain text)."""
    found: dict[str, str | None] = {}
    for anchor in ANCHOR.finditer((markup or "")[:READ]):
        href = HREF.search(anchor[1])
        if href is not None:
            address = html.unescape(next(filter(None, href.groups()), "")).strip()
            if address and not address.startswith("#"):
                found.setdefault(address[:LONGEST_LINK], plain(anchor[2])[:200] or None)
    for address in ADDRESS.findall((text or "")[:READ]):
        found.setdefault(address, None)
    return [{"href": href, "text": words} for href, words in list(found.items())[:MOST_LINKS]]
