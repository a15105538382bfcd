"""What a catcher has caught, in a notebook: each message with its envelope, and the conversations."""

from __future__ import annotations

import email
from collections.abc import Iterable
from typing import Any

from rsmtp.display import message as letter
from rsmtp.display import page, reader
from rsmtp.display.short import clipped, counted, octets, seconds, visible

# Only the beginning and the end of a longer conversation are shown.
_FIRST, _LAST = 60, 140
_SIDES = {"C": "client", "S": "catcher", "*": "note"}


def message(caught: Any) -> page.Bundle:
    """Displays a CaughtMessage."""
    parsed = reader.parsed(caught.data, email.message_from_bytes)
    reading = reader.read(parsed)
    envelope = [
        ("from", page.code(caught.mail_from or "<>")),
        ("to", ", ".join(map(page.code, caught.rcpt_tos))),
        ("user name", page.code(caught.username) if caught.username else "no login"),
        ("TLS", page.text(caught.tls.version if caught.tls else "none")),
        ("arrived", page.text(f"{caught.received_at:%Y-%m-%d %H:%M:%S} UTC, {octets(caught.size)}")),
    ]
    return {
        "text/plain": f"{visible(repr(caught))}\n{letter.plain(parsed, reading)}",
        "text/html": letter.rich(
            parsed, reading, before=page.facts("Envelope", envelope), source=caught.data
        ),
    }


def messages(sent: Iterable[Any]) -> page.Bundle:
    """Displays a list of SentMessage, oldest first."""
    all_of_them = list(sent)
    rows = [
        [
            page.text(number),
            page.text(clipped(one.subject, 120)) or '<span class="soft">no subject</span>',
            page.text(clipped(one.mail_from or "<>", 80)),
            page.text(clipped(", ".join(one.rcpt_tos), 160)),
            octets(len(one.data)),
        ]
        for number, one in enumerate(all_of_them)
    ]
    count = counted(len(rows), "message")
    table = page.table("Messages, oldest first", ["", "subject", "from", "to", "size"], rows, numbers=(0, 4))
    return {
        "text/plain": "\n".join([count, *(f"  {visible(repr(one))}" for one in all_of_them)]),
        "text/html": page.whole(count, page.head(count), table if rows else ""),
    }


def conversation(caught: Any) -> page.Bundle:
    """Displays a CaughtConversation."""
    lines = list(caught.timeline)
    cut = len(lines) - _FIRST - _LAST
    shown = lines if cut <= 1 else [*lines[:_FIRST], None, *lines[-_LAST:]]
    more = f"... {cut:,} more: str() has them all"
    rows, said = [], [visible(repr(caught))]
    for line in shown:
        if line is None:
            rows.append(["", "", f'<span class="soft">{page.text(more)}</span>'])
            said.append(f"    {more}")
            continue
        at = "" if line.at is None else seconds(line.at)
        rows.append([page.text(at), page.text(_SIDES[line.direction]), page.code(line.text)])
        said.append(f"  {at:>9} {line.direction}: {visible(line.text)}")
    count = counted(len(lines), "line")
    title = f"Conversation with {caught.peer}"
    state = "ended" if caught.closed else "going on"
    about = f'<span class="soft">{page.text(f"{count}, {state}; secrets masked")}</span>'
    table = page.table("What was said, in order", ["at", "side", "line"], rows, numbers=(0,))
    table = f'<div class="said">{table}</div>'
    return {
        "text/plain": "\n".join(said),
        "text/html": page.whole(f"{title}, {count}", page.head(title, about), table if rows else ""),
    }
