"""Keeps secret keys out of pickles."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class Unpickled:
    """Something that a secret key may be in."""

    def __reduce_ex__(self, protocol: Any, /) -> NoReturn:
        raise TypeError(
            f"{self!r} is not pickled, because a secret key may be in it: make it anew where it is "
            "needed, or protect the message first, which can be pickled like any other"
        )
