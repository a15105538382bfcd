"""The octets of a picture, from any kind of object that a caller may pass."""

from __future__ import annotations

import errno
import io
import os
import stat
from hashlib import sha256
from typing import NamedTuple

from rsmtp._common.arguments import meant, wanted
from rsmtp._content import kept_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Picture(NamedTuple):
    """A picture shown by HTML, in the form that the engine takes."""

    name: str
    octets: bytes
    kind: str
    content_id: str


def picture(name: str, octets: bytes, kind: str) -> Picture:
    """The Content-ID of a picture: the same picture has the same one in every message, and a different
    picture never has it (RFC 2045 section 7)."""
    name = os.path.basename(name)
    if "." not in name:
        name += _ENDINGS.get(kind, "")
    return Picture(name, octets, kind, f"{sha256(octets).hexdigest()[:32]}@rsmtp")


_ENDINGS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/bmp": ".bmp",
    "image/svg+xml": ".svg",
}
KINDS = "PNG, JPEG, GIF, WebP, AVIF, BMP or SVG"


def kind_of(octets: bytes) -> str | None:
    """The type of a picture, from its content, because its name may be wrong."""
    if octets.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if octets.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if octets.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if octets.startswith(b"RIFF") and octets[8:12] == b"WEBP":
        return "image/webp"
    if octets[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    if octets.startswith(b"BM") and int.from_bytes(octets[2:6], "little") == len(octets):
        return "image/bmp"
    start = octets[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(b"<svg") or (
        start.startswith((b"<?xml", b"<!--", b"<!doctype svg")) and b"<svg" in start
    ):
        return "image/svg+xml"
    return None


def of_object(name: str, value: Any) -> Picture:
    """The picture in `value`, which the caller passed under this name."""
    kind = None
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str):
        value, kind = value
        if not kind.startswith("image/"):
            raise ValueError(f"inline: {name!r}: {kind!r} is no type of a picture, image/png is one")
    if isinstance(value, (str, os.PathLike)):
        octets = read(name, value)
        name = name if "." in name else os.path.basename(os.fsdecode(value))
    elif isinstance(value, (bytes, bytearray, memoryview)):
        octets = bytes(value)
    elif hasattr(value, "read"):
        octets = _rest_of(name, value)
    else:
        octets = _drawn(name, value)
    kind = kind or kind_of(octets)
    if kind is None:
        raise ValueError(
            f"inline: {name!r} is no picture that is known ({KINDS}): of another one say the type, "
            '(content, "image/tiff")'
        )
    return picture(name, octets, kind)


def read(name: str, path: str | os.PathLike[str], shown: str | None = None) -> bytes:
    """The content of a regular file. If it is missing, the error names the most similar one."""
    files = kept_files.kept.get()
    if files is not None and (octets := files.get(path)) is not None:
        return octets
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        folder, base = os.path.split(os.fspath(path))
        try:
            near = meant(base, os.listdir(folder or "."))
        except OSError:
            near = ""
        raise FileNotFoundError(
            errno.ENOENT, f"inline: there is no such file{near}", shown or os.fspath(path)
        ) from None
    except ValueError:
        raise ValueError(f"inline: {name!r} is no name of a file") from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"inline: {shown or os.fspath(path)!r} is no regular file")
        octets = file.read()
    if files is not None:
        files.keep(found, octets)
    return octets


def _rest_of(name: str, file: Any) -> bytes:
    """The content after the file's position. The position does not change."""
    can_seek = hasattr(file, "seekable") and file.seekable()
    before = file.tell() if can_seek else 0
    octets = file.read()
    if can_seek:
        file.seek(before)
    if not isinstance(octets, bytes):
        raise TypeError(f"inline: {name!r}: the file is open as text, open it with mode 'rb'")
    return octets


def _drawn(name: str, value: Any) -> bytes:
    """The PNG of an object that can draw itself: figures of matplotlib and objects that have one (axes,
    seaborn's grids), figures of plotly, PIL images, and objects that notebooks show as pictures."""
    figure: Any = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if hasattr(figure, "savefig"):
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        return drawn.getvalue()
    if hasattr(value, "to_image"):
        try:
            return bytes(value.to_image(format="png"))
        except Exception as failed:
            raise ValueError(
                f"inline: {name!r}: {type(value).__name__} gave no PNG, which plotly makes with kaleido and "
                f"a browser (pip install kaleido): {str(failed).strip().partition(chr(10))[0]}"
            ) from failed
    for method in ("_repr_png_", "_repr_jpeg_"):
        drawn_by_itself = _octets(getattr(value, method)()) if hasattr(value, method) else None
        if drawn_by_itself:
            return drawn_by_itself
    if hasattr(value, "_repr_mimebundle_"):
        bundle = value._repr_mimebundle_(include={"image/png"})
        bundle = bundle[0] if isinstance(bundle, tuple) else bundle
        if octets := _octets((bundle or {}).get("image/png")):
            return octets
    raise wanted(
        f"inline: {name!r}",
        "a path, bytes, an open file, a figure, an image or another object with a _repr_png_",
        value,
    )


def _octets(given: Any) -> bytes | None:
    """The picture in a notebook's format: bytes, base64, or one of these with metadata."""
    given = given[0] if isinstance(given, tuple) else given
    if isinstance(given, str):
        from binascii import a2b_base64

        return a2b_base64(given)
    return bytes(given) if isinstance(given, (bytes, bytearray)) else None
