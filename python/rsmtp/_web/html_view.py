"""Makes the HTML of a mail safe to show.

Scripts, forms and loads are forbidden by the policy that it is served under
(`rsmtp._web.policy`). Elements that no policy governs are disarmed here: a browser connects ahead for
<link rel=preconnect>, refreshes for <meta>, and a frame's srcdoc would be a second document without
these rules. Such elements are renamed to names without meaning. That is safe without parsing the rest:
in HTML a tag always begins with these characters, no script can build one, and the text is always served
as UTF-8.
"""

import base64
import html
import re
import urllib.parse
from typing import Final

from rsmtp._web.mail import Mail, Part

NAMELESS: Final = re.compile(
    r"<(/?)(?=(?:applet|base|embed|fencedframe|frame|frameset|iframe|link|meta|object|portal)[\s/>])", re.I
)
CONTENT_ID: Final = re.compile(r"cid:([^\s\"'<>()]{1,1000})", re.I)
IMAGE: Final = re.compile(r"image/[a-z0-9.+-]+")
REMOTE: Final = re.compile(
    r"(?:\b(?:src|srcset|background|poster)\s{0,9}=\s{0,9}[\"']?|\burl\(\s{0,9}[\"']?|@import\s{1,9}[\"']?)"
    r"\s{0,9}(?:https?:)?//([^\s\"'<>/?#)]{1,253})",
    re.I,
)
# A tag, or the text between tags. Each character is read once.
PIECE: Final = re.compile(r"<(?P<slash>/?)(?P<name>[a-z!]*)[^<>]*>|[^<]+|<", re.I)
# Links open in a new tab. The policy allows them nothing else.
BEFORE: Final = '<!doctype html><meta charset="utf-8"><base target="_blank">'
# An image that is used several times is sent several times.
MOST_IMAGE_TEXT: Final = 48_000_000


def view(mail: Mail) -> str:
    """A separate document with the inline images (cid:, RFC 2392) embedded."""
    left = MOST_IMAGE_TEXT
    images = {
        part.content_id: part for part in mail.parts if part.content_id and IMAGE.fullmatch(part.content_type)
    }
    addresses: dict[str, str] = {}

    def image(found: re.Match[str]) -> str:
        nonlocal left
        name = urllib.parse.unquote(html.unescape(found[1]))
        if name not in images:
            return found[0]
        if name not in addresses:
            addresses[name] = _data_address(images[name])
        left -= len(addresses[name])
        return addresses[name] if left >= 0 else found[0]

    return BEFORE + CONTENT_ID.sub(image, NAMELESS.sub(r"<\1x-", mail.html or ""))


def remote_hosts(text: str) -> list[str]:
    """The addresses that the HTML would load from, found by a quick search."""
    hosts = dict.fromkeys(found[1].lower() for found in REMOTE.finditer(text))
    return list(hosts)[:20]


def plain(text: str) -> str:
    """The approximate text of the HTML, for search and the list."""
    words, silent = [], None
    for piece in PIECE.finditer(text):
        if piece["name"] is not None:
            name = piece["name"].lower()
            if silent is None and not piece["slash"] and name in ("script", "style", "title"):
                silent = name
            elif piece["slash"] and name == silent:
                silent = None
            words.append(" ")
        elif silent is None:
            words.append(piece[0])
    return " ".join(html.unescape("".join(words)).split())


def _data_address(part: Part) -> str:
    return f"data:{part.content_type};base64,{base64.b64encode(part.content).decode()}"
