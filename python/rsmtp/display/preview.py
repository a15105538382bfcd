"""Displays in the browser, for scripts, and the preview of a mail before it is sent."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import rsmtp
from rsmtp._common.arguments import path as argument
from rsmtp._common.tracebacks import public
from rsmtp.display import findings as findings_display
from rsmtp.display import message as message_display
from rsmtp.display import page, reader
from rsmtp.display.frame import Images, policy


@public
class MessagePreview:
    """A mail before it goes, as its readers will see it: on a desktop and on a phone, as plain text,
    in dark mode, without its images; what is attached, and what `rsmtp.lint` finds.

    A notebook shows it. `open()` shows it in the browser, `save(path)` writes the page.
    """

    def __init__(self, message: Any, remote: bool = False) -> None:
        self._images = Images.REMOTE if remote else Images.OF_THE_MAIL
        self._reading = reader.read(message)
        self._text = message_display.plain(message, self._reading)
        self.findings = rsmtp.lint(message)
        found = findings_display.table(self.findings)
        self._display = message_display.rich(
            message, self._reading, after=f'<div class="box">{found}</div>', remote=remote, is_open=True
        )
        self._title = reader.field(message, "Subject") or "(no subject)"

    @property
    def html(self) -> str:
        """The whole page. Nothing in it runs."""
        return _page(self._title, [self._display], self._images, _WIDE)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the page to a file; returns where it is."""
        written = Path(argument("path", path))
        written.write_text(self.html, encoding="utf-8", errors="replace")
        return written

    def open(self) -> Path:
        """Opens the page in the browser; returns where it is.

        It is a file of its own in the directory for temporary files, readable by you alone, and
        stays there. Where there is no browser, standard error says where the page is.
        """
        return _opened(self.html)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> page.Bundle:
        return {"text/plain": self._text, "text/html": self._display}

    def __repr__(self) -> str:
        return f"<Preview of {self._title!r}: .open() shows it in the browser, .save(path) writes it>"


def show(title: str, *displays: str) -> Path:
    """Writes a page of displays and opens it. Returns where it is."""
    return _opened(_page(title, displays, Images.OF_THE_MAIL, _NARROW))


def _opened(html: str) -> Path:
    # mkstemp: no other user can read the file, whatever the umask is.
    handle, name = tempfile.mkstemp(prefix="rsmtp-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(html)
    path = Path(name)
    if not (_has_screen() and webbrowser.open(path.as_uri())):
        print(f"There is no browser here; the page is in {path}", file=sys.stderr)
    return path


# Pixels. The wide window shows three views side by side.
_NARROW, _WIDE = 960, 1700


def _page(title: str, displays: Iterable[str], images: Images, width: int) -> str:
    style = (
        f"body{{max-width:{width}px;margin:16px auto;padding:0 12px}}hr{{margin:32px 0;border:0}}"
        ".rsmtp.rsmtp{max-width:none}"
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(images))}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title></head>"
        f"<body><main>{'<hr>'.join(displays)}</main><style>{style}</style></body></html>"
    )


def _has_screen() -> bool:
    """Whether there is a screen: without one, a text browser would take over the terminal."""
    if sys.platform in ("win32", "darwin") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
