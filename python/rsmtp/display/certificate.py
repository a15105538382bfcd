"""What a certificate says of itself."""

from __future__ import annotations

import hashlib

from rsmtp.display import page


def facts(der: bytes | None) -> list[tuple[str, str]]:
    """Rows for a table of facts."""
    if not der:
        return []
    digest = hashlib.sha256(der).hexdigest().upper()
    pairs = ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))
    return [("SHA-256", page.code(pairs))]
