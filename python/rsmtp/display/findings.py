"""The findings of a check of a message or a domain, in a notebook."""

from __future__ import annotations

from typing import Any

from rsmtp.display import page
from rsmtp.display.short import visible

_COLOURS = {"error": "bad", "warning": "warn", "hint": ""}


def bundle(findings: Any) -> page.Bundle:
    text = "\n".join(visible(line) for line in str(findings).splitlines())
    return {"text/plain": text, "text/html": rich(findings)}


def domain_bundle(report: Any) -> page.Bundle:
    text = "\n".join(visible(line) for line in str(report).splitlines())
    shown = page.whole(
        f"Domain: {report.domain}",
        page.head(report.domain),
        page.facts("Published", [(name, page.code(value)) for name, value in records(report.facts)]),
        table(report.findings),
    )
    return {"text/plain": text, "text/html": shown}


def records(facts: Any) -> list[tuple[str, str]]:
    """The records that a domain publishes, by name."""
    found = [(name.upper(), facts.get(name, {}).get("record")) for name in ("spf", "dmarc")]
    found += [(f"DKIM {name}", key["record"]) for name, key in facts.get("dkim", {}).items()]
    found += [
        (f"MX {entry['preference']}", f"{entry['host']} {' '.join(entry.get('addresses', []))}")
        for entry in facts.get("mx", [])
    ]
    found += [
        (name, facts.get(key, {}).get("record"))
        for name, key in (("MTA-STS", "mta_sts"), ("TLS-RPT", "tls_rpt"))
    ]
    found += [("PTR", " ".join(facts["ptr"]))] if facts.get("ptr") else []
    return [(name, value or "none") for name, value in found]


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
