"""Questions to the domain name system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rsmtp._common import arguments
from rsmtp._common.extras import library

if TYPE_CHECKING:
    from collections.abc import Iterable


class NotAnswered(Exception):
    """No server answered, or none could."""


class Asker:
    """A resolver: this machine's, or the servers that are named."""

    def __init__(self, nameservers: Iterable[str] | None, timeout: float) -> None:
        self._dns: Any = library("dns.resolver", "domain", "check_domain()")
        library("checkdmarc", "domain", "check_domain()")
        self.timeout = arguments.amount("timeout", timeout)
        given = None if nameservers is None else [_server(one) for one in _listed(nameservers)]
        try:
            self.resolver = self._dns.Resolver(configure=given is None)
        except self._dns.NoResolverConfiguration:
            raise ValueError("nameservers: this machine has no name server; name one") from None
        if given is not None:
            nameserver: Any = library("dns.nameserver", "domain", "check_domain()")
            self.resolver.nameservers = [nameserver.Do53Nameserver(host, port) for host, port in given]
        self.resolver.lifetime = self.resolver.timeout = self.timeout

    def exists(self, name: str) -> bool:
        """Whether there is anything of this name."""
        try:
            self.resolver.resolve(name, "SOA", raise_on_no_answer=False)
        except self._dns.NXDOMAIN:
            return False
        except Exception as error:
            raise self._not_answered(name, error) from error
        return True

    def ask(self, name: str, kind: str) -> list[Any]:
        """The records; none where there is no such name."""
        try:
            return list(self.resolver.resolve(name, kind, raise_on_no_answer=False).rrset or [])
        except self._dns.NXDOMAIN:
            return []
        except Exception as error:
            raise self._not_answered(name, error) from error

    def texts(self, name: str) -> list[str]:
        """TXT records, their strings joined."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self.ask(name, "TXT")]

    def addresses(self, name: str) -> list[str]:
        return [record.address for kind in ("A", "AAAA") for record in self.ask(name, kind)]

    def is_alias(self, name: str) -> bool:
        return bool(self.ask(name, "CNAME"))

    def names_of(self, address: str) -> list[str]:
        """PTR records."""
        reverse: Any = library("dns.reversename", "domain", "check_domain()")
        return [_name(record.target) for record in self.ask(str(reverse.from_address(address)), "PTR")]

    def is_signed(self, name: str, kind: str) -> bool:
        """Whether the resolver vouches for the answer (DNSSEC)."""
        flags: Any = library("dns.flags", "domain", "check_domain()")
        signed = self._dns.Resolver(configure=False)
        signed.nameservers = self.resolver.nameservers
        signed.lifetime = self.timeout
        signed.use_edns(0, flags.DO, 1232)
        signed.flags = flags.RD | flags.AD
        try:
            answer = signed.resolve(name, kind, raise_on_no_answer=False)
        except Exception as error:
            raise self._not_answered(name, error) from error
        return bool(answer.response.flags & flags.AD)

    def _not_answered(self, name: str, error: Exception) -> Exception:
        exceptions: Any = library("dns.exception", "domain", "check_domain()")
        if isinstance(error, exceptions.DNSException):
            return NotAnswered(f"{name}: {str(error)[:200]}")
        return error


def _name(record: Any) -> str:
    return str(record.to_text(omit_final_dot=True)).lower()


def _listed(given: Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else arguments.texts("nameservers", given)


def _server(given: str) -> tuple[str, int]:
    """An address, with a port or without one."""
    import ipaddress

    host, colon, port = given.rpartition(":")
    if not colon or (given.count(":") > 1 and not given.startswith("[")):
        host, port = given, "53"
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = int(port)
        if not 0 < number < 65536:
            raise ValueError
    except ValueError:
        raise ValueError(f"nameservers: {given!r} is no address of a name server") from None
    return str(address), number
