"""Converts values into the tokens that the engine folds (`src/message/stdlib/fold_structured.rs`).

A token is (kind, text, inner tokens). A `word` or an `atom` may become an encoded-word.
Separators, identifiers and addresses are `fixed`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

Token = tuple[str, str, Sequence[Any]]

_PIECES = re.compile(r"[ \t]+|[^ \t]+")
_SPECIALS = frozenset('()<>@,:;."[]\\')

COMMA: Token = ("fixed", ",", ())
BLANK: Token = ("blank", " ", ())


def pieces(text: str, kind: str) -> list[Token]:
    """Words of this kind, and the white space between them."""
    return [("blank" if one.isspace() else kind, one, ()) for one in _PIECES.findall(text)]


def phrase(text: str) -> Token:
    """A display name, in quotes if it needs them."""
    if _SPECIALS.isdisjoint(text):
        return ("unit", "", pieces(text, "atom"))
    return quoted(text)


def quoted(text: str) -> Token:
    return ("quoted", "", pieces(text, "atom"))


def mailbox(name: Token | None, spec: str, leader: Sequence[Token] = ()) -> Token:
    """An address, with white space before it unless it is the first."""
    if name is None:
        return ("unit", "", (*leader, ("address", spec, ())))
    return ("unit", "", (("unit", "", (*leader, name, BLANK)), ("address", f"<{spec}>", ())))


def address_list(groups: Iterable[Any]) -> Token:
    """Groups of addresses; a group without a name is a single address (RFC 5322 section 3.4)."""
    found: list[Token] = []
    for group in groups:
        members = [_member(one, (BLANK,) if number else ()) for number, one in enumerate(group.addresses)]
        separated = [token for one in members for token in (COMMA, one)][1:]
        leader = (BLANK,) if found else ()
        if group.display_name is None and len(members) == 1:
            only = _member(group.addresses[0], leader)
        else:
            name = (phrase(group.display_name or ""), ("fixed", ":", ()))
            inside = (BLANK, *separated) if separated else ()
            only = ("unit", "", (*leader, *name, *inside, ("fixed", ";", ())))
        found += [COMMA, only]
    return ("unit", "", found[1:])


def _member(address: Any, leader: Sequence[Token]) -> Token:
    name, spec = address.display_name, address.addr_spec
    if not name:
        return mailbox(None, spec, leader)
    return mailbox(phrase(name), "" if spec == "<>" else spec, leader)


def parameters(found: Iterable[tuple[str, str]]) -> Token:
    """Parameters. The text before them still needs its semicolon."""
    return ("parameters", "", [("fixed", name, (("fixed", value, ()),)) for name, value in found])


# -- the parse trees of the standard library

# The kinds of text that are not encoded, because programs read them.
_FIXED = {
    "addr-spec",
    "content-transfer-encoding",
    "domain",
    "domain-literal",
    "invalid-message-id",
    "local-part",
    "message-id",
    "mime-version",
    "msg-id",
    "no-fold-literal",
    "obs-local-part",
    "obs-route",
}
_TEXT = {"atext", "dot", "ptext", "ttext", "utext", "vtext"}


def of_tree(part: Any, kind: str = "word", depth: int = 0) -> Token:
    """The tokens of a parse tree; `kind` is the kind of its words."""
    name = part.token_type
    if isinstance(part, str):
        return _of_terminal(str(part), name, kind)
    if name == "mime-parameters":
        return parameters(part.params)
    if name in _FIXED:
        kind = "fixed"
    if name == "addr-spec" and not _has_comment(part) and not _is_words(str(part)):
        return ("address", str(part), ())
    if name == "comment":
        return ("comment", "", [of_tree(inner, "word") for inner in part])
    if name == "bare-quoted-string":
        if kind == "fixed":
            return ("fixed", str(part), ())
        return ("quoted", "", [of_tree(inner, "atom") for inner in part])
    if name == "encoded-word" and kind == "word" and depth > 1:
        kind = "atom"
    return ("unit", "", [of_tree(inner, kind, depth + 1) for inner in part])


def _is_words(spec: str) -> bool:
    """Whether it is no address, but words that may be folded between them."""
    return "@" not in spec and spec.isascii()


def _of_terminal(text: str, name: str, kind: str) -> Token:
    if not text.strip(" \t"):
        return ("blank", text, ())
    if name == "ttext" and text.isascii():
        return ("fixed", text, ())  # a type can't be written as an encoded-word
    if name in _TEXT:
        return (kind, text, ())
    return ("fixed", text, ())


def _has_comment(part: Any) -> bool:
    return part.token_type == "comment" or (not isinstance(part, str) and any(map(_has_comment, part)))
