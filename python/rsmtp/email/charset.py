"""Character sets and how mail encodes them: `email.charset`."""

from __future__ import annotations

import binascii
import sys

from rsmtp import _rsmtp
from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest
from rsmtp.email._mirrored import Mirrored

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.charset import Charset as Standard
    from typing import Any
else:
    Standard = late("email.charset", "Charset")

__all__ = ["Charset", "add_alias", "add_charset", "add_codec"]

#: Quoted-printable (bodies) or Q (headers).
QP = 1
#: Base64 (bodies) or B (headers).
BASE64 = 2
#: The shorter one of the two; for headers only.
SHORTEST = 3

RFC2047_CHROME_LEN = 7
DEFAULT_CHARSET = "us-ascii"
UNKNOWN8BIT = "unknown-8bit"
EMPTYSTRING = ""

_Properties = tuple[int | None, int | None, str | None]

#: name: (header encoding, body encoding, charset to convert to). Charsets for mostly Latin
#: text use quoted-printable, because it stays readable. Other scripts use base64.
CHARSETS: dict[str, _Properties] = {
    **{f"iso-8859-{number}": (QP, QP, None) for number in (1, 2, 3, 4, 9, 10, 13, 14, 15, 16)},
    "windows-1252": (QP, QP, None),
    "viscii": (QP, QP, None),
    "us-ascii": (None, None, None),
    "big5": (BASE64, BASE64, None),
    "gb2312": (BASE64, BASE64, None),
    "euc-jp": (BASE64, None, "iso-2022-jp"),
    "shift_jis": (BASE64, None, "iso-2022-jp"),
    "iso-2022-jp": (BASE64, None, None),
    "koi8-r": (BASE64, BASE64, None),
    "utf-8": (SHORTEST, BASE64, "utf-8"),
}

_LATIN = {1: 1, 2: 2, 3: 3, 4: 4, 5: 9, 6: 10, 7: 13, 8: 14, 9: 15, 10: 16}

#: Common names: the names used in mail.
ALIASES: dict[str, str] = {
    **{f"latin_{latin}": f"iso-8859-{iso}" for latin, iso in _LATIN.items()},
    **{f"latin-{latin}": f"iso-8859-{iso}" for latin, iso in _LATIN.items()},
    "cp949": "ks_c_5601-1987",
    "euc_jp": "euc-jp",
    "euc_kr": "euc-kr",
    "ascii": "us-ascii",
}

#: Charsets whose Python codec has another name; None means that they are never converted.
CODEC_MAP: dict[str, str | None] = {"us-ascii": None}

_SHIPPED = dict(CHARSETS)


def _is_as_shipped(name: str) -> bool:
    """Whether the defaults for this charset are unchanged (used by constructors)."""
    return _properties(name) == _SHIPPED[name] and name not in ALIASES


def _properties(name: str) -> _Properties | None:
    """How mail encodes this charset: what was set here, or what another part of the program has set in
    the standard library's `email.charset` for all mail."""
    own = CHARSETS.get(name)
    standard = sys.modules.get("email.charset")
    if standard is None or own is not _SHIPPED.get(name):
        return own
    # Another thread may be loading it, and nothing has been set in it yet.
    theirs: _Properties | None = getattr(standard, "CHARSETS", CHARSETS).get(name, own)
    return theirs


def add_charset(
    charset: str,
    header_enc: int | None = None,
    body_enc: int | None = None,
    output_charset: str | None = None,
) -> None:
    """Set how mail encodes a charset: QP, BASE64, SHORTEST (headers only) or None.

    Text is converted to `output_charset` if that is given. Raises ValueError for SHORTEST
    as a body encoding.
    """
    if body_enc == SHORTEST:
        raise ValueError("SHORTEST not allowed for body_enc")
    CHARSETS[charset] = (header_enc, body_enc, output_charset)


def add_alias(alias: str, canonical: str) -> None:
    """Add an alias for a charset."""
    ALIASES[alias] = canonical


def add_codec(charset: str, codecname: str | None) -> None:
    """Set the Python codec of a charset."""
    CODEC_MAP[charset] = codecname


def _name_in_mail(name: str) -> str:
    """The name that mail has for a charset. Since CPython 3.15 every name of its codec has one
    ("latin1" is "iso-8859-1", gh-53144); the table of them is the standard library's."""
    if name in ALIASES or name in CHARSETS or sys.version_info < (3, 15):
        return ALIASES.get(name, name)
    from rsmtp._common.standard import standard

    found: str = standard("email.charset").Charset(name).input_charset
    return found


def _encode(string: str, codec: str) -> bytes:
    if codec == UNKNOWN8BIT:
        return string.encode("ascii", "surrogateescape")
    return string.encode(codec)


@derived
class Charset(Standard, metaclass=Mirrored):
    """A character set, and how mail encodes it.

    `input_charset` and `output_charset` are names, `input_codec` and `output_codec`
    the Python codecs for them (None: no conversion), `header_encoding` and
    `body_encoding` QP, BASE64, SHORTEST or None. Raises CharsetError for a name that isn't
    ASCII.
    """

    def __init__(self, input_charset: str | bytes = DEFAULT_CHARSET) -> None:
        try:
            if isinstance(input_charset, str):
                input_charset.encode("ascii")
                name = input_charset
            else:
                name = str(input_charset, "ascii")
        except UnicodeError:
            from rsmtp.email import errors

            raise errors.CharsetError(input_charset) from None
        name = name.lower()
        self.input_charset = _name_in_mail(name)
        properties = _properties(self.input_charset) or (SHORTEST, BASE64, None)
        self.header_encoding: int | None  # type: ignore[assignment]
        self.body_encoding: int | None  # type: ignore[assignment]
        self.header_encoding, self.body_encoding, output = properties
        output = output or self.input_charset
        self.output_charset: str = ALIASES.get(output, output)
        self.input_codec = CODEC_MAP.get(self.input_charset, self.input_charset)
        self.output_codec = CODEC_MAP.get(self.output_charset, self.output_charset)

    def __repr__(self) -> str:
        return self.input_charset.lower()

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other).lower()

    # It is equal to its name, but not hashable, as in `email.charset`.
    __hash__ = None

    def get_body_encoding(self) -> str | Callable[[Any], None]:
        """ "quoted-printable", "base64", or a function that encodes the message."""
        assert self.body_encoding != SHORTEST
        if self.body_encoding == QP:
            return "quoted-printable"
        if self.body_encoding == BASE64:
            return "base64"
        from rsmtp.email.encoders import encode_7or8bit

        return encode_7or8bit

    def get_output_charset(self) -> str:
        """The charset to name in the message."""
        return self.output_charset or self.input_charset

    def header_encode(self, string: str) -> str:
        """The string as one encoded-word (RFC 2047), if this charset needs one."""
        codec = self.output_codec or "us-ascii"
        return _rsmtp._encode_word(string, self.header_encoding, codec)

    def header_encode_lines(self, string: str, maxlengths: Iterator[int]) -> list[str | None]:
        """The string as encoded-words; each fits the next of the given line lengths.

        The first is None if no part of the string fits on the first line.
        """
        codec = self.output_codec or "us-ascii"
        return _rsmtp._encode_words(
            string, self.header_encoding, codec, self.get_output_charset(), maxlengths
        )

    def body_encode(self, string: str | bytes | None) -> Any:
        """The encoded body: ASCII text, or lines of base64 or quoted-printable."""
        if not string:
            return string
        data = string.encode(self.output_charset) if isinstance(string, str) else string
        if self.body_encoding == BASE64:
            return "".join(
                binascii.b2a_base64(data[at : at + 57]).decode("ascii") for at in range(0, len(data), 57)
            )
        if self.body_encoding == QP:
            return _rsmtp._quoted_printable(data)
        return data.decode("ascii") if isinstance(string, str) else string


__getattr__ = _rest.of(__name__)
