"""Sounds: `email.mime.audio`."""

from __future__ import annotations

import sys
from io import BytesIO

from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest, encoders
from rsmtp.email.mime.nonmultipart import MIMENonMultipart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from email.mime.audio import MIMEAudio as Standard
    from typing import Any
else:
    Standard = late("email.mime.audio", "MIMEAudio")

__all__ = ["MIMEAudio"]


@derived
class MIMEAudio(MIMENonMultipart, Standard):
    """An audio/`_subtype` part; keyword arguments become parameters.

    The default `_subtype` is found from the data. Raises TypeError if that fails. `_encoder` is
    called with the part and has to encode its payload; the default is base64.
    """

    def __init__(
        self,
        _audiodata: str | bytes,
        _subtype: str | None = None,
        _encoder: Callable[[Any], object] = encoders.encode_base64,
        *,
        policy: Any = None,
        **_params: Any,
    ) -> None:
        subtype = _what(_audiodata) if _subtype is None else _subtype
        if subtype is None:
            raise TypeError("Could not find audio MIME subtype")
        super().__init__("audio", subtype, policy=policy, **_params)
        self._take(_audiodata, _encoder)


#: Functions that programs add with `rule`. Each returns the subtype for the first bytes, or None.
_rules: list[Callable[..., str | None]] = []


def rule(rulefunc: Callable[..., str | None]) -> Callable[..., str | None]:
    """A decorator for a function that can find the subtype if none is given."""
    _rules.append(rulefunc)
    return rulefunc


def _what(data: Any) -> str | None:
    """The subtype of a sound, found from its first bytes."""
    start = bytes(data[:512]) if not isinstance(data, str) else data[:512].encode("latin-1", "replace")
    if start[:4] == b"RIFF" and start[8:12] == b"WAVE" and start[12:16] == b"fmt ":
        return "x-wav"
    if start[:4] == b"FORM" and start[8:12] in (b"AIFF", b"AIFC"):
        return "x-aiff"
    if start[:4] == b".snd":
        return "basic"
    arguments = (start,) if sys.version_info >= (3, 12) else (start, BytesIO(start))
    return next((kind for tell in _rules if (kind := tell(*arguments))), None)


__getattr__ = _rest.of(__name__)
