"""The frame that isolates a mail's HTML.

It has three layers of protection, each sufficient for what it keeps out:
- `sandbox=""`: the mail has no script, no form, no pop-up and no access to the page around
  it, and its origin is its own;
- a content security policy: nothing is loaded from anywhere, so no sender learns when or
  where the mail is viewed;
- the elements that affect more than their own content (`meta`, `link`, `base`) or embed
  another page (`iframe`, `object`, ...) are renamed to elements without a meaning:
  Chromium resolves and connects to hosts for some of them before it consults the
  policy.
"""

from __future__ import annotations

import re
from enum import Enum
from html import escape
from typing import NamedTuple


class Images(Enum):
    """Which images are shown, as a source list of the content security policy."""

    NONE = "'none'"
    OF_THE_MAIL = "data:"
    REMOTE = "data: https: http:"


class Look(NamedTuple):
    """How the reader's mail program displays a mail."""

    images: Images = Images.OF_THE_MAIL
    is_dark: bool = False


def policy(images: Images) -> str:
    return (
        f"default-src 'none'; img-src {images.value}; style-src 'unsafe-inline'; font-src data:; "
        "form-action 'none'; base-uri 'none'"
    )


_ORDERS = re.compile(r"<(/?)(meta|link|base|i?frame|frameset|object|embed|portal)(?=[\s/>]|$)", re.IGNORECASE)
_PAPER = (
    ":root{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "body{margin:12px 16px}img{max-width:100%;height:auto}"
)
# Mail is written for a white page. A `color-scheme` of the mail's own would follow the system's theme.
_LIGHT = ":root{color-scheme:light!important;background:#fff;color:#1b1f24}"
_DARK = ":root{color-scheme:dark!important;background:#121212;color:#e8eaed}"
# Roughly what mail programs do to a mail that has no dark colours.
_INVERTED = _LIGHT + "html,img,video,svg{filter:invert(.92) hue-rotate(180deg)}"


_PLAIN = Look()


def frame(page: str, title: str, look: Look = _PLAIN) -> str:
    """The page in a frame. `page` is untrusted HTML, `title` plain text."""
    return (
        f'<iframe class="paper" sandbox="" referrerpolicy="no-referrer" title="{escape(title)}" '
        f'style="height:{_height(page)}px" srcdoc="{escape(document(page, look))}"></iframe>'
    )


def document(page: str, look: Look = _PLAIN) -> str:
    """The content of the frame."""
    colours = _LIGHT if not look.is_dark else _DARK if has_dark_colours(page) else _INVERTED
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(look.images))}">'
        '<meta name="referrer" content="no-referrer"><meta http-equiv="x-dns-prefetch-control" content="off">'
        f'<base target="_blank"><style>{_PAPER}{colours}</style></head>'
        f"<body>{disarmed(_asked_for(page, look.is_dark))}</body></html>"
    )


_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
# Where a media query can be: in a style sheet, and in the attribute of a <source>.
_ASKS = re.compile(r"<style\b.*?(?:</style|\Z)|\bmedia\s*=\s*[\"'][^\"'<>]*", re.IGNORECASE | re.DOTALL)
_SUPPORTS = re.compile(
    r"(?:prefers-color-scheme|color-schemes?[\"']?\s{1,20}content\s{0,9}=\s{0,9}[\"']|color-schemes?\s{0,9})"
    r":?[^;}\"'<>]{0,200}dark",
    re.IGNORECASE,
)


def has_dark_colours(page: str) -> bool:
    """Whether the mail declares support for a dark theme: mail programs then leave its colours alone."""
    return _SUPPORTS.search(page) is not None


def _asked_for(page: str, is_dark: bool) -> str:
    """The page as it would be if this were the system's theme."""
    wanted = "dark" if is_dark else "light"

    def answered(found: re.Match[str]) -> str:
        return "(min-width:0)" if found[1].lower() == wanted else "(max-width:0)"

    return _ASKS.sub(lambda found: _SCHEME.sub(answered, found[0]), page)


def disarmed(page: str) -> str:
    return _ORDERS.sub(r"<\1x-\2", page)


def _height(page: str) -> int:
    """A guess, in pixels: the frame can't tell, because nothing runs in it. It can
    be dragged larger."""
    text = re.sub(r"<(style|title)\b.*?(?:</\1>|\Z)|<[^<>]*>", "", page, flags=re.IGNORECASE | re.DOTALL)
    lines = len(text) / 80 + len(re.findall(r"<(?:p|br|tr|li|div|hr|table)\b", page, re.IGNORECASE))
    headings = len(re.findall(r"<h[1-6]\b", page, re.IGNORECASE))
    images = len(re.findall(r"<img\b", page, re.IGNORECASE))
    return int(min(640, max(120, 60 + 26 * lines + 48 * headings + 260 * images)))
