"""Findings, as `rsmtp lint` and `rsmtp check --domain` print them."""

from __future__ import annotations

from rsmtp import Findings
from rsmtp._lint.finding import summary
from rsmtp.cli.terminal import Style, harmless

_COLOURS = {"error": "bad", "warning": "doubtful", "hint": "dim"}


def show(findings: Findings, *, places: bool) -> None:
    """Prints them. `places`: with the place of each."""
    style = Style()
    for finding in findings:
        place = f" ({harmless(finding.where)})" if places and finding.where else ""
        print(f"{style(_COLOURS[finding.severity], finding.severity)}  {harmless(finding.message)}{place}")
        print(f"    {harmless(finding.why)} {finding.advice}")
        print(f"    {style('dim', f'{finding.rule}  {finding.source}')}")
    print(f"{summary(findings)} found")
