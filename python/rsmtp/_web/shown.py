"""A message for a page: its text, HTML, source and parts."""

from typing import Final

from rsmtp._web import html_view, policy
from rsmtp._web.answer import Answer, Json, Refusal, as_file
from rsmtp._web.links import links
from rsmtp._web.mail import Mail, Part

# Longer text is cut in the JSON; the part itself has all of it.
MOST_TEXT: Final = 1_000_000


def described(mail: Mail) -> Json:
    """The data that `static/parts.js` shows."""
    text, html = mail.text, mail.html
    return {
        "problem": mail.problem,
        "headers": mail.headers,
        "text": text and text[:MOST_TEXT],
        "text_is_cut": len(text or "") > MOST_TEXT,
        "html": html and html[:MOST_TEXT],
        "html_is_cut": len(html or "") > MOST_TEXT,
        "remote_hosts": html_view.remote_hosts(html) if html else [],
        "links": links(text, html),
        "attachments": [_part(one) for one in mail.attachments],
    }


def _part(part: Part) -> Json:
    return {
        "part": part.index,
        "filename": part.name,
        "content_type": part.content_type,
        "content_id": part.content_id,
        "inline": not part.is_attachment,
        "size": len(part.content),
        "is_picture": part.picture_type is not None,
    }


def html(number: int, mail: Mail) -> Answer:
    if mail.html is None:
        raise Refusal(404, f"message {number} has no HTML")
    body = html_view.view(mail).encode("utf-8", "replace")
    return Answer(body, "text/html; charset=utf-8", headers=policy.MAIL)


def source(number: int, data: bytes) -> Answer:
    return as_file(data, f"message-{number}.eml", "message/rfc822")


def part(number: int, mail: Mail, wanted: int) -> Answer:
    for one in mail.parts:
        if one.index == wanted:
            return as_file(one.content, one.name)
    raise Refusal(404, f"message {number} has no part {wanted}")


def picture(number: int, mail: Mail, wanted: int) -> Answer:
    for one in mail.parts:
        kind = one.picture_type if one.index == wanted else None
        if kind is not None:
            return Answer(one.content, kind, headers=policy.DATA)
    raise Refusal(404, f"message {number} has no picture {wanted}")
