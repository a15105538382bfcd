"""TCP sends and acknowledges at once, as over the blocking driver's sockets.

By Nagle's algorithm (RFC 896) a sender holds a small segment until all before it is acknowledged, and
the receiver's system may delay that acknowledgement by 40 ms. So our side turns the algorithm off. A
server that leaves it on holds its second reply to a group of commands until the first is acknowledged,
so our side acknowledges without delay.
"""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Only Linux has this option, and it resets the option by itself. So the option is set after each read
# that no write follows and after which more is expected.
_QUICKACK: int = getattr(_socket, "TCP_QUICKACK", 0)


def is_tcp(sock: Any) -> bool:
    """Whether this has the options of a TCP socket."""
    family = getattr(sock, "family", None)
    return family in (_socket.AF_INET, _socket.AF_INET6) and hasattr(sock, "setsockopt")


def send_at_once(sock: Any) -> None:
    """asyncio does so only for sockets whose protocol is given by its number."""
    _set(sock, _socket.TCP_NODELAY)


def acknowledge(sock: Any) -> None:
    if _QUICKACK:
        _set(sock, _QUICKACK)


def _set(sock: Any, option: int) -> None:
    # Without the option octets only arrive later.
    try:
        sock.setsockopt(_socket.IPPROTO_TCP, option, 1)
    except OSError:
        pass
