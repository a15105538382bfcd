"""What all displays share: escaping, tables, chips, and the element around the display."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from rsmtp.display.short import LEFT_OUT, ends, visible
from rsmtp.display.style import CSS

Bundle = dict[str, str]


def text(value: object) -> str:
    """Escapes any text for HTML, so that it is displayed exactly as it is."""
    return html.escape(visible(str(value)))


def lines(value: str) -> str:
    """Escapes text of several lines, for a `pre`."""
    return "\n".join(text(line) for line in value.expandtabs().splitlines())


def code(value: object) -> str:
    return f"<code>{text(value)}</code>"


def chip(value: object, kind: str = "") -> str:
    return f'<span class="chip{" " + kind if kind else ""}">{text(value)}</span>'


# The largest number of states shown: a session with many messages repeats its states.
STATES = 14


def path(states: Sequence[str]) -> str:
    """The states in the order in which they were reached, the present one last."""
    *before, now = ends(states, STATES)
    left_out = f'<span class="soft">{len(states) - STATES + 1:,} more</span> '
    chips = [left_out if state == LEFT_OUT else chip(state) for state in before]
    return '<span class="arrow">→</span> '.join([*chips, chip(now, "here")])


def head(title: object, *more: str) -> str:
    """The heading; `more` is HTML."""
    return f'<div class="head"><span class="title" dir="auto">{text(title)}</span>{"".join(more)}</div>'


def facts(caption: str, rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and values; the second of each pair is HTML."""
    body = "".join(f'<tr><th scope="row">{text(name)}</th><td>{value}</td></tr>' for name, value in rows)
    return (
        f'<table class="facts"><caption>{text(caption)}</caption><tbody>{body}</tbody></table>'
        if body
        else ""
    )


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()
) -> str:
    """A table whose cells are HTML. `numbers` are the indexes of the columns that contain numbers."""
    right = set(numbers)

    def cells(row: Sequence[str], tag: str, scope: str = "") -> str:
        kinds = [' class="num"' if i in right else "" for i in range(len(row))]
        return "".join(f"<{tag}{scope}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, row, strict=True))

    top = cells([text(column) for column in columns], "th", ' scope="col"')
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f"<table><caption>{text(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
    )


def details(summary: str, content: str, *, is_open: bool = False) -> str:
    """A section that can be opened; `content` is HTML."""
    return f"<details{' open' if is_open else ''}><summary>{text(summary)}</summary>{content}</details>"


def whole(label: str, *content: str) -> str:
    """The complete display. `content` is HTML; `label` is its name for screen readers."""
    inside = f"<style>{CSS}</style>{''.join(content)}"
    return f'<div class="rsmtp" role="group" aria-label="{text(label)}">{inside}</div>'
