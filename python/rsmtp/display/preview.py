"""Displays in the browser, for scripts."""

from __future__ import annotations

import os
import sys
import tempfile
import webbrowser
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from rsmtp.display import message as message_display
from rsmtp.display.frame import POLICY
from rsmtp.display.reader import field


def preview(message: Any, browser: bool = True) -> Path:
    """A message in the browser; see `Message.preview`."""
    return show(field(message, "Subject") or "(no subject)", message_display.rich(message), browser=browser)


def show(title: str, *displays: str, browser: bool = True) -> Path:
    """Writes a page of displays and opens it. Returns where it is."""
    # mkstemp: no other user can read it, whatever the umask says.
    handle, name = tempfile.mkstemp(prefix="rsmtp-", suffix=".html")
    with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
        file.write(_page(title, displays))
    path = Path(name)
    if browser and not (_has_screen() and webbrowser.open(path.as_uri())):
        print(f"There is no browser here; the page is in {path}", file=sys.stderr)
    return path


def _page(title: str, displays: Iterable[str]) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{'<hr>'.join(displays)}</main></body></html>"
    )


_STYLE = "body{max-width:960px;margin:16px auto;padding:0 12px}hr{margin:32px 0;border:0}"


def _has_screen() -> bool:
    """Without a screen a browser in the terminal would take the terminal over."""
    if sys.platform in ("win32", "darwin") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
