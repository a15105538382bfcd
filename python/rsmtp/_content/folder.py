"""A template as a folder of files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from rsmtp._common import arguments

# The possible file names of each part; the first existing one is used.
_ENDS = ("", ".j2", ".jinja", ".jinja2")
_PARTS = {
    "subject": ("subject.txt",),
    "html": ("body.html", "body.htm"),
    "markdown": ("body.md",),
    "text": ("body.txt",),
}
# The largest template in octets. Templates are written by hand.
_LARGEST = 2_000_000
_ATTACHMENTS = "attachments"


class Folder(NamedTuple):
    arguments: dict[str, Any]
    #: For each argument, the file that it comes from.
    names: dict[str, str]
    #: Templates that others can include, by name.
    library: dict[str, str]


def read(folder: str | os.PathLike[str], layouts: str | os.PathLike[str] | None) -> Folder:
    root = _folder("folder", folder)
    library = {} if layouts is None else _texts(_folder("layouts", layouts))
    own = _texts(root)
    library |= own
    found: dict[str, Any] = {}
    names: dict[str, str] = {}
    for argument, files in _PARTS.items():
        name = next((name + end for name in files for end in _ENDS if name + end in own), None)
        if name is not None:
            found[argument], names[argument] = own[name], name
    if not {"html", "text", "markdown"} & found.keys():
        raise ValueError(f"folder: {root} has none of body.html, body.txt and body.md")
    if "html" in found:
        found.setdefault("text", "auto")
        found.pop("markdown", None)
    if "html" in found or "markdown" in found:
        found |= {"inline": "auto", "inline_from": root}
    attached = sorted(path for path in (root / _ATTACHMENTS).glob("*") if _is_within(path, root))
    if attached:
        found["attachments"] = attached
    return Folder(found, names, library)


def _folder(argument: str, given: str | os.PathLike[str]) -> Path:
    root = Path(arguments.path(argument, given))
    if not root.is_dir():
        what = "is a file" if root.exists() else "is not there"
        raise NotADirectoryError(f"{argument}: the folder {os.fspath(given)!r} {what}")
    return root.resolve()


def _is_within(path: Path, root: Path) -> bool:
    """Whether this is a file within the folder, even if symbolic links are followed."""
    return path.is_file() and not path.name.startswith(".") and path.resolve().is_relative_to(root)


def _texts(root: Path) -> dict[str, str]:
    """The texts in a folder, by their paths within it."""
    found = {}
    for at, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != _ATTACHMENTS)
        for file in sorted(files):
            path = Path(at, file)
            name = path.relative_to(root).as_posix()
            if not _is_within(path, root) or path.stat().st_size > _LARGEST:
                continue
            octets = path.read_bytes()
            try:
                found[name] = octets.decode("utf-8-sig").replace("\r\n", "\n")
            except UnicodeDecodeError as wrong:
                if _is_part(name):
                    raise ValueError(
                        f"{path}: it is not in UTF-8: {wrong.reason} at octet {wrong.start}"
                    ) from None
    return found


def _is_part(name: str) -> bool:
    return any(name.startswith(part) for parts in _PARTS.values() for part in parts)
