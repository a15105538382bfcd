"""Address objects, and groups of them (RFC 5322 section 3.4)."""

from __future__ import annotations

from typing import Any

from rsmtp.email import _plain, _tree
from rsmtp.email._mirrored import Mirrored

_SPECIALS = frozenset('()<>@,:;."[]\\')
_DOT_ATOM_ENDS = frozenset('()<>@,:;"[]\\ \t')


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Address(metaclass=Mirrored):
    """An address: display name, user name and domain, or an addr_spec, quoted as in RFC 5322,
    instead of the last two.

    Raises ValueError for CR or LF and for an invalid addr_spec, TypeError for both forms at once.
    """

    __module__ = "rsmtp.email.headerregistry"  # where users find it, and pickles

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
        """`username@domain`, with the user name in quotes if it needs them."""
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


class Group(metaclass=Mirrored):
    """A named group of addresses. If the name is None, the addresses are not a group."""

    __module__ = "rsmtp.email.headerregistry"

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
