"""An outbox in a notebook: its counts, the messages in trouble, and the history of a message."""

from __future__ import annotations

import sys
from typing import Any

from rsmtp.display import page
from rsmtp.display.short import clipped, counted, visible

# The length at which a message's description is cut.
_WORDS = 200
_KINDS = {
    "sent": "good",
    "refused": "bad",
    "unknown": "warn",
    "dead": "bad",
    "put off": "warn",
    "bounced": "bad",
    "complained": "bad",
    "delayed": "warn",
}


def bundle(name: str, overview: Any, file: Any) -> page.Bundle:
    """`overview` is a `looking.Overview`."""
    return {"text/plain": plain(name, overview), "text/html": rich(name, overview, file)}


def plain(name: str, overview: Any) -> str:
    said = [f"{visible(name)}: {_counted(overview.counts)}"]
    said.append(f"  sent: {overview.sent_in_ten:,} in ten minutes, {overview.sent_in_an_hour:,} in an hour")
    said += [f"  {entry.id}: {entry.state}, {_to(entry)}, {_words(entry)}" for entry in overview.trouble]
    return "\n".join(said)


def rich(name: str, overview: Any, file: Any) -> str:
    counts = overview.counts
    chips = [
        page.chip(f"{count:,} {state}", _KINDS.get(state, "")) for state, count in counts.items() if count
    ]
    senders = ", ".join(overview.owners) or "no process at present"
    rows = [
        ("messages", " ".join(chips) or '<span class="soft">none</span>'),
        (
            "sent",
            page.text(f"{overview.sent_in_ten:,} in ten minutes, {overview.sent_in_an_hour:,} in an hour"),
        ),
        ("sent by", page.text(senders)),
        ("page", _page(file)),
    ]
    return page.whole(
        f"{name}: {_counted(counts)}",
        page.head(name),
        page.facts("How it stands", rows),
        _trouble(overview.trouble, sum(counts[state] for state in ("unknown", "refused", "dead"))),
    )


def _trouble(entries: list[Any], total: int) -> str:
    if not entries:
        return '<p class="soft">No message is in trouble.</p>'
    more = "" if total == len(entries) else f", the last {len(entries)} of {total:,}"
    rows = [
        [
            page.text(entry.id),
            page.text(clipped(entry.subject, 80)) or '<span class="soft">no subject</span>',
            page.text(_to(entry)),
            f'<span class="{_KINDS[entry.state]}">{page.text(entry.state)}</span>',
            page.text(_words(entry)),
        ]
        for entry in entries
    ]
    columns = ["", "subject", "to", "state", "why"]
    return page.table(f"In trouble{more}, newest first", columns, rows, numbers=(0,))


def history(events: list[Any]) -> page.Bundle:
    """A message's history, as returned by `Outbox.history`."""
    said = []
    rows = []
    for event in events:
        when = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}"
        said.append(f"{when}  {event.what}: {visible(clipped(' '.join(event.words.split()), _WORDS))}")
        what = f'<span class="{_KINDS.get(event.what, "")}">{page.text(event.what)}</span>'
        rows.append(
            [page.text(when), what, f"<pre>{page.lines(event.words)}</pre>", page.text(event.server or "")]
        )
    title = "What has happened to the message"
    table = page.table(title, ["when", "what", "words", "server"], rows)
    return {"text/plain": "\n".join(said), "text/html": page.whole(title, table)}


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in counts.items() if count) or "empty"


def _to(entry: Any) -> str:
    more = f" and {counted(len(entry.to_addrs) - 1, 'other')}" if len(entry.to_addrs) > 1 else ""
    return visible(clipped(entry.to_addrs[0])) + more


def _words(entry: Any) -> str:
    return visible(clipped(" ".join((entry.why or "").split()), _WORDS))


def _page(file: Any) -> str:
    server = sys.modules.get("rsmtp.outbox_page.server")
    url = None if server is None else server.url_for(file)
    if url is None:
        return f"{page.code(f'rsmtp outbox serve {file.name}')} shows it in a browser"
    return f'<a href="{page.text(url)}" target="_blank" rel="noopener noreferrer">{page.text(url)}</a>'
