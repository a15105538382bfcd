"""Renders a batch as plain text, and as HTML with the same words."""

from __future__ import annotations

import html
import time

from rsmtp.display.short import counted
from rsmtp.logging.batch import Batch, Seen

_COLOURS = {"CRITICAL": "#a40e26", "ERROR": "#cf222e", "WARNING": "#9a6700", "INFO": "#0969da"}
_PAGE = (
    '<div style="font-family:system-ui,Segoe UI,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.45;'
    'max-width:60em">'
)
_PRE = (
    '<pre style="font-family:ui-monospace,Consolas,monospace;font-size:13px;white-space:pre-wrap;'
    "overflow-wrap:anywhere;margin:4px 0 0;padding:8px 10px;border-left:4px solid {colour};"
    'background:rgba(128,128,128,.1)">'
)


def in_text(batch: Batch) -> str:
    parts = []
    for seen in batch.seen.values():
        more = f"\n({_again(seen)})" if seen.count > 1 else ""
        parts.append(f"{clean(seen.level_name)} {_at(seen.first)} {_where(seen)}\n{clean(seen.text)}{more}\n")
    if batch.left_out:
        parts.append(f"{_left_out(batch)}\n")
    return "\n".join(parts)


def in_html(batch: Batch) -> str:
    parts = [_PAGE]
    for seen in batch.seen.values():
        colour = _COLOURS.get(seen.level_name, "#6e7781")
        parts.append(
            f'<p style="margin:18px 0 0"><b style="color:{colour}">{html.escape(clean(seen.level_name))}</b> '
            f"{_at(seen.first)} <span style='opacity:.7'>{html.escape(_where(seen))}</span></p>"
            f"{_PRE.format(colour=colour)}{html.escape(clean(seen.text))}</pre>"
        )
        if seen.count > 1:
            parts.append(f'<p style="margin:4px 0 0;opacity:.7">{_again(seen)}</p>')
    if batch.left_out:
        parts.append(f'<p style="margin:18px 0 0;opacity:.7">{_left_out(batch)}</p>')
    parts.append("</div>")
    return "".join(parts)


def _where(seen: Seen) -> str:
    return clean(f"{seen.logger}, {seen.path}:{seen.line}")


def _again(seen: Seen) -> str:
    return f"{counted(seen.count, 'time')} until {_at(seen.last)}"


def _left_out(batch: Batch) -> str:
    return f"{counted(batch.left_out, 'more record')} of other kinds"


def _at(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def clean(text: str) -> str:
    """Control characters could make a mail reader show something else, or nothing."""
    return "".join(
        c if c in "\n\t" or c.isprintable() else "" if c == "\r" else c.encode("unicode_escape").decode()
        for c in text
    )
