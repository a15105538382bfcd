"""The stylesheet of all displays. Colours follow the system's light or dark theme, or the theme
of the page if it has one (JupyterLab, VS Code, the docs).

Colour alone never carries a meaning: a path that was taken is also thicker, and a refusal
is also named in words.
"""

from __future__ import annotations

import re
from importlib.resources import files

_LIGHT = (
    "--fg:#1c2024;--soft:#5b626c;--line:#d5d9e0;--tint:#f3f5f8;--path:#0b5cd6;--on-path:#fff;"
    "--good:#13733a;--bad:#bf2430;--warn:#8f5400;--tls:#13733a;--tls-tint:#eaf6ee;"
    "--b-dns:#8a63d2;--b-connect:#0e8a9c;--b-tls:#13733a;--b-server:#0b5cd6;--b-client:#9aa3ae;color-scheme:light"
)
_DARK = (
    "--fg:#e8eaed;--soft:#a3abb5;--line:#3b424b;--tint:#1f242a;--path:#79b4ff;--on-path:#0b1420;"
    "--good:#6fd08c;--bad:#ff8e88;--warn:#f0b454;--tls:#6fd08c;--tls-tint:#14261b;"
    "--b-dns:#b79bf0;--b-connect:#4cc3d4;--b-tls:#6fd08c;--b-server:#79b4ff;--b-client:#707a86;color-scheme:dark"
)
_IN_LIGHT = ('[data-jp-theme-light="true"]', '[data-theme="light"]', ".vscode-light")
_IN_DARK = ('[data-jp-theme-light="false"]', '[data-theme="dark"]', ".vscode-dark")


def _inside(themes: tuple[str, ...], rules: str) -> str:
    return ",".join(f"{theme} .rsmtp" for theme in themes) + f"{{{rules}}}"


_RULES = files("rsmtp.display").joinpath("style.css").read_text(encoding="utf-8")


def _written_small(rules: str) -> str:
    """The stylesheet without comments and needless spaces, because every display contains it."""
    rules = re.sub(r"/\*.*?\*/", "", rules, flags=re.DOTALL)
    rules = re.sub(r"\s+", " ", rules)
    return re.sub(r" ?([{};,]) ?", r"\1", rules).replace(": ", ":").replace(";}", "}").strip()


CSS = (
    f".rsmtp{{{_LIGHT}}}@media (prefers-color-scheme:dark){{.rsmtp{{{_DARK}}}}}"
    + _inside(_IN_LIGHT, _LIGHT)
    + _inside(_IN_DARK, _DARK)
    + _written_small(_RULES).replace("&", ".rsmtp.rsmtp")
)
