"""A report of `rsmtp check` for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime

from rsmtp._rsmtp import SERVICE_READY
from rsmtp.cli import words
from rsmtp.cli.examine import Certificate, Found, is_closed
from rsmtp.cli.judge import SOON, Finding, days_left
from rsmtp.cli.terminal import Style, harmless
from rsmtp.display.short import counted

_NAMES = 6
_KEY = 14
_WIDTH = 96


def render(found: Found, findings: list[Finding], now: datetime, style: Style) -> str:
    host = f"[{found.host}]" if ":" in found.host else found.host
    lines = [style("bold", f"{harmless(host)}:{found.port}"), ""]
    for key, value, kind in _facts(found, now):
        plain = harmless(value)
        lines.append(f"  {style('dim', key.ljust(_KEY))}{style(kind, plain) if kind else plain}")
    if lines[-1]:
        lines.append("")
    lines += _verdict(found, findings, style)
    return "\n".join([*lines, ""])


Fact = tuple[str, str, str]


def _facts(found: Found, now: datetime) -> Iterator[Fact]:
    """The key, the value, and the style of the value."""
    key = "addresses"
    for address in found.addresses:
        if address.seconds is not None:
            yield key, f"{address.address}  connected in {_ms(address.seconds)}", ""
        else:
            yield key, f"{address.address}  {address.error}", "bad"
        key = ""
    if found.greeting is not None:
        code, text = found.greeting
        for number, line in enumerate(text.split("\n")):
            end = found.ends.get("greeting")
            took = f"  after {_ms(end)}" if end and not number else ""
            yield "" if number else "greeting", f"{code} {line}{took}", "" if code == SERVICE_READY else "bad"
    if found.security is not None:
        how = "STARTTLS" if found.security == "STARTTLS" else "TLS from the first octet on"
        yield "encryption", f"{how}: {found.tls_version}, {found.cipher}", ""
    elif found.greeting is not None and found.error is None:
        yield "encryption", "none", "bad"
    if found.certificate is not None:
        yield from _certificate(found.certificate, now)
    if found.mechanism is not None:
        who = f"as {found.username} " if found.username else ""
        yield "logged in", f"{who}by {found.mechanism}, after {_ms(found.ends.get('login'))}", "good"
    refused_login = getattr(found.error, "stage", None) == "auth"
    if found.greeting is None or found.greeting[0] != SERVICE_READY or (found.error and not refused_login):
        return
    key = "login"
    for mechanism in found.mechanisms:
        yield key, f"{mechanism:19} {words.MECHANISMS.get(mechanism, 'not one of ours')}", ""
        key = ""
    key = "extensions"
    for keyword, parameters in found.extensions.items():
        if keyword != "auth":
            yield key, f"{keyword.upper():19} {words.extension(keyword, parameters)}", ""
            key = ""


def _certificate(certificate: Certificate, now: datetime) -> Iterator[Fact]:
    yield "certificate", certificate.subject or "(no subject)", ""
    yield "", f"issued by {certificate.issuer}", ""
    names = certificate.names[:_NAMES]
    more = len(certificate.names) - len(names)
    yield "", f"for {', '.join(names) or 'no name'}{f' and {more} more' if more > 0 else ''}", ""
    left = days_left(certificate, now)
    if certificate.not_after < now:
        yield "", f"expired {certificate.not_after:%Y-%m-%d}", "bad"
    elif certificate.not_before > now:
        yield "", f"not valid before {certificate.not_before:%Y-%m-%d}", "bad"
    else:
        days = counted(left, "day")
        kind = "good" if left >= SOON else "doubtful"
        yield "", f"valid until {certificate.not_after:%Y-%m-%d}: {days} left", kind
    if certificate.problem is None:
        yield "", "verified: name, chain and dates", "good"
    else:
        yield "", "not trusted", "bad"


def _verdict(found: Found, findings: list[Finding], style: Style) -> Iterator[str]:
    if is_closed(found):
        yield from _wrapped(style("bad", "x"), harmless(findings[0].what))
        return
    for finding in sorted(findings, key=lambda finding: not finding.is_problem):
        mark = style("bad", "x") if finding.is_problem else style("doubtful", "-")
        yield from _wrapped(mark, harmless(f"{finding.what} {finding.advice}".strip()))
    if not any(finding.is_problem for finding in findings):
        yield f"  {style('good', 'Nothing is wrong.')}"


def _wrapped(mark: str, text: str) -> Iterator[str]:
    first, *rest = textwrap.wrap(text, _WIDTH) or [""]
    yield f"  {mark} {first}"
    yield from (f"    {line}" for line in rest)


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"
