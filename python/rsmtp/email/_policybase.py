"""The base of all policies, and the classic policy.

A policy is an immutable set of values; `clone` makes a changed copy. The engine renders
messages: it asks a policy for its kind (`_family`) and reads its values once (`_style`).
If a class overrides how fields are stored, fetched or folded, its methods are called each
time instead.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod

from rsmtp._common.arguments import has_surrogates
from rsmtp.email import _rest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Compat32", "Policy", "compat32"]

_HOOKS = {
    "header_max_count",
    "header_source_parse",
    "header_store_parse",
    "header_fetch_parse",
    "fold",
    "fold_binary",
}


class Policy(ABC):
    """Controls how a message is stored, parsed and rendered.

    raise_on_defect (False): raise defects found by a parser instead of storing them.
    linesep ("\\n"): the line end of rendered messages.
    cte_type ("8bit"): "7bit" encodes all content that isn't ASCII.
    max_line_length (78): the width at which header lines are folded; 0 or None: never.
    mangle_from_ (False): put `>` before body lines that begin with `From `.
    message_factory (None): makes the messages of a parser.
    verify_generated_headers (True): refuse a folded header that would be read as two.

    Raises TypeError for an attribute that the class doesn't have. Attributes can't be set.
    """

    __slots__ = ("__dict__", "__weakref__", "_style")

    _family = "foreign"

    raise_on_defect = False
    linesep = "\n"
    cte_type = "8bit"
    max_line_length: int | None = 78
    mangle_from_ = False
    message_factory: Any = None
    if sys.version_info >= (3, 13):  # in older versions it is always on
        verify_generated_headers = True

    def __init_subclass__(cls, **kw: Any) -> None:
        super().__init_subclass__(**kw)
        if "_family" not in cls.__dict__ and not _HOOKS.isdisjoint(cls.__dict__):
            cls._family = "foreign"

    def __init__(self, **kw: Any) -> None:
        for name, value in kw.items():
            if not hasattr(self, name):
                raise TypeError(f"{name!r} is an invalid keyword argument for {type(self).__name__}")
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(self, name):
            raise AttributeError(f"{type(self).__name__!r} object attribute {name!r} is read-only")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        return dict(self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.__dict__.items())
        return f"{type(self).__name__}({values})"

    def clone(self, **kw: Any) -> Any:
        """The same policy with other values for these attributes."""
        made = type(self).__new__(type(self))
        made.__dict__.update(self.__dict__)
        for name, value in kw.items():
            if not hasattr(self, name):
                raise TypeError(f"{name!r} is an invalid keyword argument for {type(self).__name__}")
            object.__setattr__(made, name, value)
        return made

    def __add__(self, other: Any) -> Any:
        """This policy, changed by the values that were set in the other one."""
        return self.clone(**other.__dict__)

    def handle_defect(self, obj: Any, defect: Any) -> None:
        """Raise the defect or store it, depending on `raise_on_defect`."""
        if self.raise_on_defect:
            raise defect
        self.register_defect(obj, defect)

    def register_defect(self, obj: Any, defect: Any) -> None:
        """Store a defect in `obj.defects`."""
        obj.defects.append(defect)

    def header_max_count(self, name: str) -> int | None:
        """The largest number of fields with this name; None if there is no limit."""
        return None

    @abstractmethod
    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, Any]:
        """(name, value) to store, from the source lines of a field."""
        raise NotImplementedError

    @abstractmethod
    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """(name, value) to store, for a field that a program sets."""
        raise NotImplementedError

    @abstractmethod
    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """The value that a program gets for a stored value."""
        raise NotImplementedError

    @abstractmethod
    def fold(self, name: str, value: Any) -> str:
        """A stored field as lines of text, including the last line end."""
        raise NotImplementedError

    @abstractmethod
    def fold_binary(self, name: str, value: Any) -> bytes:
        """A stored field as lines of bytes, including the last line end."""
        raise NotImplementedError


def split_source(sourcelines: list[str]) -> tuple[str, str]:
    """(name, value) of a field; its folds are kept, and its last line end is removed."""
    name, value = sourcelines[0].split(":", 1)
    value = value.lstrip(" \t") + "".join(sourcelines[1:])
    return name, value.rstrip("\r\n")


def blank_before(value: Any) -> str:
    """The text between the colon and a value: a space, unless a parser has read a value that begins on
    the next line. There the space would be white space at the end of a line."""
    return "" if isinstance(value, str) and value.startswith(("\r", "\n")) else " "


def sanitize(text: str) -> str:
    """The text with raw bytes decoded if they are UTF-8, and replaced otherwise."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Compat32(Policy):
    """Fields are stored unchanged and folded as text, as in email 5.1."""

    _family = "classic"

    mangle_from_ = True

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, Any]:
        """The name is the text before the colon. The value keeps its line folds."""
        return split_source(sourcelines)

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """The name and the value, unchanged."""
        return name, value

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """The value, or a Header of an unknown charset if it contains raw bytes."""
        if isinstance(value, str) and has_surrogates(value):
            return _header_of(name, value)
        return value

    def fold(self, name: str, value: Any) -> str:
        """The field, folded as by `Header.encode`. Raw bytes become encoded-words."""
        return self._fold(name, value, sanitize=True)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same in bytes. Raw bytes are unchanged, unless `cte_type` is "7bit"."""
        folded = self._fold(name, value, sanitize=self.cte_type == "7bit")
        return folded.encode("ascii", "surrogateescape")

    def _fold(self, name: str, value: Any, sanitize: bool) -> str:
        blank = blank_before(value)
        if isinstance(value, str) and has_surrogates(value):
            if not sanitize:
                return f"{name}:{blank}{value}{self.linesep}"
            value = _header_of(name, value)
        elif isinstance(value, str):
            from rsmtp.email.header import Header

            value = Header(value, header_name=name)
        folded = value.encode(linesep=self.linesep, maxlinelen=self.max_line_length or 0)
        return f"{name}:{blank}{folded}{self.linesep}"


def _header_of(name: str, octets: str) -> Any:
    """A Header of an unknown charset. Its modules are loaded only here, because most messages have a
    different policy."""
    from rsmtp.email.charset import UNKNOWN8BIT
    from rsmtp.email.header import Header

    return Header(octets, charset=UNKNOWN8BIT, header_name=name)


compat32 = Compat32()

__getattr__ = _rest.of(__name__)
