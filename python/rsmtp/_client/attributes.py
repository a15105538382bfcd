"""Attributes that smtplib's clients don't have.

Programs subclass the client and store their own attributes on it, before and after our
constructor runs. So the client never reads a name that a subclass may use. It keeps its own
values under names that begin with `_rsmtp_`, and the public names below only give access to
them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Generic, Self, TypeVar, overload

    T = TypeVar("T")
else:
    T = None

    class Generic:
        """`Setting[float]` is `Setting` at run time."""

        def __class_getitem__(cls, _: object) -> type:
            return cls


class Shown(Generic[T]):
    """A read-only attribute. If a subclass sets an attribute of the same name, its own value is
    used, because Python looks in the instance first."""

    def __init__(self, look: Callable[[Any], T]) -> None:
        self._look = look
        self.__doc__ = look.__doc__

    if TYPE_CHECKING:

        @overload
        def __get__(self, client: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, client: object, owner: type | None = None) -> T: ...

    def __get__(self, client: object | None, owner: type | None = None) -> Self | T:
        return self if client is None else self._look(client)

    if TYPE_CHECKING:  # at run time it has none, so that an instance may have its own

        def __set__(self, client: object, value: Any) -> None: ...


class Setting(Generic[T]):
    """An argument of the constructor that may be changed later.

    A value that is set before the constructor has run belongs to the subclass and is not
    changed. The same goes for a later value, if the class doesn't list the name in
    `_rsmtp_settable`.
    """

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._kept = f"_rsmtp_{name}"

    if TYPE_CHECKING:

        @overload
        def __get__(self, client: None, owner: type | None = None) -> Self: ...
        @overload
        def __get__(self, client: object, owner: type | None = None) -> T: ...

    def __get__(self, client: object | None, owner: type | None = None) -> Any:
        if client is None:
            return self
        own = vars(client)
        for name in (self._name, self._kept):
            if name in own:
                return own[name]
        raise AttributeError(f"{type(client).__name__!r} object has no attribute {self._name!r}")

    def __set__(self, client: Any, value: T) -> None:
        own = vars(client)
        ours = self._kept in own and self._name not in own and self._name in client._rsmtp_settable
        own[self._kept if ours else self._name] = value

    def __delete__(self, client: object) -> None:
        try:
            del vars(client)[self._name]
        except KeyError:
            raise AttributeError(self._name) from None
