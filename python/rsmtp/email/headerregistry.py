"""Header fields as objects that know their syntax: `email.headerregistry`.

A field object is a `str`, its value decoded. Plain values are handled by `_plain`,
the others by the standard library's parser.
"""

from __future__ import annotations

import re
import sys
from datetime import datetime as _Moment
from types import MappingProxyType
from typing import Any

from rsmtp.email import _plain, _tree, errors, utils
from rsmtp.email._policybase import has_surrogates

__all__ = ["Address", "BaseHeader", "Group", "HeaderRegistry"]

_SPECIALS = frozenset('()<>@,:;."[]\\')
_DOT_ATOM_ENDS = frozenset('()<>@,:;"[]\\ \t')


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _sanitize(text: str) -> str:
    """Raw bytes in a text, decoded if they are UTF-8 and replaced if not."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Address:
    """An address: display name, user name, domain; or an addr_spec instead of the last
    two, quoted as RFC 5322 says.

    ValueError for CR or LF and for a wrong addr_spec, TypeError for both forms at once.
    """

    def __init__(
        self,
        display_name: str = "",
        username: str = "",
        domain: str = "",
        addr_spec: str | None = None,
    ) -> None:
        for part in (display_name, username, domain, addr_spec):
            if part and ("\r" in part or "\n" in part):
                raise ValueError("invalid arguments; address parts cannot contain CR or LF")
        if addr_spec is not None:
            if username or domain:
                raise TypeError("addrspec specified when username and/or domain also specified")
            plain = _plain.addresses(addr_spec)
            if plain is not None and len(plain) == 1 and plain[0][0] == "" and "<" not in addr_spec:
                _, username, domain = plain[0]
            else:
                username, domain = _parsed_addr_spec(addr_spec)
        self._display_name = display_name
        self._username = username
        self._domain = domain

    @property
    def display_name(self) -> str:
        return self._display_name

    @property
    def username(self) -> str:
        return self._username

    @property
    def domain(self) -> str:
        return self._domain

    @property
    def addr_spec(self) -> str:
        """`username@domain`, the user name quoted where it has to be."""
        local = self.username
        if not _DOT_ATOM_ENDS.isdisjoint(local):
            local = _quote(local)
        if self.domain:
            return f"{local}@{self.domain}"
        return local or "<>"

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(display_name={self.display_name!r}, "
            f"username={self.username!r}, domain={self.domain!r})"
        )

    def __str__(self) -> str:
        name = self.display_name
        if not _SPECIALS.isdisjoint(name):
            name = _quote(name)
        if name:
            spec = "" if self.addr_spec == "<>" else self.addr_spec
            return f"{name} <{spec}>"
        return self.addr_spec

    def __eq__(self, other: object) -> bool:
        if not hasattr(other, "addr_spec") or not hasattr(other, "display_name"):
            return NotImplemented
        return (self.display_name, self.username, self.domain) == (
            other.display_name,
            getattr(other, "username", None),
            getattr(other, "domain", None),
        )

    __hash__ = None  # type: ignore[assignment]


def _parsed_addr_spec(text: str) -> tuple[str, str]:
    spec, rest = _tree.addr_spec(text)
    if rest:
        raise ValueError(f"Invalid addr_spec; only '{spec}' could be parsed from '{text}'")
    if spec.all_defects:
        raise spec.all_defects[0]
    return spec.local_part, spec.domain


class Group:
    """Addresses under a name; with a name of None, addresses that are no group."""

    def __init__(self, display_name: str | None = None, addresses: Any = None) -> None:
        self._display_name = display_name
        self._addresses: tuple[Any, ...] = tuple(addresses) if addresses else ()

    @property
    def display_name(self) -> str | None:
        return self._display_name

    @property
    def addresses(self) -> tuple[Any, ...]:
        return self._addresses

    def __repr__(self) -> str:
        return f"{type(self).__name__}(display_name={self.display_name!r}, addresses={self.addresses!r}"

    def __str__(self) -> str:
        if self.display_name is None and len(self.addresses) == 1:
            return str(self.addresses[0])
        name = self.display_name
        if name is not None and not _SPECIALS.isdisjoint(name):
            name = _quote(name)
        members = ", ".join(map(str, self.addresses))
        return f"{name}: {members};" if members else f"{name}:;"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Group):
            return NotImplemented
        return self.display_name == other.display_name and self.addresses == other.addresses

    __hash__ = None  # type: ignore[assignment]


class BaseHeader(str):
    """The base of all field objects.

    A class beside it has a classmethod `parse(value, kwds)`, which puts the value
    decoded into `kwds["decoded"]`, what `fold` needs into `kwds["parse_tree"]` and what
    is wrong into the list `kwds["defects"]`. Whatever else it puts there its `init`
    has to take. `max_count` is how many such fields a message may have.
    """

    _name: str
    _parse_tree: Any
    _defects: list[Any]

    def __new__(cls, name: str, value: Any) -> BaseHeader:
        kwds: dict[str, Any] = {"defects": []}
        cls.parse(value, kwds)  # type: ignore[attr-defined]
        decoded = kwds.pop("decoded")
        if not decoded.isascii() and has_surrogates(decoded):
            decoded = _sanitize(decoded)
        self = str.__new__(cls, decoded)
        self.init(name, **kwds)
        return self

    def init(self, name: str, *, parse_tree: Any, defects: list[Any]) -> None:
        """Keep what `parse` found."""
        self._name = name
        self._parse_tree = parse_tree
        self._defects = defects

    @property
    def name(self) -> str:
        """The name of the field, as it was given."""
        return self._name

    @property
    def defects(self) -> tuple[Any, ...]:
        """What is wrong with the value (RFC 5322)."""
        return tuple(self._defects)

    def fold(self, *, policy: Any) -> str:
        """The whole field in lines of at most `policy.max_line_length` characters."""
        tree = self._parse_tree
        if isinstance(tree, _plain.Plain):
            width = policy.max_line_length or sys.maxsize
            folded = tree.fold(self._name, policy.linesep, width, policy.utf8)
            if folded is not None:
                return folded
            tree = tree.tree()
        return _tree.fold(self._name, tree, policy)

    def __reduce__(self) -> Any:
        # The class was made for this field: it is made again from its parts.
        cls = type(self)
        return _reconstruct_header, (cls.__name__, cls.__bases__, str(self)), self.__getstate__()

    @classmethod
    def _reconstruct(cls, value: str) -> Any:
        return str.__new__(cls, value)


def _reconstruct_header(cls_name: str, bases: tuple[type, ...], value: str) -> Any:
    made: Any = type(cls_name, bases, {})
    return made._reconstruct(value)


class UnstructuredHeader:
    """Text for people (RFC 5322 section 2.2.1)."""

    max_count: int | None = None
    value_parser = staticmethod(_tree.unstructured)

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        tree = _plain.words(value, cls.value_parser) or cls.value_parser(value)
        kwds["parse_tree"] = tree
        kwds["decoded"] = str(tree)


class UniqueUnstructuredHeader(UnstructuredHeader):
    max_count = 1


class DateHeader:
    """A time (RFC 5322 section 3.3); `datetime` is it, None where the value isn't one."""

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
            plain = _plain.addresses(decoded)
            kwds["parse_tree"] = (
                cls.value_parser(decoded) if plain is None else _plain.Addresses(decoded, cls.value_parser)
            )
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
            kwds["parse_tree"] = tree = cls.value_parser(value)
            kwds["groups"] = [
                Group(
                    address.display_name,
                    [
                        Address(box.display_name or "", box.local_part or "", box.domain or "")
                        for box in address.all_mailboxes
                    ],
                )
                for address in tree.addresses
            ]
            kwds["defects"] = list(tree.all_defects)
        kwds["decoded"] = ", ".join(map(str, kwds["groups"]))

    def init(self, *args: Any, **kw: Any) -> None:
        self._groups = tuple(kw.pop("groups"))
        self._addresses = None
        super().init(*args, **kw)  # type: ignore[misc]

    @property
    def groups(self) -> tuple[Group, ...]:
        """Everything in the list, addresses outside groups as groups without a name."""
        return self._groups

    @property
    def addresses(self) -> tuple[Any, ...]:
        """All addresses, those in groups too."""
        if self._addresses is None:
            self._addresses = tuple(a for group in self._groups for a in group.addresses)
        return self._addresses


class UniqueAddressHeader(AddressHeader):
    max_count = 1


class SingleAddressHeader(AddressHeader):
    @property
    def address(self) -> Any:
        """The one address. ValueError where there isn't exactly one."""
        if len(self.addresses) != 1:
            name = getattr(self, "name", "")
            raise ValueError(f"value of single address header {name} is not a single address")
        return self.addresses[0]


class UniqueSingleAddressHeader(SingleAddressHeader):
    max_count = 1


class MIMEVersionHeader:
    """`1.0` (RFC 2045 section 4)."""

    max_count: int | None = 1
    value_parser = staticmethod(_tree.mime_version)

    _version: str | None
    _major: int | None
    _minor: int | None

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        plain = re.fullmatch(r"(\d+)\.(\d+)", value, re.ASCII)
        if plain:
            kwds["parse_tree"] = _plain.Token(value, cls.value_parser)
            kwds["major"], kwds["minor"] = int(plain[1]), int(plain[2])
        else:
            kwds["parse_tree"] = tree = cls.value_parser(value)
            kwds["defects"].extend(tree.all_defects)
            kwds["major"] = None if tree.minor is None else tree.major
            kwds["minor"] = tree.minor
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
        plain = cls._read_plain(value, cls.value_parser)
        if plain is not None:
            kwds["parse_tree"] = plain
            kwds["decoded"] = plain.text
            kwds["params"] = {name.lower(): value for name, value in plain.parameters}
            return
        kwds["parse_tree"] = tree = cls.value_parser(value)
        kwds["decoded"] = str(tree)
        kwds["defects"].extend(tree.all_defects)
        kwds["params"] = {_sanitize(name).lower(): _sanitize(value) for name, value in tree.params or ()}

    def init(self, *args: Any, **kw: Any) -> None:
        self._params = kw.pop("params")
        super().init(*args, **kw)  # type: ignore[misc]

    @property
    def params(self) -> MappingProxyType[str, str]:
        """The parameters, names in lower case."""
        return MappingProxyType(self._params)


class ContentTypeHeader(ParameterizedMIMEHeader):
    """`text/plain; charset="utf-8"`"""

    value_parser = staticmethod(_tree.content_type)
    _read_plain = staticmethod(_plain.content_type)

    _parse_tree: Any

    def init(self, *args: Any, **kw: Any) -> None:
        super().init(*args, **kw)
        tree = self._parse_tree
        if isinstance(tree, _plain.Parameters):
            self._maintype, _, self._subtype = tree.main.strip().lower().partition("/")
        else:
            self._maintype, self._subtype = _sanitize(tree.maintype), _sanitize(tree.subtype)

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
    """`attachment; filename="name"` (RFC 2183)"""

    _parse_tree: Any

    def init(self, *args: Any, **kw: Any) -> None:
        super().init(*args, **kw)
        tree = self._parse_tree
        if isinstance(tree, _plain.Parameters):
            self._content_disposition: str | None = tree.main.lower()
        else:
            found = tree.content_disposition
            self._content_disposition = None if found is None else _sanitize(found)

    @property
    def content_disposition(self) -> str | None:
        return self._content_disposition


class ContentTransferEncodingHeader:
    """`base64` and its like (RFC 2045 section 6)."""

    max_count: int | None = 1
    value_parser = staticmethod(_tree.content_transfer_encoding)

    _parse_tree: Any

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"] = tree = _plain.token(value, cls.value_parser)
        if tree is None:
            kwds["parse_tree"] = tree = cls.value_parser(value)
            kwds["defects"].extend(tree.all_defects)
        kwds["decoded"] = str(tree)

    def init(self, *args: Any, **kw: Any) -> None:
        super().init(*args, **kw)  # type: ignore[misc]
        tree = self._parse_tree
        is_plain = isinstance(tree, _plain.Plain)
        self._cte = tree.text.lower() if is_plain else _sanitize(tree.cte)

    @property
    def cte(self) -> str:
        return self._cte


class MessageIDHeader:
    """`<left@right>` (RFC 5322 section 3.6.4)."""

    max_count: int | None = 1
    value_parser = staticmethod(_tree.message_id)

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds["parse_tree"] = tree = cls.value_parser(value)
        kwds["decoded"] = str(tree)
        kwds["defects"].extend(tree.all_defects)


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
    """Makes field objects: `registry(name, value)`.

    The class of an object is made of the one that is registered for the name (or
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
        """Register the class for fields of that name."""
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


def __getattr__(name: str) -> Any:
    # Programs import the parser of the standard library from here.
    if name == "parser":
        return _tree.parser()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
