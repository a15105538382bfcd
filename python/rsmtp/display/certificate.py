"""The facts in a certificate."""

from __future__ import annotations

import datetime
from typing import Any

from rsmtp.display import page
from rsmtp.display.short import counted, visible


def facts(certificate: Any) -> list[tuple[str, str]]:
    """Rows for a table of facts."""
    if certificate is None:
        return []
    try:
        names = ", ".join(certificate.names)
        return [
            ("for", page.text(names or certificate.subject)),
            ("signed by", page.text(certificate.issuer)),
            ("valid until", _until(certificate.not_after)),
        ]
    except ValueError as error:
        return [("certificate", f'<span class="bad">{page.text(error)}</span>')]


def bundle(certificate: Any) -> page.Bundle:
    """Rows for a Certificate."""
    rows = facts(certificate)
    return {
        "text/plain": f"{visible(repr(certificate))}\n  {visible(until(certificate))}",
        "text/html": page.whole("Certificate", page.head("Certificate"), page.facts("", rows)),
    }


def tls(settled: Any) -> page.Bundle:
    """Displays TlsFacts."""
    rows = tls_facts(settled)
    lines = [f"  {until(settled.certificate)}"] if settled.certificate else []
    return {
        "text/plain": "\n".join([visible(repr(settled)), *map(visible, lines)]),
        "text/html": page.whole("TLS", page.head("TLS"), page.facts("", rows)),
    }


def tls_facts(settled: Any) -> list[tuple[str, str]]:
    """Rows for the result of a handshake, including the server's certificate."""
    kind = "good" if settled.verified else "bad"
    return [
        ("version", page.text(settled.version)),
        ("cipher", page.code(settled.cipher)),
        ("server name", page.text(settled.server_name)),
        ("certificate", f'<span class="{kind}">{trust(settled)}</span>'),
        *facts(settled.certificate),
    ]


def trust(settled: Any) -> str:
    return (
        "verified: name, chain and dates"
        if settled.verified
        else "NOT verified: the server may be an impostor"
    )


def until(certificate: Any) -> str:
    """When it expires, as plain text."""
    try:
        end = certificate.not_after
    except ValueError as error:
        return str(error)
    return f"valid until {end:%Y-%m-%d} ({_left(end)[1]})"


def _until(end: datetime.datetime) -> str:
    kind, left = _left(end)
    return f'{end:%Y-%m-%d} <span class="{kind}">({left})</span>'


def _left(end: datetime.datetime) -> tuple[str, str]:
    days = (end - datetime.datetime.now(datetime.UTC)).days
    return (
        ("bad", "expired") if days < 0 else ("warn" if days < 14 else "soft", f"{counted(days, 'day')} left")
    )
