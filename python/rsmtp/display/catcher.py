"""A catcher in a notebook: its addresses, and the last messages, with links to its inbox."""

from __future__ import annotations

import email
import sys
from typing import Any

from rsmtp.display import page, reader
from rsmtp.display.short import clipped, counted, octets, visible

# How many of the last messages are shown, and how much of each is read to find its fields.
_SHOWN = 10
_READ = 64 * 1024


def bundle(catcher: Any) -> page.Bundle:
    return {"text/plain": plain(catcher), "text/html": rich(catcher)}


def plain(catcher: Any) -> str:
    said = [repr(catcher)]
    if url := _inbox(catcher):
        said.append(f"  inbox: {url}")
    said += [
        f"  {message.number}: "
        + ", ".join(map(_word, (_sender(message), _recipients(message), _subject(message))))
        for message in _last(catcher)
    ]
    return "\n".join(said)


def _word(text: str) -> str:
    return clipped(visible(text))


def rich(catcher: Any) -> str:
    url, messages = _inbox(catcher), catcher.messages
    name = f"Catcher on {_address(catcher)}"
    count = counted(len(messages), "message")
    rows = [
        ("address", f"{page.code(_address(catcher))} {page.chip(catcher.protocol.upper())}"),
        (
            "TLS",
            page.text({"starttls": "STARTTLS", "implicit": "from the first octet"}.get(catcher.tls, "none")),
        ),
        ("user name", page.code(catcher.username)),
        ("connections", page.text(f"{catcher.connections:,} open")),
    ]
    if catcher.ca_file is not None:
        rows.insert(2, ("CA file", page.code(catcher.ca_file)))
    if url:
        rows.append(("inbox", _link(url, page.text(url))))
    else:
        rows.append(
            ("inbox", f"{page.code('rsmtp.inbox.Inbox(catcher).start()')} shows the mail in a browser")
        )
    return page.whole(
        f"{name}, {count}",
        page.head(name, page.chip(count)),
        page.facts("The server", rows),
        _table(_last(catcher), url, len(messages)),
    )


def _table(messages: list[Any], url: str | None, kept: int) -> str:
    if not messages:
        return '<p class="soft">No mail yet.</p>'
    rows = []
    for message in messages:
        subject = page.text(clipped(_subject(message), 120)) or '<span class="soft">no subject</span>'
        rows.append(
            [
                page.text(message.number),
                _link(f"{url}#/messages/{message.number}", subject) if url else subject,
                page.text(clipped(_sender(message), 80)),
                page.text(clipped(_recipients(message), 160)),
                octets(message.size),
            ]
        )
    more = "" if len(messages) == kept else f", the last {len(messages)} of {kept:,}"
    return page.table(
        f"Messages{more}, newest first", ["", "subject", "from", "to", "size"], rows, numbers=(0, 4)
    )


def _last(catcher: Any) -> list[Any]:
    return sorted(catcher.messages, key=lambda message: message.number, reverse=True)[:_SHOWN]


def _inbox(catcher: Any) -> str | None:
    """The URL of an inbox that shows this catcher, if one runs in this process."""
    server = sys.modules.get("rsmtp.inbox.server")
    return None if server is None else server.url_for(catcher)


def _address(catcher: Any) -> str:
    return f"[{catcher.host}]:{catcher.port}" if ":" in catcher.host else f"{catcher.host}:{catcher.port}"


def _link(url: str, content: str) -> str:
    """A line of the display; `content` is HTML."""
    return f'<a href="{page.text(url)}" target="_blank" rel="noopener noreferrer">{content}</a>'


def _sender(message: Any) -> str:
    return message.mail_from or "<>"


def _recipients(message: Any) -> str:
    return ", ".join(message.rcpt_tos)


def _subject(message: Any) -> str:
    head = reader.safely(lambda: email.message_from_bytes(message.data[:_READ]), None)
    return "" if head is None else reader.safely(lambda: reader.field(head, "Subject"), "") or ""
