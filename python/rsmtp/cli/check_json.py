"""The report of `rsmtp check` as JSON, for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rsmtp.cli.examine import Certificate, Found, is_closed
from rsmtp.cli.judge import Finding, days_left


def report(
    host: str, looked: Iterable[tuple[Found, list[Finding]]], now: datetime, *, ok: bool
) -> dict[str, Any]:
    """Times are in seconds, dates in ISO 8601 (UTC)."""
    return {
        "host": host,
        "checked_at": now.isoformat(timespec="seconds"),
        "ok": ok,
        "ports": [_port(found, findings, now) for found, findings in looked],
    }


def _port(found: Found, findings: list[Finding], now: datetime) -> dict[str, Any]:
    certificate = found.certificate
    return {
        "port": found.port,
        "open": not is_closed(found),
        "addresses": [asdict(address) for address in found.addresses],
        "greeting": None
        if found.greeting is None
        else {"code": found.greeting[0], "text": found.greeting[1]},
        "seconds": {
            "connected": found.ends.get("connect"),
            "greeted": found.ends.get("greeting"),
            "secured": found.ends.get("tls"),
            "logged_in": found.ends.get("login"),
        },
        "security": found.security,
        "tls_version": found.tls_version,
        "cipher": found.cipher,
        "certificate": None if certificate is None else _certificate(certificate, now),
        "mechanisms": found.mechanisms,
        "login": None
        if found.mechanism is None
        else {"username": found.username, "mechanism": found.mechanism},
        "extensions": found.extensions,
        "offered_in_plaintext": found.offered_in_plaintext,
        "error": None if found.error is None else type(found.error).__name__,
        "problems": [_finding(finding) for finding in findings if finding.is_problem],
        "notes": [_finding(finding) for finding in findings if not finding.is_problem],
    }


def _certificate(certificate: Certificate, now: datetime) -> dict[str, Any]:
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": certificate.names,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "days_left": days_left(certificate, now),
        "trusted": certificate.problem is None,
    }


def _finding(finding: Finding) -> dict[str, str]:
    return {"what": finding.what, "advice": finding.advice}
