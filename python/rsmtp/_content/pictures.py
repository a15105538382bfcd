"""Turns the pictures that HTML shows into parts of the message, each once (RFC 2387, RFC 2392)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import unquote, unquote_to_bytes

from rsmtp._common.arguments import meant, wanted
from rsmtp._common.html_references import find
from rsmtp._content.picture import KINDS, Picture, kind_of, of_object, picture, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def inlined(html: str, inline: Any = None, folder: str | None = None) -> tuple[str, list[Picture]]:
    """The HTML with a `cid:` for each picture that becomes a part, and these pictures. The rest of the
    HTML is unchanged.

    `inline` is as in `Message`, but not False. `folder` is the folder in which local files may be read;
    None means none. A picture that can't be read is an error if the caller has asked for pictures;
    otherwise its reference is unchanged.
    """
    shown = _Shown(inline, folder)
    pieces, end = [], 0
    for reference in find(html):
        found = shown.picture(reference.address)
        if found is not None:
            pieces += [html[end : reference.begin], f"cid:{found.content_id}"]
            end = reference.end
    shown.check_all_are_used()
    return "".join([*pieces, html[end:]]), shown.pictures()


# The drive "C:" is not a scheme.
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)


class _Shown:
    """The pictures that the addresses in a page refer to."""

    def __init__(self, inline: Any, folder: str | None) -> None:
        self.is_asked = inline is not None or folder is not None
        self.folder = None if folder is None else _real_folder(folder)
        self.given = _by_name(inline, folder)
        # If there is a list, only the files in it may be read.
        if self.given is not None and not isinstance(inline, Mapping):
            self.folder = None
        self.used: set[str] = set()
        self.taken: dict[str, Picture | None] = {}

    def picture(self, address: str) -> Picture | None:
        """The picture for an address; None leaves the address unchanged."""
        if address not in self.taken:
            self.taken[address] = self._picture(address)
        return self.taken[address]

    def pictures(self) -> list[Picture]:
        return list({found.content_id: found for found in self.taken.values() if found}.values())

    def check_all_are_used(self) -> None:
        for name in self.given or ():
            if name not in self.used:
                raise ValueError(
                    f'inline: nothing in the HTML shows {name!r}: <img src="cid:{name}" alt="..."> does'
                )

    def _picture(self, address: str) -> Picture | None:
        scheme = found[1].lower() if (found := _SCHEME.match(address)) else ""
        if scheme == "data":
            return self._data(address)
        name = unquote(address[len("cid:") :]) if scheme == "cid" else address
        for each in (name, unquote(name)):
            if (named := self._named(each)) is not None:
                return named
        if scheme == "cid" and self.given:
            raise ValueError(
                f"inline: the HTML shows {address!r}, and no such name is given{meant(name, self.given)}"
            )
        if scheme not in ("", "file") or address.startswith(("//", "#")) or not address:
            return None
        if self.folder is not None:
            return self._local(address.removeprefix("file://"))
        if not self.is_asked:
            return None
        near = meant(name, self.given or ())
        raise ValueError(
            f"inline: the HTML shows {address!r}, which is not among the pictures that are given{near}; "
            "inline_from= names a folder whose pictures may be read"
        )

    def _named(self, name: str) -> Picture | None:
        given = self.given or {}
        if name not in given:
            # A file given by its path can also be referenced by its name.
            name = next((path for path in given if os.path.basename(path) == name), "")
        if not name:
            return None
        self.used.add(name)
        return of_object(name, given[name])

    def _data(self, address: str) -> Picture | None:
        """A picture in a data: URL (RFC 2397). Gmail and Outlook don't show such pictures."""
        head, _, rest = address[len("data:") :].partition(",")
        kind, *parameters = (part.strip().lower() for part in head.split(";"))
        octets = unquote_to_bytes(rest)
        if "base64" in parameters:
            from binascii import Error, a2b_base64

            try:
                octets = a2b_base64(octets)
            except Error:
                octets = b""
        if re.fullmatch(r"image/[a-z0-9.+-]+", kind) and octets:
            number = sum(1 for found in self.taken.values() if found) + 1
            return picture(f"picture-{number}", octets, kind)
        if not self.is_asked:
            return None
        raise ValueError(f"inline: {address[:40]!r}... is no picture in a data: URL (RFC 2397)")

    def _local(self, address: str) -> Picture:
        assert self.folder is not None
        # The address is tried as it is, and then decoded as a URL: "my%20logo.png", "logo.png?v=2".
        bare = re.split("[?#]", address, maxsplit=1)[0]
        candidates = dict.fromkeys((address, bare, unquote(bare)))
        paths = [_inside(self.folder, each) for each in candidates]
        path = next((path for path in paths if os.path.exists(path)), paths[-1])
        octets = read(address, path)
        kind = kind_of(octets)
        if kind is None:
            raise ValueError(
                f"inline: {address!r} is no picture ({KINDS}), and nothing else is read from a folder"
            )
        return picture(os.path.basename(path), octets, kind)


def _by_name(inline: Any, folder: str | None) -> dict[str, Any] | None:
    """The pictures that were passed, by the names that the HTML uses for them."""
    if inline is None or inline == "auto":
        return None
    if isinstance(inline, Mapping):
        for name in inline:
            if not isinstance(name, str):
                raise wanted("inline: a name", "a str", name)
        return dict(inline)
    if not isinstance(inline, (list, tuple)):
        raise wanted("inline", '"auto", a mapping of names to pictures, a list of files or False', inline)
    given: dict[str, Any] = {}
    for each in inline:
        if isinstance(each, (str, os.PathLike)):
            name = os.fspath(each)
            given[name.replace(os.sep, "/")] = each if folder is None else _inside(_real_folder(folder), name)
        elif isinstance(getattr(each, "name", None), str):
            given[os.path.basename(each.name)] = each
        else:
            raise TypeError(
                "inline: a list has paths and open files; a picture without a name gets one in a mapping, "
                '{"plot": figure}'
            )
    return given


def _real_folder(folder: str) -> str:
    real = os.path.realpath(folder)
    if not os.path.isdir(real):
        raise NotADirectoryError(f"inline_from: {folder!r} is no folder")
    return real


def _inside(folder: str, name: str) -> str:
    """The path of a file with symbolic links resolved. Raises ValueError if it is outside the folder."""
    if "\0" in name:
        raise ValueError(f"inline: {name!r} is no name of a file")
    path = os.path.realpath(os.path.join(folder, name))
    if os.path.commonpath([folder, path]) != folder:
        raise ValueError(
            f"inline: {name!r} is outside of {folder!r}, and only pictures below that folder are read: "
            "inline_from= names another one"
        )
    return path
