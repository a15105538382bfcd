"""Images: `email.mime.image`."""

from __future__ import annotations

from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest, encoders
from rsmtp.email.mime.nonmultipart import MIMENonMultipart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from email.mime.image import MIMEImage as Standard
    from typing import Any
else:
    Standard = late("email.mime.image", "MIMEImage")

__all__ = ["MIMEImage"]


@derived
class MIMEImage(MIMENonMultipart, Standard):
    """An image/`_subtype` part; keyword arguments become parameters.

    The default `_subtype` is found from the data. Raises TypeError if that fails. `_encoder` is
    called with the part and has to encode its payload; the default is base64.
    """

    def __init__(
        self,
        _imagedata: str | bytes,
        _subtype: str | None = None,
        _encoder: Callable[[Any], object] = encoders.encode_base64,
        *,
        policy: Any = None,
        **_params: Any,
    ) -> None:
        subtype = _what(_imagedata) if _subtype is None else _subtype
        if subtype is None:
            raise TypeError("Could not guess image MIME subtype")
        super().__init__("image", subtype, policy=policy, **_params)
        self._take(_imagedata, _encoder)


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\xff\xd8\xff\xdb", "jpeg"),
    (b"MM", "tiff"),
    (b"II", "tiff"),
    (b"\x01\xda", "rgb"),
    (b"\x59\xa6\x6a\x95", "rast"),
    (b"#define ", "xbm"),
    (b"BM", "bmp"),
    (b"\x76\x2f\x31\x01", "exr"),
)
_PORTABLE = {b"P1": "pbm", b"P4": "pbm", b"P2": "pgm", b"P5": "pgm", b"P3": "ppm", b"P6": "ppm"}


#: Functions that programs add with `rule`. Each returns the subtype for the first bytes, or None.
_rules: list[Callable[..., str | None]] = []


def rule(rulefunc: Callable[..., str | None]) -> Callable[..., str | None]:
    """A decorator for a function that can find the subtype if none is given."""
    _rules.append(rulefunc)
    return rulefunc


def _what(data: Any) -> str | None:
    """The subtype of an image, found from its first bytes."""
    start = bytes(data[:32]) if not isinstance(data, str) else data[:32].encode("latin-1", "replace")
    if start[6:10] in (b"JFIF", b"Exif"):
        return "jpeg"
    if start[:2] in _PORTABLE and start[2:3] in (b" ", b"\t", b"\n", b"\r"):
        return _PORTABLE[start[:2]]
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    known = next((kind for magic, kind in _STARTS if start.startswith(magic)), None)
    return known or next((kind for tell in _rules if (kind := tell(data))), None)


__getattr__ = _rest.of(__name__)
