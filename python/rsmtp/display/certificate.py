"""What a certificate says of itself."""

from __future__ import annotations

import datetime
from typing import Any

from rsmtp.display import page
from rsmtp.display.short import counted


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


def _until(end: datetime.datetime) -> str:
    days = (end - datetime.datetime.now(datetime.UTC)).days
    kind, left = (
        ("bad", "expired") if days < 0 else ("warn" if days < 14 else "soft", f"{counted(days, 'day')} left")
    )
    return f'{end:%Y-%m-%d} <span class="{kind}">({left})</span>'
