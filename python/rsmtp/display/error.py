"""An rsmtp exception in a notebook: its stage, the server's reply, and the path through the states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import rsmtp
from rsmtp._rsmtp import TranscriptLine
from rsmtp.display import page, timeline
from rsmtp.display.short import clipped, ends, visible

# How many lines of the conversation, and how many states of the path, are shown.
_LINES = 8
_STATES = 8


def bundle(error: Any) -> page.Bundle:
    return {"text/plain": plain(error), "text/html": rich(error)}


def plain(error: Any) -> str:
    said = f"{type(error).__name__}: {visible(rsmtp.errors.words(error))}"
    hint = f"hint: {error.hint}" if error.hint else ""
    return "\n".join(filter(None, (said, hint, note(error))))


def note(error: Any) -> str:
    """What is added to the error's traceback; "" when there is nothing to add."""
    if not error.path:
        return ""
    stage = f"stage: {error.stage}; " if error.stage else ""
    path = " -> ".join(ends(error.path, _STATES))
    return "\n".join([f"{stage}path: {path}", *(f"    {line}" for line in error.last_words)])


def told_by(lines: Iterable[TranscriptLine]) -> tuple[str, ...]:
    """The lines that explain an error: the last refusal and what led to it or, without a
    refusal, the last command and its result. Mail data is left out."""
    said = timeline.rows(lines)
    refused = [i for i, row in enumerate(said) if row.direction == "S" and row.lines[0][:1] in ("4", "5")]
    end = refused[-1] + 1 if refused else len(said)
    start = max(end - 1, 0)
    # The lines of a login are masked: the AUTH command before them names the mechanism.
    while start > 0 and (said[start].direction != "C" or said[start].state == "authenticating"):
        start -= 1
    # A group of pipelined commands is shown as a unit.
    while start > 0 and said[start - 1].direction == "C":
        start -= 1
    shown = [
        f"{row.direction}: {clipped(visible(line), 200)}"
        for row in said[start:end]
        for line in (row.lines[:1] if row.direction == "C" else row.lines)
    ]
    return tuple(shown if len(shown) <= _LINES else [*shown[: _LINES - 1], shown[-1]])


def rich(error: Any) -> str:
    name = type(error).__name__
    rows = []
    if error.stage:
        rows.append(("stage", page.text(error.stage)))
    if error.code is not None:
        enhanced = f" {page.code(error.enhanced_code)}" if error.enhanced_code else ""
        rows.append(("reply code", f"{page.code(error.code)}{enhanced}"))
    if error.address:
        rows.append(("address", page.text(error.address)))
    rows.append(("worth trying again", _again(error)))
    if error.hint:
        rows.append(("what to do", page.text(error.hint)))
    if error.path:
        rows.append(("path", page.path(error.path)))
    words = ""
    if error.last_words:
        said = "\n".join(page.text(line) for line in error.last_words)
        words = f'<div class="box"><div class="soft">The last words</div><pre>{said}</pre></div>'
    fates = ""
    if error.fates:
        order = {"refused": 0, "unknown": 1, "not sent": 2, "sent": 3}
        kinds = {"refused": "bad", "unknown": "warn", "sent": "good"}
        each = sorted(error.fates.items(), key=lambda one: order.get(one[1], 0))
        told = [
            [page.text(who), f'<span class="{kinds.get(fate, "")}">{page.text(fate)}</span>']
            for who, fate in each
        ]
        fates = f'<div class="box">{page.table("Recipients", ["address", "fate"], told)}</div>'
    about = f'<div class="bad">{page.text(rsmtp.errors.words(error))}</div>'
    return page.whole(f"{name} at {error.stage}", page.head(name), about, page.facts("", rows), words, fates)


def _again(error: Any) -> str:
    if "unknown" in error.fates.values():
        return '<span class="warn">it may arrive twice</span>'
    return "yes, later, without a change" if error.transient else "not without a change"
