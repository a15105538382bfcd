"""The types of rsmtp's arguments, for annotations.

    from rsmtp.typing import Sendable

    def newsletter() -> Iterator[Sendable]: ...

The package's own signatures use them. At run time no other part of it loads this module.
"""

import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from email.headerregistry import Address, Group
from email.message import Message as _Message
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Protocol, SupportsIndex, TypeAlias, TypeVar

from rsmtp._rsmtp import Dkim, RenderedMessage, TlsConfig
from rsmtp.email import headerregistry as _ours
from rsmtp.envelope import Envelope
from rsmtp.invite import Invite

__all__ = [
    "Addresses",
    "AnyMessage",
    "Attachment",
    "Attachments",
    "BinaryFile",
    "Calendar",
    "CertificateSource",
    "Content",
    "Context",
    "DkimKeys",
    "Expiring",
    "Frame",
    "HasExpiry",
    "HasIcal",
    "KeySource",
    "Mailbox",
    "MessageData",
    "Picture",
    "Pictures",
    "Protector",
    "RecipientCertificates",
    "RecipientKeys",
    "Recipients",
    "Secret",
    "Secrets",
    "Sendable",
    "Several",
    "Suppression",
    "Tls",
]

T_co = TypeVar("T_co", covariant=True)


# Addresses that get no mail. A function is called with an address, and returns whether, or why, it is
# suppressed. An `rsmtp.Outbox` has its own list.
class _Suppresses(Protocol):
    def _why_suppressed(self, folded: str, /) -> str | None: ...


Suppression: TypeAlias = Iterable[str] | Callable[[str], bool | str | None] | _Suppresses

# The arguments `tls=` and `context=`.
Tls: TypeAlias = Literal["starttls", "implicit", "none"]
Context: TypeAlias = TlsConfig | ssl.SSLContext

if TYPE_CHECKING:
    AnyMessage: TypeAlias = _Message[Any, Any]
else:
    AnyMessage = _Message  # an `rsmtp.Message` is one, too


class HasExpiry(Protocol):
    """A token with a time of expiry, such as those of azure-identity."""

    @property
    def token(self) -> str: ...
    @property
    def expires_on(self) -> float: ...


# A password or token with its time of expiry, in seconds since 1970 or as a datetime with a time zone;
# None if it is unknown. Other sessions use the result until shortly before that time.
Expiring: TypeAlias = tuple[str, float | datetime | None] | HasExpiry

# A password or an access token, or a callable that returns one. It is called for each session, because
# tokens expire. Only asyncio's clients can await it. If it has the parameter `force`, it is called with
# `force=True` after the server has rejected its last result.
Secret: TypeAlias = str | Callable[[], str | Expiring] | Callable[[], Awaitable[str | Expiring]]

# The secret that seals a text. If there are several, the first one is used for new texts.
Secrets: TypeAlias = str | bytes | Iterable[str | bytes]

# The argument `dkim=`: one signature, several, or signatures by the domain of From, where "*" is any
# other domain, and None leaves its mail unsigned.
DkimKeys: TypeAlias = Dkim | Iterable[Dkim] | Mapping[str, Dkim | Iterable[Dkim] | None]

# -- addresses in a message ------------------------------------------------------

# "ann@example.org", "Ann <ann@example.org>", or (name, address).
Mailbox: TypeAlias = str | tuple[str, str] | Address | _ours.Address
# One or several; a text may also contain several.
Addresses: TypeAlias = Mailbox | Group | _ours.Group | Iterable[Mailbox | Group | _ours.Group]

# -- attachments -----------------------------------------------------------------


class BinaryFile(Protocol):
    """A file that is open for reading bytes, and can seek."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


class Several(Protocol[T_co]):
    """A list or a tuple: a sequence that is not a str."""

    def __contains__(self, value: object, /) -> bool: ...
    def __getitem__(self, index: SupportsIndex, /) -> T_co: ...
    def __iter__(self) -> Iterator[T_co]: ...
    def __len__(self) -> int: ...
    def count(self, value: Any, /) -> int: ...


class Frame(Protocol):
    """A frame of pandas or polars, for a file named .csv, .tsv or .xlsx."""

    @property
    def columns(self) -> Any: ...


# A text here is content. It is a path only if it is an item of a list.
Content: TypeAlias = str | bytes | bytearray | memoryview | PathLike[str] | BinaryFile | Frame
Attachment: TypeAlias = (
    PathLike[str] | BinaryFile | AnyMessage | tuple[str, Content] | tuple[str, Content, str]
)
Attachments: TypeAlias = Mapping[str, Content | tuple[Content, str]] | Attachment | Several[str | Attachment]

# -- invitations -----------------------------------------------------------------


class HasIcal(Protocol):
    """A calendar, or an event, of the package icalendar."""

    def to_ical(self) -> bytes: ...


class Protector(Protocol):
    """The argument of `message.protect()`, such as an `rsmtp.Smime` or an `rsmtp.OpenPgp`. An entity is
    MIME fields, an empty line and a body, with CRLF line ends, in ASCII. The result is another entity
    that contains it.

    It may also have `sign_and_encrypt(entity, recipients)`, which does both at once, and fields to add
    as octets: `outer_fields(sender)` to the message's header, `inner_fields(readers)` to the encrypted
    one."""

    def sign(self, entity: bytes, /) -> bytes: ...

    def encrypt(self, entity: bytes, recipients: list[str], /) -> bytes: ...


# A certificate or key for `rsmtp.Smime`: PEM or DER, or the file's path; and the recipients' certificates.
CertificateSource: TypeAlias = str | bytes | bytearray | memoryview | PathLike[str]
RecipientCertificates: TypeAlias = Mapping[str, CertificateSource] | Callable[[str], CertificateSource | None]

# A key for `rsmtp.OpenPgp`: armoured or binary, or the file's path; and the recipients' keys.
KeySource: TypeAlias = str | bytes | bytearray | memoryview | PathLike[str]
RecipientKeys: TypeAlias = str | PathLike[str] | Mapping[str, KeySource] | Callable[[str], KeySource | None]

Calendar: TypeAlias = Invite | HasIcal | bytes | bytearray | memoryview | str | PathLike[str]

# -- pictures in HTML --------------------------------------------------------------


class _SavesFigure(Protocol):
    """A figure of matplotlib."""

    def savefig(self, *args: Any, **kwargs: Any) -> Any: ...


class _HasFigure(Protocol):
    """Matplotlib's axes, and the grids of seaborn."""

    @property
    def figure(self) -> Any: ...


class _MakesImage(Protocol):
    """A figure of plotly."""

    def to_image(self, *args: Any, **kwargs: Any) -> bytes: ...


class _ShowsPng(Protocol):
    """An object that notebooks show as a picture, such as an image of PIL."""

    def _repr_png_(self) -> Any: ...


class _ShowsJpeg(Protocol):
    def _repr_jpeg_(self) -> Any: ...


class _ShowsItself(Protocol):
    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any: ...


# A text here is a path. Bytes in an unknown format need their type.
_Octets: TypeAlias = str | bytes | bytearray | memoryview | PathLike[str] | BinaryFile
Picture: TypeAlias = (
    _Octets
    | tuple[_Octets, str]
    | _SavesFigure
    | _HasFigure
    | _MakesImage
    | _ShowsPng
    | _ShowsJpeg
    | _ShowsItself
)
# The argument `inline=`: pictures by name, or files that the HTML may show.
Pictures: TypeAlias = Mapping[str, Picture] | Several[str | PathLike[str] | BinaryFile]

# -- what is sent ----------------------------------------------------------------

# The recipients of a transaction: one address or several; each may be (name, address).
Recipients: TypeAlias = str | Iterable[str | tuple[str, str]]
# A RenderedMessage is the result of `Message.sign` for a large message.
MessageData: TypeAlias = bytes | bytearray | memoryview | str | AnyMessage | RenderedMessage


class _Prepared(Protocol):
    """An item that is ready to be sent, or that says why it can't be: an `rsmtp.BadRow`."""

    def _prepared_for_sending(self) -> Any: ...


_Plain: TypeAlias = AnyMessage | tuple[str | tuple[str, str], Recipients, MessageData]
# A message, (from_addr, to_addrs, data), or one of them (or data alone) with an rsmtp.Envelope.
Sendable: TypeAlias = _Plain | _Prepared | tuple[_Plain | MessageData, Envelope]
