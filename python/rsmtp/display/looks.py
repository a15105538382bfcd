"""A mail's HTML as mail programs show it: on a desktop, on a phone, as text, dark, and without images."""

from __future__ import annotations

import base64

from rsmtp.display import page, reader
from rsmtp.display.frame import Images, Look, frame, has_dark_colours

# A larger image is not embedded in the page.
_IMAGE = 5_000_000
# If the page with its images is larger than this, only one frame has the images.
_HEAVY = 4_000_000
_TEXT = 20_000

_NO_TEXT = '<p class="soft">(none: a reader without HTML sees what the program makes of it)</p>'


def looks(reading: reader.Reading, title: str, *, remote: bool, is_open: bool) -> str:
    """`remote`: images are loaded from other hosts. `is_open`: the further views are open, too."""
    texts = "".join(
        f'<div class="box mail" tabindex="0"><pre>{page.lines(text[:_TEXT])}{rest(text, _TEXT)}</pre></div>'
        for text in reading.texts
    )
    if not reading.pages:
        return texts or '<p class="soft">(no text)</p>'
    return "".join(
        _one(html, reading, title, texts if number == 0 else "", remote, is_open)
        for number, html in enumerate(reading.pages)
    )


def _one(html: str, reading: reader.Reading, title: str, texts: str, remote: bool, is_open: bool) -> str:
    images = Images.REMOTE if remote else Images.OF_THE_MAIL
    shown = reader.with_images(html, lambda cid: _url(reading, cid))
    is_heavy = len(shown) > _HEAVY
    again = html if is_heavy else shown
    left_out = ", its images left out here" if is_heavy else ""
    dark = "Dark" if has_dark_colours(html) else "Dark, as programs that invert colours show it"

    def framed(what: str, kind: str, document: str, look: Look) -> str:
        return _figure(what, kind, frame(document, f"The message {title}, {what[0].lower()}{what[1:]}", look))

    first = (
        framed("Desktop", "desktop", shown, Look(images)),
        framed(f"Phone{left_out}", "phone", again, Look(images)),
        _figure("Plain text", "plain", texts or _NO_TEXT),
    )
    more = (
        framed(f"{dark}{left_out}", "phone", again, Look(images, is_dark=True)),
        framed("Images blocked", "phone", html, Look(Images.NONE)),
    )
    return f'<div class="looks">{"".join(first)}</div>' + page.details(
        "Dark mode, and images blocked", f'<div class="looks">{"".join(more)}</div>', is_open=is_open
    )


def _figure(caption: str, kind: str, content: str) -> str:
    return f'<figure class="look {kind}"><figcaption>{page.text(caption)}</figcaption>{content}</figure>'


def rest(text: str, shown: int) -> str:
    """A line that says how much was left out."""
    return (
        f'\n<span class="soft">... ({len(text) - shown:,} more characters)</span>'
        if len(text) > shown
        else ""
    )


def _url(reading: reader.Reading, cid: str) -> str | None:
    image = reading.shown.get(cid)
    if image is None or not image.kind.startswith("image/") or len(image.data) > _IMAGE:
        return None
    return f"data:{image.kind};base64,{base64.b64encode(image.data).decode()}"
