"""Rules about octets, parts and files."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

from rsmtp.display import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rsmtp._lint.view import Broken, View

_LONGEST_LINE = 998
_GMAIL_LIMIT = 25 * 1024 * 1024
_MANY_TAKE = 10 * 1024 * 1024
# https://support.google.com/mail/answer/6590, read on 2026-11-27.
_BLOCKED = frozenset(
    (
        "ade",
        "adp",
        "apk",
        "appx",
        "appxbundle",
        "bat",
        "cab",
        "chm",
        "cmd",
        "com",
        "cpl",
        "diagcab",
        "diagcfg",
        "diagpkg",
        "dll",
        "dmg",
        "ex",
        "ex_",
        "exe",
        "hta",
        "img",
        "ins",
        "iso",
        "isp",
        "jar",
        "jnlp",
        "js",
        "jse",
        "lib",
        "lnk",
        "mde",
        "mjs",
        "msc",
        "msi",
        "msix",
        "msixbundle",
        "msp",
        "mst",
        "nsh",
        "pif",
        "ps1",
        "scr",
        "sct",
        "shb",
        "sys",
        "vb",
        "vbe",
        "vbs",
        "vhd",
        "vxd",
        "wsc",
        "wsf",
        "wsh",
        "xll",
    )
)
# How files of some types begin.
_BEGINNINGS = {
    "pdf": (b"%PDF",),
    "png": (b"\x89PNG",),
    "jpg": (b"\xff\xd8",),
    "jpeg": (b"\xff\xd8",),
    "gif": (b"GIF8",),
    "zip": (b"PK",),
    "docx": (b"PK",),
    "xlsx": (b"PK",),
    "pptx": (b"PK",),
}
_MOST_NAMES = 10_000


def check(view: View) -> Iterator[Broken]:
    if view.octets is not None:
        yield from _octets(view.octets)
        yield from _parser(view.message)
    yield from _parts(view.message)
    yield from _size(view)
    for file in view.reading.attachments:
        yield from _file(file)


def _octets(octets: bytes) -> Iterator[Broken]:
    if b"\0" in octets:
        yield "nul", "there is a NUL in it", _line_of(octets, octets.index(b"\0"))
    if b"\r\n" in octets:
        bare = re.search(rb"\r(?!\n)|(?<!\r)\n", octets)
        if bare:
            yield "line-ends", "a CR or an LF stands by itself", _line_of(octets, bare.start())
    for number, line in enumerate(re.split(rb"\r\n|\n|\r", octets), 1):
        if len(line) > _LONGEST_LINE:
            yield "line-long", f"a line has {len(line):,} octets", f"line {number}"
            break


def _line_of(octets: bytes, position: int) -> str:
    before = octets.count(b"\n", 0, position)
    return f"line {before + 1}"


def _walk(message: Any) -> list[Any]:
    found: list[Any] = []
    return reader.safely(lambda: list(message.walk()), found)


def _parser(message: Any) -> Iterator[Broken]:
    for part in _walk(message):
        for defect in part.defects:
            name = type(defect).__name__
            words = re.sub(r"(?<!^)(?=[A-Z])", " ", name.removesuffix("Defect")).lower()
            yield "structure-broken", words, part.get_content_type()
            return


def _parts(message: Any) -> Iterator[Broken]:
    is_composite = message.get_content_maintype() == "multipart" or message["Content-Transfer-Encoding"]
    if is_composite and message["MIME-Version"] is None:
        yield "mime-version-missing", "there is no MIME-Version", "MIME-Version"
    for part in _walk(message):
        kind = part.get_content_type()
        if kind == "multipart/alternative" and part.is_multipart():
            kinds = [inner.get_content_type() for inner in part.get_payload()]
            if "text/plain" in kinds and "text/html" in kinds[: kinds.index("text/plain")]:
                yield "alternative-order", "the HTML stands before the text", kind
        elif kind in ("text/plain", "text/html"):
            yield from _text(part)


def _text(part: Any) -> Iterator[Broken]:
    kind = part.get_content_type()
    content = reader.safely(lambda: part.get_payload(decode=True), b"")
    if not isinstance(content, bytes):
        return
    encoding = str(part["Content-Transfer-Encoding"] or "7bit").strip().lower()
    if encoding == "7bit" and not content.isascii():
        yield "encoding-wrong", "there are octets beyond ASCII in a part of 7-bit text", kind
    charset = reader.safely(lambda: part.get_content_charset("us-ascii"), "us-ascii")
    try:
        content.decode("ascii" if encoding == "7bit" and charset == "us-ascii" else charset)
    except LookupError:
        yield "charset-unknown", f"the character set {charset[:40]!r} is unknown", kind
    except UnicodeDecodeError as error:
        if encoding != "7bit":
            yield "charset-wrong", f"octet {error.start} is not {charset}", kind


def _size(view: View) -> Iterator[Broken]:
    if view.octets is not None:
        size = len(view.octets)
    else:
        # Base64 makes four octets of three, and a line end for each 76.
        files = sum(len(file.data) for file in view.files())
        size = files * 78 // 57 + len(view.text) + len(view.html)
    if size > _GMAIL_LIMIT:
        yield "size-over", f"the message has {size / 1024 / 1024:.1f} MB, encoded", "size"
    elif size > _MANY_TAKE:
        yield "size-large", f"the message has {size / 1024 / 1024:.1f} MB, encoded", "size"


def _file(file: reader.Attachment) -> Iterator[Broken]:
    if file.kind.startswith(("text/calendar", "message/", "multipart/")) or file.kind in (
        "text/plain",
        "text/html",
    ):
        return
    name = file.name or "(no name)"
    if not file.name:
        if file.cid:
            return
        yield "attachment-nameless", f"a file of type {file.kind} has no name", file.kind
    extension = _extension(file.name)
    if extension in _BLOCKED:
        yield "attachment-blocked", f"{name} is of a type that is not taken", name
    data = file.data
    if not data:
        yield "attachment-empty", f"{name} has no content", name
        return
    if extension in _BEGINNINGS and not data.startswith(_BEGINNINGS[extension]):
        yield "attachment-type", f"{name} is no {extension.upper()} file", name
    elif data.startswith(b"PK") and extension not in ("docx", "xlsx", "pptx"):
        yield from _archive(name, data)


def _archive(name: str, data: bytes) -> Iterator[Broken]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()[:_MOST_NAMES]
    except Exception:  # a stranger's archive: zipfile fails in many ways
        return
    blocked = next((each for each in names if _extension(each) in _BLOCKED), None)
    if blocked is not None:
        yield "attachment-blocked", f"{blocked} in {name} is of a type that is not taken", name


def _extension(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
