"""Types of what rsmtp is given, for annotations.

    from rsmtp.typing import Sendable

    def newsletter() -> Iterator[Sendable]: ...

The package's own signatures use them; at run time nothing else of it loads this module.
"""

import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from email.headerregistry import Address, Group
from email.message import Message as _Message
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Protocol, SupportsIndex, TypeAlias, TypeVar

from rsmtp._rsmtp import TlsConfig
from rsmtp.email import headerregistry as _ours

__all__ = [
    "Addresses",
    "AnyMessage",
    "Attachment",
    "Attachments",
    "BinaryFile",
    "Content",
    "Context",
    "Mailbox",
    "MessageData",
    "Recipients",
    "Secret",
    "Sendable",
    "Several",
    "Tls",
]

T_co = TypeVar("T_co", covariant=True)

# What is passed as `tls=`, and as `context=`.
Tls: TypeAlias = Literal["starttls", "implicit", "none"]
Context: TypeAlias = TlsConfig | ssl.SSLContext

if TYPE_CHECKING:
    AnyMessage: TypeAlias = _Message[Any, Any]
else:
    AnyMessage = _Message  # an `rsmtp.Message` is one, too

# A password or an access token, or what gives one: asked for each session, because tokens
# expire. Only an event loop can await it.
Secret: TypeAlias = str | Callable[[], str] | Callable[[], Awaitable[str]]

# -- addresses in a message ------------------------------------------------------

# "ann@example.org", "Ann <ann@example.org>", or (name, address).
Mailbox: TypeAlias = str | tuple[str, str] | Address | _ours.Address
# One or several; a text may hold several, too.
Addresses: TypeAlias = Mailbox | Group | _ours.Group | Iterable[Mailbox | Group | _ours.Group]

# -- attachments -----------------------------------------------------------------


class BinaryFile(Protocol):
    """A file that is open for reading bytes, and can seek."""

    def read(self, size: int = ..., /) -> bytes: ...
    def seek(self, offset: int, whence: int = ..., /) -> int: ...
    def tell(self) -> int: ...


class Several(Protocol[T_co]):
    """A list or a tuple: a sequence that is no str."""

    def __contains__(self, value: object, /) -> bool: ...
    def __getitem__(self, index: SupportsIndex, /) -> T_co: ...
    def __iter__(self) -> Iterator[T_co]: ...
    def __len__(self) -> int: ...
    def count(self, value: Any, /) -> int: ...


# A text is content here, and a path only where it stands in a list.
Content: TypeAlias = str | bytes | bytearray | memoryview | PathLike[str] | BinaryFile
Attachment: TypeAlias = (
    PathLike[str] | BinaryFile | AnyMessage | tuple[str, Content] | tuple[str, Content, str]
)
Attachments: TypeAlias = Mapping[str, Content | tuple[Content, str]] | Attachment | Several[str | Attachment]

# -- what is sent ----------------------------------------------------------------

# Of an envelope: one address or several; each may be (name, address).
Recipients: TypeAlias = str | Iterable[str | tuple[str, str]]
MessageData: TypeAlias = bytes | bytearray | memoryview | str | AnyMessage
# A message, or (from_addr, to_addrs, data).
Sendable: TypeAlias = AnyMessage | tuple[str | tuple[str, str], Recipients, MessageData]
