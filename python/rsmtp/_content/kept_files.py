"""Files that many messages show: each is read once, unless it changes meanwhile."""

from __future__ import annotations

import os
from contextvars import ContextVar

# So many octets are kept. Of a table in which each row has pictures of its own, those of the first rows are.
_ROOM = 32 * 1024 * 1024


class KeptFiles:
    """Files are kept by what is made within `with`."""

    def __init__(self) -> None:
        self._octets: dict[tuple[int, ...], bytes] = {}
        self._room = _ROOM

    def __enter__(self) -> None:
        self._token = kept.set(self)

    def __exit__(self, *_: object) -> None:
        kept.reset(self._token)

    def get(self, path: str | os.PathLike[str]) -> bytes | None:
        if not self._octets:
            return None
        try:
            return self._octets.get(_version(os.stat(path)))
        except (OSError, ValueError):
            return None

    def keep(self, found: os.stat_result, octets: bytes) -> None:
        """`found` is what the file was before it was read."""
        if len(octets) == found.st_size <= self._room:
            self._room -= len(octets)
            self._octets[_version(found)] = octets


def _version(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


kept: ContextVar[KeptFiles | None] = ContextVar("rsmtp.kept_files", default=None)
