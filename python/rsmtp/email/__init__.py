"""The names of the standard library's `email` package, implemented with rsmtp's messages.

`from rsmtp.email.mime.text import MIMEText` and every other import path of `email` works here.
The classes are thin layers over a single message class.
"""

from __future__ import annotations

from rsmtp import _load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any

    from rsmtp.email.message import Message
else:

    def __getattr__(name: str) -> Any:
        """A module of the package, loaded on access. `smtplib` and others load most of the standard
        library's, so programs use `email.utils.formatdate()` after only `import email`."""
        if name in __all__ or name in _OTHER_MODULES:
            return _load(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "base64mime",
    "charset",
    "encoders",
    "errors",
    "feedparser",
    "generator",
    "header",
    "iterators",
    "message",
    "message_from_binary_file",
    "message_from_bytes",
    "message_from_file",
    "message_from_string",
    "mime",
    "parser",
    "quoprimime",
    "utils",
]

_OTHER_MODULES = {
    "_encoded_words",
    "_header_value_parser",
    "_parseaddr",
    "_policybase",
    "contentmanager",
    "headerregistry",
    "policy",
}


def message_from_string(s: str, *args: Any, **kws: Any) -> Message:
    """Read a message from a string; arguments are those of `parser.Parser`."""
    from rsmtp.email.parser import Parser

    message: Message = Parser(*args, **kws).parsestr(s)
    return message


def message_from_bytes(s: bytes, *args: Any, **kws: Any) -> Message:
    """Read a message from bytes; arguments are those of `parser.BytesParser`."""
    from rsmtp.email.parser import BytesParser

    message: Message = BytesParser(*args, **kws).parsebytes(s)
    return message


def message_from_file(fp: IO[str], *args: Any, **kws: Any) -> Message:
    """Read a message from a text file; arguments are those of `parser.Parser`."""
    from rsmtp.email.parser import Parser

    message: Message = Parser(*args, **kws).parse(fp)
    return message


def message_from_binary_file(fp: IO[bytes], *args: Any, **kws: Any) -> Message:
    """Read a message from a file; arguments are those of `parser.BytesParser`."""
    from rsmtp.email.parser import BytesParser

    message: Message = BytesParser(*args, **kws).parse(fp)
    return message
