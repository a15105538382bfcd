"""Types of what rsmtp is given, for annotations.

    from rsmtp.typing import Sendable

    def newsletter() -> Iterator[Sendable]: ...

The package's own signatures use them; at run time nothing else of it loads this module.
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
    "Mailbox",
    "MessageData",
    "Picture",
    "Pictures",
    "Protector",
    "RecipientCertificates",
    "Recipients",
    "Secret",
    "Secrets",
    "Sendable",
    "Several",
    "Suppression",
    "Tls",
]

T_co = TypeVar("T_co", covariant=True)


# Addresses that get no mail: a function of one tells whether it is suppressed, or why. An
# `rsmtp.Outbox` has a list of its own.
class _Suppresses(Protocol):
    def _why_suppressed(self, folded: str, /) -> str | None: ...


Suppression: TypeAlias = Iterable[str] | Callable[[str], bool | str | None] | _Suppresses

# What is passed as `tls=`, and as `context=`.
Tls: TypeAlias = Literal["starttls", "implicit", "none"]
Context: TypeAlias = TlsConfig | ssl.SSLContext

if TYPE_CHECKING:
    AnyMessage: TypeAlias = _Message[Any, Any]
else:
    AnyMessage = _Message  # an `rsmtp.Message` is one, too


class HasExpiry(Protocol):
    """A token that says until when it is good, as those of azure-identity do."""

    @property
    def token(self) -> str: ...
    @property
    def expires_on(self) -> float: ...


# What a callable may tell with a password or token: when it expires, in seconds since 1970 or as a
# datetime with a time zone; None: not known. Until shortly before that it is used for other sessions.
Expiring: TypeAlias = tuple[str, float | datetime | None] | HasExpiry

# A password or an access token, or what gives one: asked for each session, because tokens
# expire. Only an event loop can await it. One that takes `force` is called with `force=True` when
# the server has rejected what it gave before.
Secret: TypeAlias = str | Callable[[], str | Expiring] | Callable[[], Awaitable[str | Expiring]]

# What seals a text: one secret, or several, of which the first one is used for new texts.
Secrets: TypeAlias = str | bytes | Iterable[str | bytes]

# What is passed as `dkim=`: one signature, several, or by the domain of From, where "*" is any other
# domain, and None lets its mail go unsigned.
DkimKeys: TypeAlias = Dkim | Iterable[Dkim] | Mapping[str, Dkim | Iterable[Dkim] | None]

# -- addresses in a message ------------------------------------------------------

# "ann@example.org", "Ann <ann@example.org>", or (name, address).
Mailbox: TypeAlias = str | tuple[str, str] | Address | _ours.Address
# One or several; a text may hold several, too.
Addresses: TypeAlias = Mailbox | Group | _ours.Group | Iterable[Mailbox | Group | _ours.Group]

# -- attachments -----------------------------------------------------------------


class BinaryFile(Protocol):
    """A file that is open for reading bytes, and can seek."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...


class Several(Protocol[T_co]):
    """A list or a tuple: a sequence that is no str."""

    def __contains__(self, value: object, /) -> bool: ...
    def __getitem__(self, index: SupportsIndex, /) -> T_co: ...
    def __iter__(self) -> Iterator[T_co]: ...
    def __len__(self) -> int: ...
    def count(self, value: Any, /) -> int: ...


class Frame(Protocol):
    """A frame of pandas or polars, in a file that is named .csv, .tsv or .xlsx."""

    @property
    def columns(self) -> Any: ...


# A text is content here, and a path only where it stands in a list.
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
    """What `message.protect()` takes, such as an `rsmtp.Smime`. An entity is MIME fields, an empty
    line and a body, with CRLF line ends, in ASCII; what comes back is another one that holds it."""

    def sign(self, entity: bytes, /) -> bytes: ...

    def encrypt(self, entity: bytes, recipients: list[str], /) -> bytes: ...


# A certificate or key for `rsmtp.Smime`: PEM or DER, or the file's path; and those of recipients.
CertificateSource: TypeAlias = str | bytes | bytearray | memoryview | PathLike[str]
RecipientCertificates: TypeAlias = Mapping[str, CertificateSource] | Callable[[str], CertificateSource | None]

Calendar: TypeAlias = Invite | HasIcal | bytes | bytearray | memoryview | str | PathLike[str]

# -- pictures in HTML --------------------------------------------------------------


class _SavesFigure(Protocol):
    """A figure of matplotlib."""

    def savefig(self, *args: Any, **kwargs: Any) -> Any: ...


class _HasFigure(Protocol):
    """Its axes, and the grids of seaborn."""

    @property
    def figure(self) -> Any: ...


class _MakesImage(Protocol):
    """A figure of plotly."""

    def to_image(self, *args: Any, **kwargs: Any) -> bytes: ...


class _ShowsPng(Protocol):
    """What shows itself in notebooks as a picture: an image of PIL, say."""

    def _repr_png_(self) -> Any: ...


class _ShowsJpeg(Protocol):
    def _repr_jpeg_(self) -> Any: ...


class _ShowsItself(Protocol):
    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any: ...


# A text is a path here. Of bytes in a format that is not known, the type stands beside them.
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
# What is passed as `inline=`: pictures by name, or files that the HTML may show.
Pictures: TypeAlias = Mapping[str, Picture] | Several[str | PathLike[str] | BinaryFile]

# -- what is sent ----------------------------------------------------------------

# Of a transaction: one address or several; each may be (name, address).
Recipients: TypeAlias = str | Iterable[str | tuple[str, str]]
# A RenderedMessage is what `Message.sign` gives where it is large.
MessageData: TypeAlias = bytes | bytearray | memoryview | str | AnyMessage | RenderedMessage


class _Prepared(Protocol):
    """What is ready to be sent, or tells then why it can't be: an `rsmtp.BadRow`."""

    def _prepared_for_sending(self) -> Any: ...


_Plain: TypeAlias = AnyMessage | tuple[str | tuple[str, str], Recipients, MessageData]
# A message, (from_addr, to_addrs, data), or one of them (or data alone) with an rsmtp.Envelope.
Sendable: TypeAlias = _Plain | _Prepared | tuple[_Plain | MessageData, Envelope]
