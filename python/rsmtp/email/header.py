"""Header values in any mix of character sets: `email.header`."""

from __future__ import annotations

import binascii
import email.header as _standard
import re
from collections.abc import Iterable
from typing import Any

from rsmtp import _rsmtp
from rsmtp.email import _rest
from rsmtp.email import charset as _charset
from rsmtp.email._mirrored import Mirrored
from rsmtp.email.charset import Charset
from rsmtp.email.errors import HeaderParseError

__all__ = ["Header", "decode_header", "make_header"]

NL = "\n"
SPACE = " "
BSPACE = b" "
SPACE8 = " " * 8
EMPTYSTRING = ""
MAXLINELEN = 78
FWS = " \t"

USASCII = Charset("us-ascii")
UTF8 = Charset("utf-8")

_WORD = re.compile(r"=\?([^?]*?)\?([qQbB])\?(.*?)\?=", re.MULTILINE)
_ESCAPE = re.compile(r"=([0-9a-fA-F]{2})", re.ASCII)


def decode_header(header: Any) -> list[tuple[Any, str | None]]:
    """Decode the encoded-words (RFC 2047) of a value, but not their character sets.

    Returns a list of (bytes, charset) pairs, with None for text that was not encoded, or one
    (str, None) pair if nothing was encoded. Raises HeaderParseError for invalid base64.
    """
    chunks = getattr(header, "_chunks", None)
    if chunks is not None:
        return [(_charset._encode(text, str(charset)), str(charset)) for text, charset in chunks]
    if not _WORD.search(header):
        return [(header, None)]
    pieces: list[tuple[str, str | None, str | None]] = []
    for line in header.splitlines():
        at = 0
        for word in _WORD.finditer(line):
            _plain(pieces, line[at : word.start()], at == 0)
            pieces.append((word[3], word[2].lower(), word[1].lower()))
            at = word.end()
        _plain(pieces, line[at:], at == 0)
    decoded = []
    for number, (text, encoding, charset) in enumerate(pieces):
        between_words = 0 < number < len(pieces) - 1 and pieces[number - 1][1] and pieces[number + 1][1]
        if encoding is None and text.isspace() and between_words:
            continue
        decoded.append((_undone(text, encoding), charset))
    joined: list[tuple[bytes, str | None]] = []
    for data, charset in decoded:
        if joined and joined[-1][1] == charset:
            glue = BSPACE if charset is None else b""
            joined[-1] = (joined[-1][0] + glue + data, charset)
        else:
            joined.append((data, charset))
    return joined


def _plain(pieces: list[tuple[str, str | None, str | None]], text: str, is_first: bool) -> None:
    if is_first:
        text = text.lstrip()
    if text:
        pieces.append((text, None, None))


def _undone(text: str, encoding: str | None) -> bytes:
    if encoding == "q":
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text.replace("_", " "))
    if encoding != "b":
        return text.encode("raw-unicode-escape")
    missing = -len(text) % 4
    try:
        return binascii.a2b_base64((text + "=" * missing).encode("raw-unicode-escape"))
    except binascii.Error:
        raise HeaderParseError("Base64 decoding error") from None


def make_header(
    decoded_seq: Iterable[tuple[Any, Any]],
    maxlinelen: int | None = None,
    header_name: str | None = None,
    continuation_ws: str = " ",
) -> Header:
    """A Header made from the result of `decode_header`."""
    header = Header(maxlinelen=maxlinelen, header_name=header_name, continuation_ws=continuation_ws)
    for text, charset in decoded_seq:
        if charset is not None and not isinstance(charset, Charset):
            charset = Charset(charset)
        header.append(text, charset)
    return header


class Header(_standard.Header, metaclass=Mirrored):
    """A header value that may mix character sets (RFC 2047).

    `maxlinelen` (78) and the length of `header_name` determine where it is folded.
    `continuation_ws` comes before folded lines. `errors` is used when bytes are
    decoded.
    """

    def __init__(
        self,
        s: Any = None,
        charset: Any = None,
        maxlinelen: int | None = None,
        header_name: str | None = None,
        continuation_ws: str = " ",
        errors: str = "strict",
    ) -> None:
        if charset is None:
            charset = USASCII
        elif not isinstance(charset, Charset):
            charset = Charset(charset)
        self._charset = charset
        self._continuation_ws = continuation_ws
        self._chunks: list[tuple[str, Charset]] = []
        if s is not None:
            self.append(s, charset, errors)
        self._maxlinelen = MAXLINELEN if maxlinelen is None else maxlinelen
        # The colon and the space are part of the first line.
        self._headerlen = 0 if header_name is None else len(header_name) + 2

    def append(self, s: Any, charset: Any = None, errors: str = "strict") -> None:
        """Add text, or bytes in `charset`. The default is the charset of the constructor.

        Raises UnicodeError if the charset lacks these bytes or characters. Text that isn't
        ASCII and has no charset becomes UTF-8.
        """
        if charset is None:
            charset = self._charset
        elif not isinstance(charset, Charset):
            charset = Charset(charset)
        if not isinstance(s, str):
            codec = charset.input_codec or "us-ascii"
            if codec == _charset.UNKNOWN8BIT:
                s = s.decode("us-ascii", "surrogateescape")
            else:
                s = s.decode(codec, errors)
        output = charset.output_codec or "us-ascii"
        if output != _charset.UNKNOWN8BIT:
            try:
                s.encode(output, errors)
            except UnicodeEncodeError:
                if output != "us-ascii":
                    raise
                charset = UTF8
        self._chunks.append((s, charset))

    def __str__(self) -> str:
        self._normalize()
        text = ""
        before: tuple[bool, bool] | None = None  # (was ASCII, ended in a space)
        for string, charset in self._chunks:
            is_ascii = charset == "us-ascii"
            if charset == _charset.UNKNOWN8BIT:
                string = string.encode("ascii", "surrogateescape").decode("ascii", "replace")
            if before is not None:
                was_ascii, was_spaced = before
                begins_spaced = bool(string) and self._nonctext(string[0])
                if was_ascii:
                    if not is_ascii and not was_spaced:
                        text += SPACE
                elif is_ascii and not begins_spaced:
                    text += SPACE
            before = (is_ascii, bool(string) and self._nonctext(string[-1]))
            text += string
        return text

    def __eq__(self, other: object) -> bool:
        return other == str(self)

    __hash__ = None

    def _nonctext(self, character: str) -> bool:
        return character.isspace() or character in ("(", ")", "\\")

    def _normalize(self) -> None:
        """Neighbouring chunks in the same charset are merged."""
        chunks: list[tuple[str, Charset]] = []
        for string, charset in self._chunks:
            if chunks and charset == chunks[-1][1]:
                chunks[-1] = (chunks[-1][0] + SPACE + string, chunks[-1][1])
            else:
                chunks.append((string, charset))
        self._chunks = chunks

    def encode(self, splitchars: str = ";, \t", maxlinelen: int | None = None, linesep: str = "\n") -> str:
        """The value in its written form: folded, with encoded-words.

        Lines are split after the first of `splitchars` that is suitable, at `maxlinelen`
        characters (0: never), and joined by `linesep`. Raises HeaderParseError if a line would
        be read as another header.
        """
        self._normalize()
        return _rsmtp._fold_runs(
            [
                (
                    text,
                    charset.header_encoding,
                    charset.output_codec or "us-ascii",
                    charset.get_output_charset(),
                )
                for text, charset in self._chunks
            ],
            self._headerlen,
            self._maxlinelen if maxlinelen is None else maxlinelen,
            linesep,
            splitchars,
            self._continuation_ws,
        )


__getattr__ = _rest.of(__name__)
