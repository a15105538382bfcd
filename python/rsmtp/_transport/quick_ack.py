"""Acknowledges replies at once, as the blocking driver does.

A server that leaves Nagle's algorithm on (RFC 896) holds its second reply to a group of
commands until the first is acknowledged. By default the system delays that by 40 ms.
"""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Only Linux has this option, and it resets the option by itself. So the option is set after each read
# that no write follows and after which more is expected.
_QUICKACK: int = getattr(_socket, "TCP_QUICKACK", 0)


def can_be_asked(sock: Any) -> bool:
    """Whether this is a TCP socket on a system that has it."""
    return bool(_QUICKACK) and getattr(sock, "family", None) in (_socket.AF_INET, _socket.AF_INET6)


def acknowledge(sock: Any) -> None:
    # Without the option replies only arrive later.
    try:
        sock.setsockopt(_socket.IPPROTO_TCP, _QUICKACK, 1)
    except OSError:
        pass
