"""Makes `isinstance(m, Message)` work in a file whose imports were changed, if `m` comes from a file
with the original imports: an application and its library may exchange such objects in both directions.

Our classes derive from the standard library's, so the standard library's classes accept our
objects. For the other direction, a mirror class accepts the objects that its counterpart accepts.
A class that derives from a mirror does not.
"""

from __future__ import annotations

import sys
from abc import ABCMeta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Mirrored(ABCMeta):  # an ABCMeta, so that `class Mine(Message, abc.ABC)` has one metaclass
    # Both methods are needed, because an ABCMeta caches negative results.
    def __instancecheck__(cls, instance: Any) -> bool:
        return super().__instancecheck__(instance) or isinstance(instance, _counterpart(cls))

    def __subclasscheck__(cls, subclass: type) -> bool:
        return super().__subclasscheck__(subclass) or issubclass(subclass, _counterpart(cls))


def _counterpart(cls: type) -> type | tuple[()]:
    if not cls.__module__.startswith("rsmtp.email."):
        return ()
    standard = sys.modules.get(cls.__module__.removeprefix("rsmtp."))
    found: type | tuple[()] = getattr(standard, cls.__name__, ())
    # A program may have put the mirror in the standard module's place.
    return () if found is cls else found
