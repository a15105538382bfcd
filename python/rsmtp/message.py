"""`rsmtp.Message`: the engine's message, and an instance of `email.message.Message`."""

from __future__ import annotations

from rsmtp import _rsmtp
from rsmtp._common.late_bases import derived, late

TYPE_CHECKING = False
if TYPE_CHECKING:
    import email.message
    from collections.abc import Generator, Iterator
    from typing import Any, Self

    class Message(_rsmtp.Message, email.message.Message[Any, Any]):
        """An email message, or a part of one."""

        def __iter__(self) -> Iterator[str]: ...

        def walk(self) -> Generator[Self, None, None]: ...

else:

    @derived
    class Message(_rsmtp.Message, late("email.message", "Message")):
        __doc__ = _rsmtp.Message.__doc__
        __module__ = "rsmtp"  # where people find it, pickles too

        @property
        def __dict__(self) -> dict[str, Any]:
            """The attributes, with those that a message of the standard library keeps
            there: `mailbox.mboxMessage(message)` takes them from here. They are copies;
            what else is stored in it is an attribute of the message."""
            own = _own_attributes(self)
            own.update((name, getattr(self, name)) for name in _STATE)
            return own

        def __dir__(self) -> list[str]:
            # Without reading files, which `__dict__` does for a payload that is one.
            return sorted({*dir(type(self)), *_own_attributes(self)})


# What `email.message.Message` sets in its constructor.
_STATE = (
    "policy",
    "_headers",
    "_unixfrom",
    "_payload",
    "_charset",
    "preamble",
    "epilogue",
    "defects",
    "_default_type",
)


def _own_attributes(message: Any) -> dict[str, Any]:
    own: dict[str, Any] = _rsmtp.Message.__dict__["__dict__"].__get__(message)
    return own
