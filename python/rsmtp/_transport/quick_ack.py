"""Answers are acknowledged at once, as the blocking driver does it.

A server that leaves Nagle's algorithm on (RFC 896) holds its second answer to a group of
commands until the first is acknowledged, and the system would do that 40 ms later.
"""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Linux alone has it, and forgets it again: it is said after each read behind which nothing is
# written and more is waited for.
_QUICKACK: int = getattr(_socket, "TCP_QUICKACK", 0)


def can_be_asked(sock: Any) -> bool:
    """Whether this is a TCP socket on a system that has it."""
    return bool(_QUICKACK) and getattr(sock, "family", None) in (_socket.AF_INET, _socket.AF_INET6)


def acknowledge(sock: Any) -> None:
    # Without it answers only come later.
    try:
        sock.setsockopt(_socket.IPPROTO_TCP, _QUICKACK, 1)
    except OSError:
        pass
