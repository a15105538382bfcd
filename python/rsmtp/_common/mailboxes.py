"""When two spellings of an address are one mailbox."""

from __future__ import annotations

from rsmtp._rsmtp import ascii_host


def folded(address: str) -> str:
    """A key that is equal for two spellings of one mailbox. In theory the case of a local part matters (RFC
    5321 2.4); no server that is known tells mailboxes apart by it. A domain has an ASCII form (RFC 5890)."""
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        domain = ascii_host(domain)
    return f"{local}{at}{domain}".casefold()
