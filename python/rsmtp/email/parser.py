"""Parses messages: `email.parser`."""

from __future__ import annotations

from io import StringIO, TextIOWrapper
from typing import Any

from rsmtp.email import _rest
from rsmtp.email._policybase import compat32
from rsmtp.email.feedparser import BytesFeedParser, FeedParser

__all__ = [
    "BytesFeedParser",
    "BytesHeaderParser",
    "BytesParser",
    "FeedParser",
    "HeaderParser",
    "Parser",
]


class Parser:
    """Parses a message from text. `_class` creates the message; the default is the policy's
    factory. The default `policy` is compat32."""

    def __init__(self, _class: Any = None, *, policy: Any = compat32) -> None:
        self._class = _class
        self.policy = policy

    def parse(self, fp: Any, headersonly: bool = False) -> Any:
        """The message in a text file. With `headersonly`, its body stays one text."""
        feeder: Any = FeedParser(self._class, policy=self.policy)
        if headersonly:
            feeder._set_headersonly()
        while data := fp.read(8192):
            feeder.feed(data)
        return feeder.close()

    def parsestr(self, text: str, headersonly: bool = False) -> Any:
        """The message in a string."""
        return self.parse(StringIO(text), headersonly=headersonly)


class HeaderParser(Parser):
    """Parses only the fields; the body stays one text."""

    def parse(self, fp: Any, headersonly: bool = True) -> Any:
        return Parser.parse(self, fp, True)

    def parsestr(self, text: str, headersonly: bool = True) -> Any:
        return Parser.parsestr(self, text, True)


class BytesParser:
    """Parses a message from bytes; arguments are those of Parser."""

    def __init__(self, *args: Any, **kw: Any) -> None:
        self.parser = Parser(*args, **kw)

    def parse(self, fp: Any, headersonly: bool = False) -> Any:
        """The message in a binary file."""
        wrapped = TextIOWrapper(fp, encoding="ascii", errors="surrogateescape")
        try:
            return self.parser.parse(wrapped, headersonly)
        finally:
            wrapped.detach()

    def parsebytes(self, text: bytes | bytearray, headersonly: bool = False) -> Any:
        """The message in bytes."""
        return self.parser.parsestr(text.decode("ascii", "surrogateescape"), headersonly)


class BytesHeaderParser(BytesParser):
    """Parses only the fields; the body stays one payload."""

    def parse(self, fp: Any, headersonly: bool = True) -> Any:
        return BytesParser.parse(self, fp, headersonly=True)

    def parsebytes(self, text: bytes | bytearray, headersonly: bool = True) -> Any:
        return BytesParser.parsebytes(self, text, headersonly=True)


__getattr__ = _rest.of(__name__)
