"""The name that a client gives in EHLO (RFC 5321 4.1.1.1, 4.1.4)."""

from __future__ import annotations

import _socket


def own_name() -> str:
    """This machine's name if it is one that servers accept. There is no DNS look-up, because that
    can take seconds and return a useless name."""
    name = _socket.gethostname()
    fits = "." in name and all(c.isascii() and (c.isalnum() or c in "-.") for c in name)
    return name if fits else "[127.0.0.1]"


def address_literal(address: tuple[str, int] | None) -> str:
    """An address literal (RFC 5321 4.1.3)."""
    host = address[0] if address else "127.0.0.1"
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
