"""The classes of `email.mime` at their import paths."""

from __future__ import annotations

from rsmtp.email import _rest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MODULES = {"application", "audio", "base", "image", "message", "multipart", "nonmultipart", "text"}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return _rest.module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
