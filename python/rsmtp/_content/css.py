"""Copies the rules of `<style>` into the elements, because some mail programs ignore `<style>`."""

from __future__ import annotations

import re

from rsmtp._common.extras import library


def inlined(html: str) -> str:
    """The HTML with its CSS inlined by the package css-inline. Rules that can't be inlined (media
    queries, `:hover`, `@font-face`) stay in `<style>`. Rules for small or dark screens get
    `!important`, because otherwise the inlined rules would override them. Nothing is loaded, neither
    from the network nor from files."""
    css_inline = library("css_inline", "css", 'css="inline"')
    inliner = css_inline.CSSInliner(
        keep_style_tags=True,
        keep_link_tags=True,
        remove_inlined_selectors=True,
        load_remote_stylesheets=False,
        # Outlook reads these attributes instead of the style.
        apply_width_attributes=True,
        apply_height_attributes=True,
    )
    try:
        made = inliner.inline(html)
    except css_inline.InlineError as refused:
        raise ValueError(f"css: the styles can't be written into the elements: {refused}") from None
    return _STYLE.sub(lambda found: found[1] + important(found[2]), made)


_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(?=</style)", re.IGNORECASE | re.DOTALL)
# Braces and semicolons in these have no meaning. An unterminated one ends with the text.
_TEXT = r"\"(?:[^\"\\]|\\.)*+(?:\"|\Z)|'(?:[^'\\]|\\.)*+(?:'|\Z)|\([^(){}]*+\)|/\*.*?(?:\*/|\Z)"
_RULE = re.compile(rf"\{{((?:[^{{}}\"'(/]|{_TEXT}|[/(])*+)\}}", re.DOTALL)
_DECLARATION = re.compile(rf"(?:[^;\"'(/]|{_TEXT}|[/(])++", re.DOTALL)
_MEDIA = re.compile(r"@media\b[^{;]*", re.IGNORECASE)


def important(css: str) -> str:
    """The CSS with `!important` at each declaration within `@media`."""
    pieces, end = [], 0
    while found := _MEDIA.search(css, end):
        close = _block_end(css, found.end())
        rules = _RULE.sub(_rule, css[found.end() + 1 : close])
        pieces += [css[end : found.end() + 1], rules]
        end = max(close, found.end())
    return "".join([*pieces, css[end:]])


def _block_end(css: str, begin: int) -> int:
    depth = 0
    for found in re.finditer(rf"[{{}}]|{_TEXT}", css[begin:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(found[0], 0)
        if depth == 0 and found[0] == "}":
            return begin + found.start()
    return len(css)


def _rule(found: re.Match[str]) -> str:
    return "{" + _DECLARATION.sub(_declaration, found[1]) + "}"


def _declaration(found: re.Match[str]) -> str:
    said = found[0].rstrip()
    if ":" not in said or re.search(r"!\s*important$", said, re.IGNORECASE):
        return found[0]
    return f"{said} !important{found[0][len(said) :]}"
