"""`rsmtp.check_domain`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._domain import address, keys, policies, servers
from rsmtp._domain.dns import Asker, NotAnswered
from rsmtp._domain.look import Look
from rsmtp._domain.rules import RULES
from rsmtp._lint.finding import Finding, Findings, summary
from rsmtp._rsmtp import ascii_host

_CHECKS = (policies.spf, policies.dmarc, keys.check, servers.check, address.check)


@dataclass(frozen=True)
class DomainReport:
    """What a domain publishes for its mail, and what is wrong with it. `bool(report)` is `report.ok`.

    Attributes:
        domain: the domain, in A-labels.
        findings: what is wrong, the gravest first.
        facts: what was found: "spf", "dmarc", "dkim" (by selector), "mx", "mta_sts", "tls_rpt",
            "ptr", "blocklists".
    """

    domain: str
    findings: Findings
    facts: dict[str, Any]

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.findings.errors

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "domain": self.domain,
            "ok": self.ok,
            "findings": self.findings.to_dicts(),
            "facts": self.facts,
        }

    def __str__(self) -> str:
        return f"{self.domain}: {summary(self.findings)} found\n{self.findings}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from rsmtp.display import findings

        return findings.domain_bundle(self)


@public
def check_domain(
    domain: str,
    *,
    from_: str | None = None,
    selectors: str | Iterable[str] = (),
    ip: str | None = None,
    helo: str | None = None,
    blocklists: str | Iterable[str] = (),
    nameservers: str | Iterable[str] | None = None,
    timeout: float = 5.0,
) -> DomainReport:
    """What a domain that sends mail publishes, and what receivers will hold against it.

        report = rsmtp.check_domain("example.com", selectors=["s2026"], ip="192.0.2.1")
        print(report)

    SPF (with the number of its look-ups), DMARC and its alignment, DKIM keys, MX, MTA-STS, TLS-RPT
    and DANE, the name of the address, the name in EHLO, blocklists. Needs `pip install
    'rsmtp[domain]'`. docs/howto/domain.md lists the rules.

    Args:
        domain: the domain that signs, and that the envelope names.
        from_: the address in From, or its domain. Default: `domain`.
        selectors: the selectors of the DKIM keys that sign.
        ip: the address that mail is sent from: its name is looked up, and SPF must let it send.
        helo: the name sent in EHLO.
        blocklists: zones that are asked about `ip`: "zen.spamhaus.org". Default: none.
        nameservers: the name servers to ask, for example "127.0.0.1:5353". Default: this machine's.
        timeout: seconds for each question. Default: 5.

    A look-up that fails is a finding ("dns-failed"), not an exception. Raises ValueError for invalid
    arguments, ImportError without the extra.
    """
    look = Look(
        domain=_domain("domain", domain),
        dns=Asker([nameservers] if isinstance(nameservers, str) else nameservers, timeout),
        author=_domain(
            "from_", (domain if from_ is None else arguments.text("from_", from_)).rpartition("@")[2]
        ),
        selectors=_listed("selectors", selectors),
        address=None if ip is None else _address(ip),
        helo=arguments.maybe_text("helo", helo),
        blocklists=[_domain("blocklists", one) for one in _listed("blocklists", blocklists)],
    )
    if look.blocklists and look.address is None:
        raise ValueError("blocklists: they are asked about an address: say ip=")
    return DomainReport(look.domain, Findings(_found(look)), look.facts)


def _found(look: Look) -> Iterable[Finding]:
    try:
        if not look.dns.exists(look.domain):
            yield _finding("domain-missing", f"{look.domain} does not exist", look.domain)
            return
    except NotAnswered as error:
        yield _finding("dns-failed", str(error), look.domain)
        return
    for check in _CHECKS:
        try:
            for broken in check(look):
                yield _finding(*broken)
        except NotAnswered as error:
            yield _finding("dns-failed", str(error), look.domain)


def _finding(rule: str, message: str, where: str) -> Finding:
    return RULES[rule].finding(rule, message, where)


def _domain(name: str, given: str) -> str:
    text = arguments.text(name, given).rstrip(".").lower()
    labels = text.split(".")
    if "@" in text or len(labels) < 2 or not all(labels) or any(c.isspace() or c in "/:" for c in text):
        raise ValueError(f"{name}: {given!r} is no domain such as example.com")
    return ascii_host(text)


def _address(given: str) -> str:
    try:
        return str(ipaddress.ip_address(arguments.text("ip", given)))
    except ValueError:
        raise ValueError(f"ip: {given!r} is no IP address") from None


def _listed(name: str, given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else arguments.texts(name, given)
