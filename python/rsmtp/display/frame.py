"""The frame that a mail's HTML can't leave.

Three walls, each enough for what it keeps out:
- `sandbox=""`: no script, no form, no pop-up, no way to the page around it, and an
  origin of its own;
- a content security policy: nothing is loaded from anywhere, so that no sender learns
  when and where the mail is looked at;
- the elements by which a page gives orders beside its content (`meta`, `link`,
  `base`) or has another page in it (`iframe`, `object`, ...) are renamed to ones that
  mean nothing: Chromium looks up and connects to hosts for some of them before it
  asks the policy.
"""

from __future__ import annotations

import re
from html import escape

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; "
    "form-action 'none'; base-uri 'none'"
)
_ORDERS = re.compile(r"<(/?)(meta|link|base|i?frame|frameset|object|embed|portal)(?=[\s/>]|$)", re.IGNORECASE)
# Mail is written for white paper.
_PAPER = (
    ":root{color-scheme:light;background:#fff;color:#1b1f24;"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
    "body{margin:12px 16px}img{max-width:100%;height:auto}"
)


def frame(page: str, title: str) -> str:
    """The page in a frame. `page` is foreign HTML, `title` plain text."""
    return (
        f'<iframe class="paper" sandbox="" referrerpolicy="no-referrer" title="{escape(title)}" '
        f'style="height:{_height(page)}px" srcdoc="{escape(document(page))}"></iframe>'
    )


def document(page: str) -> str:
    """What stands in the frame."""
    return (
        '<!doctype html><html><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="referrer" content="no-referrer"><meta http-equiv="x-dns-prefetch-control" content="off">'
        f'<base target="_blank"><style>{_PAPER}</style></head><body>{disarmed(page)}</body></html>'
    )


def disarmed(page: str) -> str:
    return _ORDERS.sub(r"<\1x-\2", page)


def _height(page: str) -> int:
    """A guess, in pixels: the frame can't tell, because nothing runs in it. It can
    be dragged larger."""
    text = re.sub(r"<(style|title)\b.*?</\1>|<[^>]*>", "", page, flags=re.IGNORECASE | re.DOTALL)
    lines = len(text) / 80 + len(re.findall(r"<(?:p|br|tr|li|div|hr|table)\b", page, re.IGNORECASE))
    headings = len(re.findall(r"<h[1-6]\b", page, re.IGNORECASE))
    images = len(re.findall(r"<img\b", page, re.IGNORECASE))
    return int(min(640, max(120, 60 + 26 * lines + 48 * headings + 260 * images)))
