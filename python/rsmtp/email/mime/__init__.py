"""The classes of `email.mime` at their import paths."""

from __future__ import annotations

from rsmtp import _load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MODULES = {"application", "audio", "base", "image", "message", "multipart", "nonmultipart", "text"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return _load(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
