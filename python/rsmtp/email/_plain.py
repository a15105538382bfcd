"""Header values that are plain: read and folded here, without a parse tree.

Nearly every header that a program makes is plain: words, tokens and parameters,
addresses with simple names. What isn't (comments, encoded-words, obsolete syntax) is
left to the standard library's parser, by the functions in `_tree`. The results are the
same, to the byte: the tests compare them.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator
from typing import Any

from rsmtp import _rsmtp

_PIECES = re.compile(r"([ \t]+)")

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
    """A value that needs no parse tree: its text, in pieces that aren't broken."""

    __slots__ = ("parser", "text")

    def __init__(self, text: str, parser: Any) -> None:
        self.text = text
        #: Makes the parse tree after all, for whoever wants one.
        self.parser = parser

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)

    def tree(self) -> Any:
        """The parse tree of the standard library."""
        return self.parser(self.text)

    def fold(self, name: str, linesep: str, width: int, utf8: bool) -> str | None:
        """The field, folded; None where it takes a parse tree."""
        if not self.text:
            return f"{name}:{linesep}"
        is_sendable = utf8 or self.text.isascii()
        if is_sendable and len(name) + 2 + len(self.text) <= width:
            return f"{name}: {self.text}{linesep}"
        if len(name) + 1 > width:
            return None
        lines = self._lines(name, width) if is_sendable else self._encoded_lines(name, width)
        return None if lines is None else linesep.join(lines) + linesep

    def _encoded_lines(self, name: str, width: int) -> list[str] | None:
        return None

    def _lines(self, name: str, width: int) -> list[str] | None:
        return None


class Words(Plain):
    """Unstructured text (RFC 5322 section 2.2.1)."""

    __slots__ = ()

    def _lines(self, name: str, width: int) -> list[str] | None:
        if len(self.text) + 1 <= width:
            return [name + ":", " " + self.text]
        lines = [name + ": "]
        for piece in _PIECES.split(self.text):
            if len(piece) + 1 > width:
                return None  # would have to become encoded-words
            if len(piece) <= width - len(lines[-1]):
                lines[-1] += piece
            else:
                _break(lines, piece)
        return lines

    def _encoded_lines(self, name: str, width: int) -> list[str] | None:
        encoder = EncodedLines(name + ": ", width)
        for piece in _PIECES.split(self.text):
            if not (encoder.add_plain(piece) if piece.isascii() else encoder.add_encoded(piece)):
                return None
        return encoder.lines


class EncodedLines:
    """Text on lines, what isn't ASCII in encoded-words (RFC 2047).

    An encoded-word takes in the plain words since the last one on its line, as the
    space between two of them would be lost. Where the standard library writes empty
    words or loses that space at the end of a line, this doesn't.
    """

    def __init__(self, start: str, width: int) -> None:
        self.lines = [start]
        self.name_width = len(start)
        self.width = width
        #: Where the last encoded-word of the last line begins, and what it says
        #: together with what follows it.
        self.word: tuple[int, str] | None = None
        self.ends_in_word = False
        #: The white space that the last line consists of, where the line before
        #: ends with an encoded-word: it would be lost before another.
        self.blank = ""

    def add_plain(self, piece: str) -> bool:
        """Add ASCII. False where it doesn't fit on a line of its own."""
        if len(piece) <= self.width - len(self.lines[-1]):
            self.lines[-1] += piece
            self.blank = ""
            self.ends_in_word = False
            if self.word is not None:
                self.word = (self.word[0], self.word[1] + piece)
            return True
        if len(piece) + 1 > self.width:
            return False
        _break(self.lines, piece)
        self.word = None
        self.blank = piece if self.ends_in_word and piece.isspace() else ""
        self.ends_in_word = False
        return True

    def add_encoded(self, piece: str) -> bool:
        """Add a word that isn't ASCII. False where lines are too short for any."""
        chrome = len("=?utf-8?q??=")
        if self.width <= chrome + 1:
            return False
        rest = piece
        start = len(self.lines[-1])
        if self.word is not None:
            start, before = self.word
            self.lines[-1] = self.lines[-1][:start]
            rest = before + piece
        said = ""
        rest, self.blank = self.blank + rest, ""
        while rest:
            room = self.width - len(self.lines[-1])
            taken = max(min(room - chrome, len(rest)), 0)
            while taken and len(encoded_word(rest[:taken])) > room:
                taken -= 1
            if not taken and len(self.lines[-1]) == 1:
                taken = 1  # wider than allowed, as there is no other way
            elif not taken:
                # The blank before the word goes with it to the next line, unless it
                # is the one after the name.
                is_inner = len(self.lines) > 1 or len(self.lines[0]) > self.name_width
                if is_inner and self.lines[-1][-1:] in (" ", "\t"):
                    _break(self.lines, "")
                else:
                    self.lines.append(" ")
                start, said = 1, ""
                continue
            self.lines[-1] += encoded_word(rest[:taken])
            said += rest[:taken]
            rest = rest[taken:]
            if rest:
                self.lines.append(" ")
                start, said = 1, ""
        self.word = (start, said)
        self.ends_in_word = True
        return True


def encoded_word(text: str) -> str:
    """The text as one encoded-word; Q, unless B is much shorter."""
    quoted = _rsmtp._encode_word(text, 1, "utf-8")
    if len(quoted) - 12 - (len(text.encode()) + 2) // 3 * 4 < 5:
        return quoted
    return _rsmtp._encode_word(text, 2, "utf-8")


class Token(Plain):
    """One word."""

    __slots__ = ()


class Addresses(Plain):
    """An address list (RFC 5322 section 3.4)."""

    __slots__ = ()

    def _lines(self, name: str, width: int) -> list[str] | None:
        if len(self.text) + 1 <= width:
            return [name + ":", " " + self.text]
        lines = [name + ": "]
        first = True
        for mailbox in split_addresses(self.text):
            piece = mailbox if first else " " + mailbox
            if len(piece) + 1 > width:
                return None
            if not first:
                lines[-1] += ","
            if len(piece) <= width - len(lines[-1]):
                lines[-1] += piece
            else:
                _break(lines, piece)
            first = False
        return lines


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

    def _lines(self, name: str, width: int) -> list[str] | None:
        return self._parameter_lines(name, width, True)

    def _encoded_lines(self, name: str, width: int) -> list[str] | None:
        return self._parameter_lines(name, width, False)

    def _parameter_lines(self, name: str, width: int, utf8: bool) -> list[str] | None:
        lines = [f"{name}: {self.main}"]
        if len(lines[0]) > width:
            return None
        for parameter, value in self.parameters:
            lines[-1] += ";"
            if utf8 or value.isascii():
                text = f"{parameter}={_quoted(value)}"
            else:
                text = f"{parameter}*=utf-8''{urllib.parse.quote(value, safe='')}"
            if len(lines[-1]) + len(text) + 1 < width:
                lines[-1] += " " + text
            elif len(text) + 2 <= width:
                lines.append(" " + text)
            else:
                return None  # takes several sections (RFC 2231 section 3)
        return lines


def _break(lines: list[str], piece: str) -> None:
    """Begin a line with the piece, and with the blank before it."""
    last = lines[-1]
    blank = last[-1:] if last[-1:] in (" ", "\t") else ""
    if blank:
        lines[-1] = last[:-1]
    lines.append(blank + piece)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def words(value: str, parser: Any) -> Words | None:
    """Printable text without encoded-words, and without blanks around it."""
    is_plain = value.replace("\t", " ").isprintable() and "=?" not in value and value == value.strip(" \t")
    return Words(value, parser) if is_plain else None


def token(value: str, parser: Any) -> Token | None:
    """A token of RFC 2045."""
    return Token(value, parser) if _VALUE.fullmatch(value) else None


def content_type(value: str, parser: Any) -> Parameters | None:
    """`type/subtype; name=value...`"""
    main = _TYPE.match(value)
    return None if main is None else _parameters(value, main.end(), parser)


def disposition(value: str, parser: Any) -> Parameters | None:
    """`attachment; name=value...`"""
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


def split_addresses(value: str) -> Iterator[str]:
    """The mailboxes of a plain list, as they are written."""
    at = 0
    while (mailbox := _MAILBOX.match(value, at)) is not None:
        yield mailbox[0]
        at = mailbox.end() + 2


def is_no_address(value: str) -> bool:
    """A word with more than one @: nobody's address, and nothing else either."""
    return _SEVERAL_ATS.fullmatch(value) is not None


def addresses(value: str) -> list[tuple[str, str, str]] | None:
    """(display name, local part, domain) of a plain list."""
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
