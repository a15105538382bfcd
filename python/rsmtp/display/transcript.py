"""A conversation as a sequence diagram, with the duration of each turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rsmtp._rsmtp import TranscriptLine
from rsmtp.display import page, timeline
from rsmtp.display.short import counted, seconds, visible
from rsmtp.display.short import transcript as one_line

# Only the beginning and the end of a longer conversation are shown.
_FIRST, _LAST = 60, 140
# A wait shorter than this many seconds is drawn without a figure.
_TELLING = 0.00005
_SAID = {"C": "client says", "S": "server says", "*": "note"}


def bundle(transcript: Sequence[TranscriptLine]) -> page.Bundle:
    return {"text/plain": plain(transcript), "text/html": rich(transcript)}


def plain(transcript: Sequence[TranscriptLine]) -> str:
    made = timeline.rows(transcript)
    if not made:
        return one_line(transcript)
    said = [one_line(transcript)]
    state = None
    for row in _ends(made):
        if isinstance(row, int):
            said.append(f"    ... {row:,} more: str() has them all")
            continue
        if row.state != state:
            state = row.state
            said.append(f"[{state}]")
        mark = "    " if row.direction == "*" else f" {row.direction}: "
        for i, line in enumerate(row.lines):
            time = seconds(row.took) if i == 0 else ""
            said.append(f"  {time:>9} {mark}{visible(line)}")
    spent = timeline.totals(made)
    said += [
        "where the time went",
        *(f"  {seconds(spent[kind]):>9}  {timeline.KINDS[kind]}" for kind in spent),
    ]
    return "\n".join(said)


def rich(transcript: Sequence[TranscriptLine]) -> str:
    made = timeline.rows(transcript)
    if not made:
        return page.whole("Transcript", page.head("Transcript"), '<p class="soft">Nothing was said yet.</p>')
    whole = timeline.duration(transcript)
    count = counted(len(transcript), "line")
    about = f'<span class="soft">{count} in {seconds(whole)}; secrets masked</span>'
    return page.whole(
        f"Transcript of {count} in {seconds(whole)}",
        page.head("Transcript", about),
        spent(made),
        _talk(made, whole),
    )


def spent(made: Iterable[timeline.Row]) -> str:
    """One bar for the total time, and a legend of its segments."""
    sums = timeline.totals(made)
    whole = sum(sums.values()) or 1.0
    bar = "".join(f'<i class="{kind}" style="width:{time / whole:.2%}"></i>' for kind, time in sums.items())
    key = "".join(
        f'<li><b class="{kind}"></b>{timeline.KINDS[kind]} '
        f'<span class="soft">{seconds(time)}, {time / whole:.0%}</span></li>'
        for kind, time in sums.items()
    )
    named = f'<ul class="key" aria-label="Where the time went">{key}</ul>'
    return f'<div class="bars" aria-hidden="true">{bar}</div>{named}'


def _talk(made: list[timeline.Row], whole: float) -> str:
    body = []
    state = None
    secure = False
    start = made[0].start
    for row in _ends(made):
        if isinstance(row, int):
            body.append(
                _around(f'<span class="soft">{row:,} more: str(transcript) has them all</span>', "note")
            )
            continue
        if row.state != state:
            state = row.state
            body.append(
                f'<tr class="state{" secure" if secure else ""}"><td class="when"></td>'
                f'<td class="say">{page.chip(state)}</td><td class="wait"></td></tr>'
            )
        secure = secure or row.crosses
        body.append(_row(row, secure, start, whole))
    head = (
        '<thead><tr><th scope="col" class="num">at</th><th scope="col">client (left) and server (right)</th>'
        '<th scope="col">the wait for it</th></tr></thead>'
    )
    return (
        '<table class="talk"><caption class="hidden">What was said, in order</caption>'
        f"{head}<tbody>{''.join(body)}</tbody></table>"
    )


def _row(row: timeline.Row, secure: bool, start: float, whole: float) -> str:
    said = f'<span class="hidden">{_SAID[row.direction]}: </span>'
    first, *others = row.lines
    more = f'<span class="more">{"<br>".join(page.text(line) for line in others)}</span>' if others else ""
    text = f"<pre>{said}{page.text(first)}{more}</pre>"
    kind = "secure" if secure else ""
    if row.direction == "*":
        kind += " note cross" if row.crosses else " note"
        after = ": encrypted from here on" if row.crosses else ""
        content = f"{said}{page.text(first)}{after}"
    else:
        arrow = "▶" if row.direction == "C" else "◀"
        side = "line" if row.direction == "C" else "line from"
        content = f'<div class="{side}">{text}<u aria-hidden="true">{arrow}</u></div>'
    wait = _wait(row, start, whole) if row.took > 0 else ""
    return (
        f'<tr class="{kind.strip()}"><td class="when num soft">{seconds(row.end)}</td>'
        f'<td class="say">{content}</td><td class="wait">{wait}</td></tr>'
    )


def _wait(row: timeline.Row, start: float, whole: float) -> str:
    left, width = (row.start - start) / (whole or 1), row.took / (whole or 1)
    figure = f"<span>{seconds(row.took)}</span>" if row.took >= _TELLING else ""
    place = f"margin-left:{left:.2%};width:{width:.2%}"
    return f'<div class="bar"><i class="{row.kind}" style="{place}"></i>{figure}</div>'


def _around(content: str, kind: str) -> str:
    return (
        f'<tr class="{kind}"><td class="when"></td><td class="say">{content}</td><td class="wait"></td></tr>'
    )


def _ends(made: list[Any]) -> Iterator[Any]:
    """The rows. If there are very many, a count replaces those in the middle."""
    left_out = len(made) - _FIRST - _LAST
    if left_out <= 1:
        yield from made
        return
    yield from made[:_FIRST]
    yield left_out
    yield from made[-_LAST:]
