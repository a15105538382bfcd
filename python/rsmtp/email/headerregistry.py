"""Header fields as objects that know their syntax: `email.headerregistry`.

A field object is a `str`: its decoded value. Its class has two bases: `BaseHeader` or a class of
the program's, and the field's kind (`_fields.py`).
"""

from __future__ import annotations

import sys
from typing import Any

from rsmtp import _rsmtp
from rsmtp._common.arguments import has_surrogates
from rsmtp.email import _plain, _rest, _tokens, _tree
from rsmtp.email._address import Address, Group
from rsmtp.email._fields import (
    AddressHeader,
    ContentDispositionHeader,
    ContentTransferEncodingHeader,
    ContentTypeHeader,
    DateHeader,
    MessageIDHeader,
    MIMEVersionHeader,
    ParameterizedMIMEHeader,
    SingleAddressHeader,
    UniqueAddressHeader,
    UniqueDateHeader,
    UniqueSingleAddressHeader,
    UniqueUnstructuredHeader,
    UnstructuredHeader,
)
from rsmtp.email._policybase import sanitize

__all__ = [
    "Address",
    "AddressHeader",
    "BaseHeader",
    "ContentDispositionHeader",
    "ContentTransferEncodingHeader",
    "ContentTypeHeader",
    "DateHeader",
    "Group",
    "HeaderRegistry",
    "MIMEVersionHeader",
    "MessageIDHeader",
    "ParameterizedMIMEHeader",
    "SingleAddressHeader",
    "UniqueAddressHeader",
    "UniqueDateHeader",
    "UniqueSingleAddressHeader",
    "UniqueUnstructuredHeader",
    "UnstructuredHeader",
]


class BaseHeader(str):
    """The base of all field objects.

    The other base has a classmethod `parse(value, kwds)`. It stores the decoded value in
    `kwds["decoded"]`, the input for `fold` in `kwds["parse_tree"]`, and appends defects to
    the list `kwds["defects"]`. Its `init` has to accept all other keys that it stores.
    `max_count` is the largest number of such fields in a message.
    """

    _name: str
    _parse_tree: Any
    _defects: list[Any]

    def __new__(cls, name: str, value: Any) -> BaseHeader:
        kwds: dict[str, Any] = {"defects": []}
        cls.parse(value, kwds)  # type: ignore[attr-defined]
        decoded = kwds.pop("decoded")
        if not decoded.isascii() and has_surrogates(decoded):
            decoded = sanitize(decoded)
        self = str.__new__(cls, decoded)
        self.init(name, **kwds)
        return self

    def init(self, name: str, *, parse_tree: Any, defects: list[Any]) -> None:
        """Store the results of `parse`."""
        self._name = name
        self._parse_tree = parse_tree
        self._defects = defects

    @property
    def name(self) -> str:
        """The name of the field, as given."""
        return self._name

    @property
    def defects(self) -> tuple[Any, ...]:
        """The defects of the value (RFC 5322)."""
        return tuple(self._defects)

    def fold(self, *, policy: Any) -> str:
        """The whole field in lines of at most `policy.max_line_length` characters."""
        name, tree = self._name, self._parse_tree
        width = policy.max_line_length or 0
        if isinstance(tree, _plain.Plain):
            text = tree.text
            if not text:
                return f"{name}:{policy.linesep}"
            fits = len(name) + 2 + len(text) <= (width or sys.maxsize)
            if fits and "=?" not in text and (policy.utf8 or text.isascii()):
                return f"{name}: {text}{policy.linesep}"
            token: _tokens.Token | None = tree.tokens()
        else:
            token = _tokens.of_tree(tree) if tree else None
        if name.lower() in _IDENTIFIERS and not isinstance(tree, _plain.Groups):
            token = ("identifiers", str(tree), ())
        return _rsmtp._fold_tokens(name, token, policy.linesep, width, policy.utf8, _BLANK_STAYS)

    def __reduce__(self) -> Any:
        # The class was created for this field, so it is created again from its bases.
        cls = type(self)
        return _reconstruct_header, (cls.__name__, cls.__bases__, str(self)), self.__getstate__()

    @classmethod
    def _reconstruct(cls, value: str) -> Any:
        return str.__new__(cls, value)


# Before CPython 3.14 the blank after the name stayed on its line when nothing else did.
_BLANK_STAYS = sys.version_info < (3, 14)

#: Fields that contain identifiers (RFC 5322 section 3.6.4), whatever their class is.
_IDENTIFIERS = {"message-id", "resent-message-id", "in-reply-to", "references", "content-id"}


def _reconstruct_header(cls_name: str, bases: tuple[type, ...], value: str) -> Any:
    made: Any = type(cls_name, bases, {})
    return made._reconstruct(value)


_CLASSES: dict[str, type] = {
    "subject": UniqueUnstructuredHeader,
    "date": UniqueDateHeader,
    "resent-date": DateHeader,
    "orig-date": UniqueDateHeader,
    "sender": UniqueSingleAddressHeader,
    "resent-sender": SingleAddressHeader,
    "to": UniqueAddressHeader,
    "resent-to": AddressHeader,
    "cc": UniqueAddressHeader,
    "resent-cc": AddressHeader,
    "bcc": UniqueAddressHeader,
    "resent-bcc": AddressHeader,
    "from": UniqueAddressHeader,
    "resent-from": AddressHeader,
    "reply-to": UniqueAddressHeader,
    "mime-version": MIMEVersionHeader,
    "content-type": ContentTypeHeader,
    "content-disposition": ContentDispositionHeader,
    "content-transfer-encoding": ContentTransferEncodingHeader,
    "message-id": MessageIDHeader,
}


class HeaderRegistry:
    """Creates field objects: `registry(name, value)`.

    The bases of an object's class are the class that is registered for the name (or
    `default_class`) and `base_class`.
    """

    _made: dict[tuple[type, type], type] = {}

    def __init__(
        self,
        base_class: type = BaseHeader,
        default_class: type = UnstructuredHeader,
        use_default_map: bool = True,
    ) -> None:
        self.registry: dict[str, type] = dict(_CLASSES) if use_default_map else {}
        self.base_class = base_class
        self.default_class = default_class

    def map_to_type(self, name: str, cls: type) -> None:
        """Register the class for fields with this name."""
        self.registry[name.lower()] = cls

    def __getitem__(self, name: str) -> Any:
        kind = self.registry.get(name.lower(), self.default_class)
        key = (kind, self.base_class)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = type("_" + kind.__name__, (kind, self.base_class), {})
        return made

    def __call__(self, name: str, value: Any) -> Any:
        return self[name](name, value)


_default_header_map = _CLASSES  # its name in `email`
__getattr__ = _rest.of(__name__)
