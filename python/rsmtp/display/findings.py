"""What a look at a message found, in a notebook."""

from __future__ import annotations

from typing import Any

from rsmtp.display import page
from rsmtp.display.short import visible

_COLOURS = {"error": "bad", "warning": "warn", "hint": ""}


def bundle(findings: Any) -> page.Bundle:
    text = "\n".join(visible(line) for line in str(findings).splitlines())
    return {"text/plain": text, "text/html": rich(findings)}


def rich(findings: Any) -> str:
    title = repr(findings)[1:-1]
    return page.whole(title, page.head("Findings"), table(findings))


def table(findings: Any) -> str:
    if not findings:
        return '<p class="soft">Nothing found.</p>'
    rows = [
        [
            page.chip(one.severity, _COLOURS[one.severity]),
            f"<b>{page.text(one.message)}</b><br>{page.text(one.why)} {page.text(one.advice)}",
            page.text(one.where),
            f'<a href="{page.text(one.source)}" rel="noreferrer" target="_blank">{page.text(one.rule)}</a>',
        ]
        for one in findings
    ]
    return page.table("Findings", ["", "what", "where", "rule"], rows)
