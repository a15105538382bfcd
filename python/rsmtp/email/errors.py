"""The exceptions and defects of `email.errors`: the same classes.

Handlers written for the standard library also catch errors raised here.
"""

from __future__ import annotations

from email.errors import *
from email.errors import MessageDefect as MessageDefect
from email.errors import MessageError as MessageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    _Defect = TypeVar("_Defect", bound=MessageDefect)

try:
    from email.errors import HeaderWriteError as HeaderWriteError
except ImportError:  # before Python 3.13

    class HeaderWriteError(MessageError):  # type: ignore[no-redef]
        """A folded header would be read as more than one header."""


def found(kind: type[_Defect], *args: object) -> _Defect:
    """A defect of this kind (its class is the standard library's)."""
    made = kind.__new__(kind, *args)
    made.args = args
    made.__dict__["line"] = None
    return made
