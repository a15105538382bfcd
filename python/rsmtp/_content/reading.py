"""Reads the parts of a message that matter to people: its text, its HTML, its attachments."""

from __future__ import annotations

from rsmtp._rsmtp import text_of_html
from rsmtp.display.reader import leaves, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    import rsmtp


def html_of(message: rsmtp.Message) -> str | None:
    """The HTML body; None if there is none."""
    return _shown(message, "text/html")


def plain_text_of(message: rsmtp.Message) -> str:
    """The text, or text made from the HTML if there is none, with LF as line end."""
    found = _shown(message, "text/plain")
    if found is None and (html := html_of(message)) is not None:
        try:
            found = text_of_html(html)
        except ValueError:
            found = "[HTML that can't be shown as text]"
    return "" if found is None else found.replace("\r\n", "\n").replace("\r", "\n")


def attachments_of(message: rsmtp.Message) -> Iterator[rsmtp.Message]:
    """The parts other than the body: attachments, pictures within the HTML, enclosed messages."""
    shown = {id(part) for kind in ("text/plain", "text/html") if (part := _part(message, kind)) is not None}
    for part in leaves(message):
        is_body = part.get_content_maintype() == "text" and not _is_attached(part)
        if id(part) not in shown and not (is_body and part.get_filename() is None):
            yield part


def _shown(message: rsmtp.Message, kind: str) -> str | None:
    part = _part(message, kind)
    return None if part is None else text_of(part)


def _part(message: rsmtp.Message, kind: str) -> rsmtp.Message | None:
    for part in leaves(message):
        if part.get_content_type() == kind and not _is_attached(part):
            found: rsmtp.Message = part
            return found
    return None


def _is_attached(part: rsmtp.Message) -> bool:
    return part.get_content_disposition() == "attachment"
