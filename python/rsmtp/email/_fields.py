"""The kinds of header fields: the syntax of each, and the attributes that it provides.

A field object's class has two bases: one from here, and `headerregistry.BaseHeader`, which describes
the interface. `_plain` reads plain values, and the standard library's parser all others.
"""

from __future__ import annotations

import re
from datetime import datetime as _Moment
from types import MappingProxyType
from typing import Any

from rsmtp.email import _decoding, _plain, _tree, errors, utils
from rsmtp.email._address import Address, Group
from rsmtp.email._policybase import sanitize


def _read(parser: Any, value: str, kwds: dict[str, Any], use: Any = str) -> Any:
    """The parse tree of a value. If the standard library's parser fails on the value, or `use` can't
    read the tree, the value is treated as text with a defect."""
    try:
        tree = parser(value)
        use(tree)
        defects = tree.all_defects
    except Exception as error:
        if isinstance(error, errors.MessageDefect):
            defect = error
        else:
            defect = errors.found(errors.InvalidHeaderDefect, "the value makes no sense (RFC 5322)")
        kwds["defects"].append(defect)
        return _plain.Words(value, parser)
    # Defects of unstructured text are not reported, because they don't matter to readers.
    if tree.token_type != "unstructured":
        kwds["defects"].extend(defects)
    return tree


def _text(value: Any) -> Any:
    """The value as text. None and other empty values become an empty text, as in the standard
    library's parser, because scripts set fields to values that they don't have."""
    return value if value or isinstance(value, str) else ""


def _groups(tree: Any) -> list[Group]:
    return [
        Group(
            address.display_name,
            [
                Address(box.display_name or "", box.local_part or "", box.domain or "")
                for box in address.all_mailboxes
            ],
        )
        for address in tree.addresses
    ]


def _params(tree: Any) -> dict[str, str]:
    return {sanitize(name).lower(): sanitize(value) for name, value in tree.params or ()}


class UnstructuredHeader:
    """Unstructured text (RFC 5322 section 2.2.1)."""

    max_count: int | None = None
    value_parser = staticmethod(_tree.unstructured)

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        value = _text(value)
        tree = _plain.words(value, cls.value_parser)
        if tree is None and not _decoding.has_broken_words(value):
            tree = _read(cls.value_parser, value, kwds)
        kwds["parse_tree"] = tree or _plain.Words(_decoding.decoded(value), cls.value_parser)
        kwds["decoded"] = str(kwds["parse_tree"])


class UniqueUnstructuredHeader(UnstructuredHeader):
    max_count = 1


class DateHeader:
    """A date (RFC 5322 section 3.3). `datetime` is None if the value is not a date."""

    max_count: int | None = None
    value_parser = staticmethod(_tree.unstructured)

    _datetime: _Moment | None

    @classmethod
    def parse(cls, value: Any, kwds: dict[str, Any]) -> None:
        kwds["datetime"] = None
        kwds["parse_tree"] = _plain.Words("", cls.value_parser)
        if not value:
            kwds["defects"].append(errors.found(errors.HeaderMissingRequiredValue))
            kwds["decoded"] = ""
            return
        if isinstance(value, str):
            kwds["decoded"] = value
            try:
                value = utils.parsedate_to_datetime(value)
            except ValueError:
                defect = errors.found(errors.InvalidDateDefect, "Invalid date value or format")
                kwds["defects"].append(defect)
                # The text is kept unchanged; the standard library would write an empty field.
                kwds["parse_tree"] = _plain.Words(kwds["decoded"], cls.value_parser)
                return
        kwds["datetime"] = value
        kwds["decoded"] = utils.format_datetime(value)
        kwds["parse_tree"] = _plain.Words(kwds["decoded"], cls.value_parser)

    def init(self, *args: Any, **kw: Any) -> None:
        self._datetime = kw.pop("datetime")
        super().init(*args, **kw)  # type: ignore[misc]

    @property
    def datetime(self) -> _Moment | None:
        return self._datetime


class UniqueDateHeader(DateHeader):
    max_count = 1


class AddressHeader:
    """Addresses and groups of them (RFC 5322 section 3.4)."""

    max_count: int | None = None
    value_parser = staticmethod(_tree.address_list)

    _groups: tuple[Group, ...]
    _addresses: tuple[Any, ...] | None

    @classmethod
    def parse(cls, value: Any, kwds: dict[str, Any]) -> None:
        if not isinstance(value, str):
            items = value if hasattr(value, "__iter__") else [value]
            kwds["groups"] = groups = [
                item if hasattr(item, "addresses") else Group(None, [item]) for item in items
            ]
            kwds["decoded"] = decoded = ", ".join(map(str, groups))
            if all(hasattr(one, "addr_spec") for group in groups for one in group.addresses):
                kwds["parse_tree"] = _plain.Groups(decoded, groups, cls.value_parser)
            elif _plain.addresses(decoded) is not None:
                kwds["parse_tree"] = _plain.Addresses(decoded, cls.value_parser)
            else:
                kwds["parse_tree"] = _read(cls.value_parser, decoded, kwds)
            return
        plain = _plain.addresses(value)
        if plain is not None:
            kwds["groups"] = [Group(None, [Address(*parts)]) for parts in plain]
            kwds["parse_tree"] = _plain.Addresses(value, cls.value_parser)
        elif _plain.is_no_address(value):
            kwds["groups"] = [Group(None, [Address()])]
            kwds["parse_tree"] = _plain.Addresses(value, cls.value_parser)
            defect = errors.found(errors.InvalidHeaderDefect, "invalid address in address-list")
            kwds["defects"] = [defect]
        else:
            joined = _decoding.join_words(value) if "?=" in value else value
            kwds["parse_tree"] = tree = _read(cls.value_parser, joined, kwds, _groups)
            if isinstance(tree, _plain.Plain):
                kwds["groups"] = []
                kwds["decoded"] = value
                return
            kwds["groups"] = _groups(tree)
        kwds["decoded"] = ", ".join(map(str, kwds["groups"]))

    def init(self, *args: Any, **kw: Any) -> None:
        self._groups = tuple(kw.pop("groups"))
        self._addresses = None
        super().init(*args, **kw)  # type: ignore[misc]

    @property
    def groups(self) -> tuple[Group, ...]:
        """All entries of the list; an address outside a group becomes a group without a name."""
        return self._groups

    @property
    def addresses(self) -> tuple[Any, ...]:
        """All addresses, including those in groups."""
        if self._addresses is None:
            self._addresses = tuple(a for group in self._groups for a in group.addresses)
        return self._addresses


class UniqueAddressHeader(AddressHeader):
    max_count = 1


class SingleAddressHeader(AddressHeader):
    @property
    def address(self) -> Any:
        """The only address. Raises ValueError if there is not exactly one."""
        if len(self.addresses) != 1:
            name = getattr(self, "name", "")
            raise ValueError(f"value of single address header {name} is not a single address")
        return self.addresses[0]


class UniqueSingleAddressHeader(SingleAddressHeader):
    max_count = 1


class MIMEVersionHeader:
    """The version, such as `1.0` (RFC 2045 section 4)."""

    max_count: int | None = 1
    value_parser = staticmethod(_tree.mime_version)

    _version: str | None
    _major: int | None
    _minor: int | None

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        value = _text(value)
        plain = re.fullmatch(r"(\d+)\.(\d+)", value, re.ASCII)
        if plain:
            kwds["parse_tree"] = _plain.Token(value, cls.value_parser)
            kwds["major"], kwds["minor"] = int(plain[1]), int(plain[2])
        else:
            kwds["parse_tree"] = tree = _read(cls.value_parser, value, kwds)
            known = getattr(tree, "minor", None) is not None
            kwds["major"], kwds["minor"] = (tree.major, tree.minor) if known else (None, None)
        kwds["decoded"] = str(kwds["parse_tree"])
        known = kwds["minor"] is not None
        kwds["version"] = f"{kwds['major']}.{kwds['minor']}" if known else None

    def init(self, *args: Any, **kw: Any) -> None:
        self._version = kw.pop("version")
        self._major = kw.pop("major")
        self._minor = kw.pop("minor")
        super().init(*args, **kw)  # type: ignore[misc]

    @property
    def major(self) -> int | None:
        return self._major

    @property
    def minor(self) -> int | None:
        return self._minor

    @property
    def version(self) -> str | None:
        return self._version


class ParameterizedMIMEHeader:
    """A main value and parameters (RFC 2045 section 5.1)."""

    max_count: int | None = 1
    value_parser: Any = staticmethod(_tree.content_disposition)
    _read_plain: Any = staticmethod(_plain.disposition)

    _params: dict[str, str]

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        value = _text(value)
        plain = cls._read_plain(value, cls.value_parser)
        if plain is not None:
            kwds["parse_tree"] = plain
            kwds["decoded"] = plain.text
            kwds["params"] = {name.lower(): value for name, value in plain.parameters}
            return
        readable = _plain.with_clear_parameters(value)
        kwds["parse_tree"] = tree = _read(cls.value_parser, readable, kwds, _params)
        kwds["decoded"] = value if isinstance(tree, _plain.Plain) else str(tree)
        kwds["params"] = {} if isinstance(tree, _plain.Plain) else _params(tree)

    def init(self, *args: Any, **kw: Any) -> None:
        self._params = kw.pop("params")
        super().init(*args, **kw)  # type: ignore[misc]

    @property
    def params(self) -> MappingProxyType[str, str]:
        """The parameters, with names in lower case."""
        return MappingProxyType(self._params)


class ContentTypeHeader(ParameterizedMIMEHeader):
    """For example `text/plain; charset="utf-8"`."""

    value_parser = staticmethod(_tree.content_type)
    _read_plain = staticmethod(_plain.content_type)

    _parse_tree: Any

    def init(self, *args: Any, **kw: Any) -> None:
        super().init(*args, **kw)
        tree = self._parse_tree
        if isinstance(tree, _plain.Parameters):
            self._maintype, _, self._subtype = tree.main.strip().lower().partition("/")
        elif isinstance(tree, _plain.Plain):
            self._maintype, self._subtype = "text", "plain"
        else:
            self._maintype, self._subtype = sanitize(tree.maintype), sanitize(tree.subtype)

    @property
    def maintype(self) -> str:
        return self._maintype

    @property
    def subtype(self) -> str:
        return self._subtype

    @property
    def content_type(self) -> str:
        return f"{self.maintype}/{self.subtype}"


class ContentDispositionHeader(ParameterizedMIMEHeader):
    """For example `attachment; filename="name"` (RFC 2183)."""

    _parse_tree: Any

    def init(self, *args: Any, **kw: Any) -> None:
        super().init(*args, **kw)
        tree = self._parse_tree
        if isinstance(tree, _plain.Parameters):
            self._content_disposition: str | None = tree.main.lower()
        elif isinstance(tree, _plain.Plain):
            self._content_disposition = None
        else:
            found = tree.content_disposition
            self._content_disposition = None if found is None else sanitize(found)

    @property
    def content_disposition(self) -> str | None:
        return self._content_disposition


class ContentTransferEncodingHeader:
    """For example `base64` (RFC 2045 section 6)."""

    max_count: int | None = 1
    value_parser = staticmethod(_tree.content_transfer_encoding)

    _parse_tree: Any

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        value = _text(value)
        kwds["parse_tree"] = tree = _plain.token(value, cls.value_parser)
        if tree is None:
            kwds["parse_tree"] = tree = _read(cls.value_parser, value, kwds)
        kwds["decoded"] = str(tree)

    def init(self, *args: Any, **kw: Any) -> None:
        super().init(*args, **kw)  # type: ignore[misc]
        tree = self._parse_tree
        is_plain = isinstance(tree, _plain.Plain)
        self._cte = tree.text.lower() if is_plain else sanitize(tree.cte)

    @property
    def cte(self) -> str:
        return self._cte


class MessageIDHeader:
    """An identifier, `<left@right>` (RFC 5322 section 3.6.4)."""

    max_count: int | None = 1
    value_parser = staticmethod(_tree.message_id)

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        value = _text(value)
        kwds["parse_tree"] = tree = _read(cls.value_parser, value, kwds)
        kwds["decoded"] = read = str(tree)
        # Text after the identifier does not belong to it, but is written nevertheless.
        if "=?" not in value and not "".join(read.split()).startswith("".join(value.split())):
            kwds["parse_tree"] = _plain.Words(value, cls.value_parser)
