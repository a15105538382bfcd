"""The link by which a person leaves a list leads nowhere in the test of a merge: the person who reads
the test would unsubscribe the one whom it is meant for."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

# No server has such a name (RFC 2606 section 2).
_NOWHERE = "https://unsubscribe.invalid/test"
_NO_ADDRESS = "mailto:test@unsubscribe.invalid"
_TEXTS = ("text", "html", "markdown")
_FIELD = re.compile("list-unsubscribe", re.IGNORECASE)
_LINK = re.compile(r"<([^<>]+)>")


def unlinked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a message, with other links in `unsubscribe`, in a List-Unsubscribe of `headers`,
    and wherever the texts have the same links."""
    asked, headers = given.get("unsubscribe"), given.get("headers")
    several = [asked] if isinstance(asked, str) else list(asked or ())
    links = sorted({*_links(several, headers)}, key=len, reverse=True)
    if not links:
        return dict(given)
    pattern = re.compile("|".join(map(_spelled, links)), re.IGNORECASE)

    def without(text: str) -> str:
        return pattern.sub(lambda found: _instead_of(found[0]), text)

    made = dict(given)
    for name in _TEXTS:
        if isinstance(text := given.get(name), str):
            made[name] = without(text)
    if asked is not None:
        made["unsubscribe"] = list(dict.fromkeys(_instead_of(one) for one in several))
    if headers:
        made["headers"] = [
            (name, without(value) if _FIELD.fullmatch(name) else value) for name, value in _pairs(headers)
        ]
    return made


def _links(several: list[Any], headers: Any) -> Iterator[str]:
    yield from (one for one in several if isinstance(one, str) and one)
    for name, value in _pairs(headers or {}):
        if _FIELD.fullmatch(name) and isinstance(value, str):
            yield from _LINK.findall(value)


def _pairs(headers: Any) -> Any:
    return headers.items() if isinstance(headers, Mapping) else headers


def _instead_of(link: Any) -> Any:
    if not isinstance(link, str):
        return link
    return _NOWHERE if link[:4].lower() == "http" else _NO_ADDRESS


def _spelled(link: str) -> str:
    """A pattern for the link, also as HTML writes it."""
    return "".join(
        re.escape(one)
        if one.isalnum()
        else f"(?:{re.escape(one)}|{re.escape(html.escape(one))}|&#0*{ord(one)};|&#x0*{ord(one):x};)"
        for one in link
    )
