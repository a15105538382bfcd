"""`message.reply()` and `message.forward()` (RFC 5322 sections 3.6.3 to 3.6.5)."""

from __future__ import annotations

import html as markup
import re

from rsmtp._common.arguments import flag, maybe_text, passed_on
from rsmtp._common.mailboxes import folded
from rsmtp._content.identification import thread_of
from rsmtp._content.reading import attachments_of, html_of, plain_text_of
from rsmtp.display import reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import rsmtp

# "Re:" and its equivalents in mail programs of other languages.
_REPLIED = re.compile(r"\s*(re|aw|antw|sv|vs|odp|rif|r|res)(\[\d+\])?\s*:", re.IGNORECASE)
_QUOTED = "margin:0 0 0 .8ex;border-left:1px solid #ccc;padding-left:1ex"
_FORWARDED = re.compile(r"\s*(fwd?|wg|tr|rv|i|enc|vl|doorst)\s*:", re.IGNORECASE)


def reply(
    original: rsmtp.Message,
    text: str | None,
    *,
    all: bool,
    quote: bool,
    from_: Any,
    html: str | None,
    more: Any,
) -> rsmtp.Message:
    maybe_text("text", text)
    maybe_text("html", html)
    to_all = flag("all", all)
    quote = flag("quote", quote)
    own = _own_address(original) if from_ is None else from_
    to, cc = _recipients(original, _addresses([_written(own)]), to_all)
    if not to:
        raise ValueError(
            "reply: the message has no address to answer to: none stands in From and Reply-To, or in To "
            "of a message of one's own"
        )
    if quote:
        introduction = f"{_attribution(original)} wrote:"
        text, html = _quoting(original, text, html, introduction)
    return _made(
        text,
        html,
        subject=_subject(original, "Re: ", _REPLIED),
        from_=own,
        to=to,
        cc=cc or None,
        in_reply_to=original,
        **more,
    )


def forward(
    original: rsmtp.Message,
    text: str | None,
    *,
    to: Any,
    from_: Any,
    html: str | None,
    attach: bool,
    more: Any,
) -> rsmtp.Message:
    maybe_text("text", text)
    maybe_text("html", html)
    own = _own_address(original) if from_ is None else from_
    subject = _subject(original, "Fwd: ", _FORWARDED)
    if flag("attach", attach):
        made = _made(text or "", html, subject=subject, from_=own, to=to, **more)
        made.add_attachment(original)
        return made
    made = _made(*_forwarding(original, text, html), subject=subject, from_=own, to=to, **more)
    for part in attachments_of(original):
        made.add_attachment(part)
    thread = thread_of(original)
    if thread:
        made["References"] = " ".join(thread)
    return made


def _made(text: str | None, html: str | None, **more: Any) -> rsmtp.Message:
    import rsmtp

    if text is None:
        text = "" if html is None else "auto"
    return rsmtp.Message(text, html=html, **more)


# -- recipients ------------------------------------------------------------------


def _recipients(original: rsmtp.Message, own: set[str], to_all: bool) -> tuple[list[Any], list[Any]]:
    """To and Cc of a reply. A reply to the user's own message goes to that message's recipients."""
    writers = _pairs(original, "Reply-To") or _pairs(original, "From")
    is_own = bool(own) and {folded(address) for _, address in _pairs(original, "From")} <= own
    if is_own:
        writers = _pairs(original, "To")
    followups = _pairs(original, "Mail-Followup-To") if to_all and not is_own else []
    if followups:
        return _without(followups, set()), []
    to = _without(writers, set())
    if not to_all:
        return to, []
    others = (_pairs(original, "To") if not is_own else []) + _pairs(original, "Cc")
    return to, _without(others, own | {folded(address) for _, address in writers})


def _pairs(message: rsmtp.Message, name: str) -> list[tuple[str, str]]:
    from rsmtp.email.utils import getaddresses

    values = [str(value) for value in message.get_all(name) or []]
    return [(_on_one_line(shown), address) for shown, address in getaddresses(values) if address]


def _without(pairs: list[tuple[str, str]], known: set[str]) -> list[tuple[str, str] | str]:
    """Each address once, without those in `known`."""
    found: dict[str, tuple[str, str] | str] = {}
    for name, address in pairs:
        key = folded(address)
        if key not in known and key not in found:
            found[key] = (name, address) if name else address
    return list(found.values())


def _addresses(values: list[str]) -> set[str]:
    from rsmtp.email.utils import getaddresses

    return {folded(address) for _, address in getaddresses(values) if address}


def _written(value: Any) -> str:
    import rsmtp

    if not isinstance(value, tuple):
        return "" if value is None else str(value)
    try:
        return rsmtp.formataddr(value)
    except (TypeError, ValueError) as refused:
        raise passed_on("from_", "pair", refused) from None


def _own_address(original: rsmtp.Message) -> Any:
    """The address at which the message was received: the one that the last server recorded, or the
    message's only recipient. None if it is unknown, and the caller has to give it."""
    for name in ("Delivered-To", "X-Original-To"):
        written = _pairs(original, name)
        if written:
            return written[0][1]
    sent_to = _without(_pairs(original, "To") + _pairs(original, "Cc"), set())
    return sent_to[0] if len(sent_to) == 1 else None


# -- text ------------------------------------------------------------------------


def _subject(original: rsmtp.Message, prefix: str, said: re.Pattern[str]) -> str:
    subject = _decoded(original, "Subject")
    return subject if said.match(subject) else prefix + subject


def _decoded(message: rsmtp.Message, name: str) -> str:
    value = message.get(name)
    return "" if value is None else _on_one_line(str(value))


def _on_one_line(value: str) -> str:
    """The decoded text on one line, because an encoded-word can contain line ends."""
    return "".join(c if c.isprintable() else " " for c in reader.plain(value)).strip()


def _attribution(original: rsmtp.Message) -> str:
    """ "On Fri, 27 Nov 2026 09:10, Ann", with less if the date or the name is missing."""
    writers = _pairs(original, "From")
    name, address = writers[0] if writers else ("", "")
    writer = f"{name} <{address}>" if name else address or "the sender"
    date = re.sub(r":\d\d( [-+]\d{4}| \w+)?( \(.*\))?$", "", _decoded(original, "Date"))
    return f"On {date}, {writer}" if date else writer


def _quoting(
    original: rsmtp.Message, text: str | None, html: str | None, introduction: str
) -> tuple[str | None, str | None]:
    if text is not None or html is None:
        quoted = "\n".join(
            f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in _lines(original)
        )
        text = f"{(text or '').rstrip()}\n\n{introduction}\n{quoted}\n".lstrip("\n")
    if html is not None:
        html = (
            f"{_inner(html)}\n<p>{markup.escape(introduction)}</p>\n"
            f'<blockquote type="cite" style="{_QUOTED}">\n'
            f"{_as_html(original, styled=False)}\n</blockquote>\n"
        )
    return text, html


def _forwarding(original: rsmtp.Message, text: str | None, html: str | None) -> tuple[str | None, str | None]:
    head = [
        (name, shown)
        for name in ("From", "Date", "Subject", "To", "Cc")
        if (shown := _decoded(original, name))
    ]
    above = "---------- Forwarded message ----------"
    if html is None and html_of(original) is not None:
        html = f"<p>{markup.escape(text)}</p>" if text else ""
        html = html.replace("\n", "<br>\n")
    if text is not None or html is None or html_of(original) is not None:
        fields = "\n".join(f"{name}: {shown}" for name, shown in head)
        body = "\n".join(_lines(original))
        text = f"{(text or '').rstrip()}\n\n{above}\n{fields}\n\n{body}\n".lstrip("\n")
    if html is not None:
        fields = "<br>\n".join(f"<b>{name}:</b> {markup.escape(shown)}" for name, shown in head)
        html = f"{_inner(html)}\n<p>{above}<br>\n{fields}</p>\n{_as_html(original, styled=True)}\n"
    return text, html


def _lines(original: rsmtp.Message) -> list[str]:
    return plain_text_of(original).rstrip().split("\n")


def _as_html(original: rsmtp.Message, *, styled: bool) -> str:
    html = html_of(original)
    if html is not None:
        return _inner(html, styled=styled)
    return '<div style="white-space:pre-wrap">' + markup.escape(plain_text_of(original).rstrip()) + "</div>"


def _inner(html: str, *, styled: bool = True) -> str:
    """HTML that can be embedded in other HTML: the content of its body, without scripts. The styles of
    a quoted message would also apply to the answer."""
    html = re.sub(r"(?is)<(script|title)\b.*?(</\1\s*>|\Z)", "", html)
    styles = "".join(match[0] for match in re.finditer(r"(?is)<style\b.*?(</style\s*>|\Z)", html))
    html = re.sub(r"(?is)<style\b.*?(</style\s*>|\Z)", "", html)
    body = re.search(r"(?is)<body\b[^>]*>(.*?)(</body\s*>|\Z)", html)
    inner = body[1] if body else re.sub(r"(?is)<!doctype[^>]*>|</?(html|head)\b[^>]*>", "", html)
    return ((styles if styled else "") + inner).strip()
