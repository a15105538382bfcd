"""The text, HTML and pictures of a message, from the arguments of `Message`."""

from __future__ import annotations

import os

from rsmtp._common.arguments import not_opened, one_of, path, text, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rsmtp._content.picture import Picture


def made(
    plain: Any,
    html: Any,
    *,
    markdown: Any = None,
    inline: Any = None,
    inline_from: Any = None,
    css: Any = None,
    headers: Any = None,
) -> tuple[Any, Any, list[Picture]]:
    """The text ("auto" means that it is made from the HTML), the HTML, and its pictures. `headers` may
    name the language that Markdown is in."""
    if html is not None and markdown is not None:
        raise ValueError("html, markdown: one of them is wanted, not both")
    folder = None if inline_from is None else path("inline_from", inline_from)
    given = html if markdown is None else markdown
    name = "html" if markdown is None else "markdown"
    if given is None:
        _refuse_without_html(inline, folder, css)
        return plain, None, []
    if isinstance(given, os.PathLike):
        written = _read(name, given)
        # The HTML is the caller's own file, so the pictures beside it are trusted, too.
        folder = folder or os.path.dirname(os.path.abspath(given))
    elif isinstance(given, str):
        written = given
    else:
        raise wanted(name, "a str, or the Path of a file,", given)
    if markdown is not None:
        from rsmtp._rsmtp import html_of_markdown

        written = html_of_markdown(text("markdown", written), _language(headers))
        plain = "auto" if plain is None else plain
    if css is not None:
        one_of("css", css, ["inline"])
        from rsmtp._content.css import inlined as with_inlined_css

        written = with_inlined_css(written)
    if inline is False:
        return plain, written, []
    if inline == "auto" and folder is None:
        folder = os.getcwd()
    from rsmtp._content.pictures import inlined

    return plain, *inlined(written, inline, folder)


def _language(headers: Any) -> str | None:
    """What Content-Language says (RFC 3282), if it is one language."""
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    for pair in pairs:
        if isinstance(pair, (tuple, list)) and len(pair) == 2 and str(pair[0]).lower() == "content-language":
            return str(pair[1]).strip()
    return None


def _refuse_without_html(inline: Any, folder: str | None, css: Any) -> None:
    for name, value in (("inline", inline or None), ("inline_from", folder), ("css", css)):
        if value is not None:
            raise ValueError(f"{name}: there is no html= or markdown= that it could be for")


def _read(name: str, file: os.PathLike[str]) -> str:
    try:
        with open(file, "rb") as opened:
            octets = opened.read()
    except OSError as error:
        raise not_opened(name, error) from None
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as refused:
        raise ValueError(
            f"{name}: {os.fspath(file)!r} is not UTF-8 at octet {refused.start}: read it yourself, "
            f'Path(...).read_text(encoding="..."), and give the text'
        ) from None
