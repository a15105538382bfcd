"""`isinstance(m, Message)` in a file whose imports were changed, for an `m` of a file whose
imports were not: an application may hand its library objects of `email`, or the other way round.

Our classes derive from the standard library's, so theirs takes ours. The other direction is
said here: a mirror takes what its counterpart takes. A class that derives from a mirror does not.
"""

from __future__ import annotations

import sys
from abc import ABCMeta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Mirrored(ABCMeta):  # an ABCMeta, so that `class Mine(Message, abc.ABC)` has one metaclass
    # Both, because an ABCMeta remembers what it has denied.
    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance) or isinstance(instance, _counterpart(cls))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or issubclass(subclass, _counterpart(cls))


def _counterpart(cls: type) -> type | tuple[()]:
    if not cls.__module__.startswith("rsmtp.email."):
        return ()
    standard = sys.modules.get(cls.__module__.removeprefix("rsmtp."))
    found: type | tuple[()] = getattr(standard, cls.__name__, ())
    return found
