"""Plain header values, which are read here without a parse tree.

Nearly every header that a program makes is plain: words, tokens and parameters, addresses with
simple names. The standard library's parser reads all other values (comments, encoded-words,
obsolete syntax), through the functions in `_tree`. The engine folds both kinds, from tokens
(`_tokens`).
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Sequence
from typing import Any

from rsmtp.email import _tokens

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z{}-]+"
_ATTRIBUTE = r"[!#$&+.^_`|~0-9A-Za-z{}-]+"
_TYPE = re.compile(rf" *({_ATTRIBUTE})/({_ATTRIBUTE})")
_VALUE = re.compile(_ATTRIBUTE)
_PARAMETER = re.compile(
    rf"; ({_ATTRIBUTE})"
    rf"(?:=({_ATTRIBUTE})|=\"([ !#-\[\]-~\u0080-\uffff]*)\"|\*=utf-8''((?:[\w.~-]|%[0-9A-F]{{2}})+))",
    re.ASCII,
)

_ATOM = r"[!#$%&'*+/=?^_`{|}~0-9A-Za-z-]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_MAILBOX = re.compile(
    rf"(?:(?:({_ATOM}(?: {_ATOM})*)|\"([ !#-\[\]-~]+)\") <({_DOT_ATOM})@({_DOT_ATOM})>"
    rf"|({_DOT_ATOM})@({_DOT_ATOM}))"
)


_SEVERAL_ATS = re.compile(rf"{_ATOM}@(?:{_ATOM}@|@)(?:{_ATOM}|@)*")


class Plain:
    """A value that needs no parse tree: its text, and the tokens for folding it."""

    __slots__ = ("parser", "text")

    def __init__(self, text: str, parser: Any) -> None:
        self.text = text
        #: Makes the parse tree for programs that need one.
        self.parser = parser

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)

    def tree(self) -> Any:
        """The parse tree of the standard library."""
        return self.parser(self.text)

    def tokens(self) -> _tokens.Token:
        """The tokens for `_rsmtp._fold_tokens`."""
        return ("text", self.text, ())


class Words(Plain):
    """Unstructured text (RFC 5322 section 2.2.1)."""

    __slots__ = ()


class Tokens(Plain):
    """Words for programs, such as identifiers, which are never encoded."""

    __slots__ = ()

    def tokens(self) -> _tokens.Token:
        return ("identifiers", self.text, ())


class Token(Plain):
    """One word."""

    __slots__ = ()


class Addresses(Plain):
    """An address list (RFC 5322 section 3.4)."""

    __slots__ = ()

    def tokens(self) -> _tokens.Token:
        found: list[_tokens.Token] = []
        for box in _mailboxes(self.text):
            name, quoted, local, domain, bare_local, bare_domain = box.groups()
            display = None if name is None else _tokens.phrase(name)
            if quoted is not None:
                display = _tokens.quoted(quoted)
            leader = (_tokens.BLANK,) if found else ()
            spec = f"{local or bare_local}@{domain or bare_domain}"
            found += [_tokens.COMMA, _tokens.mailbox(display, spec, leader)]
        return ("unit", "", found[1:]) if found else super().tokens()


class Groups(Plain):
    """Address objects. Their display names are text, even if they look encoded."""

    __slots__ = ("groups",)

    def __init__(self, text: str, groups: Sequence[Any], parser: Any) -> None:
        super().__init__(text, parser)
        self.groups = groups

    def tokens(self) -> _tokens.Token:
        return _tokens.address_list(self.groups)


class Parameters(Plain):
    """A main value with parameters (RFC 2045 section 5.1)."""

    __slots__ = ("main", "parameters")

    def __init__(self, main: str, parameters: list[tuple[str, str]], parser: Any) -> None:
        self.main = main
        self.parameters = parameters
        text = main + "".join(f"; {name}={_quoted(value)}" for name, value in parameters)
        super().__init__(text, parser)

    def tree(self) -> Any:
        text = self.main + "".join(
            f"; {name}={_quoted(value)}"
            if value.isascii()
            else f"; {name}*=utf-8''{urllib.parse.quote(value, safe='')}"
            for name, value in self.parameters
        )
        return self.parser(text)

    def tokens(self) -> _tokens.Token:
        main = ("fixed", self.main, ())
        if not self.parameters:
            return ("unit", "", (main,))
        return ("unit", "", (main, ("fixed", ";", ()), _tokens.parameters(self.parameters)))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words(value: str, parser: Any) -> Words | None:
    """Printable text without encoded-words, and without spaces around it."""
    is_plain = value.replace("\t", " ").isprintable() and "=?" not in value and value == value.strip(" \t")
    return Words(value, parser) if is_plain else None


def token(value: str, parser: Any) -> Token | None:
    """A token of RFC 2045."""
    return Token(value, parser) if _VALUE.fullmatch(value) else None


def content_type(value: str, parser: Any) -> Parameters | None:
    """Parses `type/subtype; name=value...`."""
    main = _TYPE.match(value)
    return None if main is None else _parameters(value, main.end(), parser)


def disposition(value: str, parser: Any) -> Parameters | None:
    """Parses `attachment; name=value...`."""
    main = _VALUE.match(value)
    return None if main is None else _parameters(value, main.end(), parser)


def _parameters(value: str, end: int, parser: Any) -> Parameters | None:
    main = value[:end]
    found: list[tuple[str, str]] = []
    while end < len(value):
        parameter = _PARAMETER.match(value, end)
        if parameter is None:
            return None
        name, bare, quoted, extended = parameter.groups()
        if extended is not None:
            try:
                text = urllib.parse.unquote(extended, errors="strict")
            except UnicodeDecodeError:
                return None
            if not text.isprintable():
                return None
        else:
            text = quoted if bare is None else bare
            if not text or text != text.strip() or "=?" in text or not text.isprintable():
                return None
        if any(name.lower() == known.lower() for known, _ in found):
            return None
        found.append((name, text))
        end = parameter.end()
    return Parameters(main, found, parser)


# A comment; a quoted text, even if unterminated; a value that contains `=`.
_PIECE = re.compile(
    r'\((?:[^()\\]|\\.)*\)?|"((?:[^"\\]|\\.)*)(?:"|\Z)|=[ \t]*([^\s";()]*=[^\s";()]*)(?=[ \t]*(?:;|\Z))',
    re.DOTALL,
)
_LONE_BACKSLASH = re.compile(r'\\(["\\])|\\')


def with_clear_parameters(value: str) -> str:
    r"""The value with common errors corrected, if the meaning is clear: a value that contains `=` but has
    no quotes (`boundary=----=_Part_1`), and backslashes in quotes that don't quote anything
    (`"C:\TEMP\x"`)."""

    def clear(piece: re.Match[str]) -> str:
        quoted, bare = piece.groups()
        if bare is not None:
            return f"={_quoted(bare)}"
        if quoted is None or not piece[0].endswith('"'):
            return piece[0]
        return '"' + _LONE_BACKSLASH.sub(lambda one: one[0] if one[1] else r"\\", quoted) + '"'

    main, semicolon, parameters = value.partition(";")
    return main + semicolon + _PIECE.sub(clear, parameters)


def _mailboxes(value: str) -> Iterator[re.Match[str]]:
    """The mailboxes of a plain list."""
    at = 0
    while (mailbox := _MAILBOX.match(value, at)) is not None:
        yield mailbox
        at = mailbox.end() + 2


def is_no_address(value: str) -> bool:
    """A word with more than one @, which has no meaning."""
    return _SEVERAL_ATS.fullmatch(value) is not None


def addresses(value: str) -> list[tuple[str, str, str]] | None:
    """(display name, local part, domain) for each mailbox of a plain list."""
    found = []
    at = 0
    while (mailbox := _MAILBOX.match(value, at)) is not None:
        name, quoted, local, domain, bare_local, bare_domain = mailbox.groups()
        display = name if name is not None else quoted
        if display is not None and ("=?" in display or display != display.strip()):
            return None
        found.append((display or "", local or bare_local, domain or bare_domain))
        at = mailbox.end()
        if at == len(value):
            return found
        if not value.startswith(", ", at):
            return None
        at += 2
    return None
