"""SPF (RFC 7208) and DMARC (RFC 9989), read by checkdmarc."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from rsmtp._common.extras import library

if TYPE_CHECKING:
    from rsmtp._domain.look import Found, Look


def spf(look: Look) -> Found:
    spf: Any = library("checkdmarc.spf", "domain", "check_domain()")
    errors = {
        spf.SPFRecordNotFound: "spf-missing",
        spf.MultipleSPFRTXTRecords: "spf-several",
        spf.SPFTooManyDNSLookups: "spf-lookups",
        spf.SPFTooManyVoidDNSLookups: "spf-void",
        spf.SPFRedirectLoop: "spf-loop",
        spf.SPFIncludeLoop: "spf-loop",
    }
    # checkdmarc's errors may hide that no server answered.
    records = [text for text in look.dns.texts(look.domain) if text.lower().split(" ")[0] == "v=spf1"]
    look.facts["spf"] = {"record": records[0] if len(records) == 1 else None}
    if not records:
        yield "spf-missing", "there is no SPF record", look.domain
        return
    if len(records) > 1:
        yield "spf-several", f"there are {len(records)} SPF records", look.domain
        return
    try:
        parsed = spf.parse_spf_record(
            records[0], look.domain, resolver=look.dns.resolver, timeout=look.dns.timeout
        )
    except spf.SPFError as error:
        rule = next((rule for kind, rule in errors.items() if isinstance(error, kind)), "spf-invalid")
        yield rule, _plain(error), look.domain
        return
    look.facts["spf"]["lookups"] = parsed["dns_lookups"]
    # The result for all other machines: that of the last mechanism, or of the record that redirect=
    # names.
    others = (parsed["parsed"].get("all") or "neutral").lower()
    if others == "pass":
        yield "spf-all", "the record ends with +all", look.domain
    elif others == "neutral" and not parsed["parsed"].get("redirect"):
        yield "spf-neutral", "the record says nothing about other machines", look.domain
    for warning in parsed.get("warnings", []):
        yield "spf-other", str(warning)[:300], look.domain
    if look.address is not None:
        sender = ipaddress.ip_address(look.address)
        if _verdict(look, parsed["parsed"], sender) not in ("pass", "unknown"):
            yield "spf-address", f"{look.address} may not send for {look.domain}", look.domain


def _verdict(look: Look, parsed: dict[str, Any], sender: Any) -> str:
    """The record's result for an address: the first mechanism that matches decides (RFC 7208 section
    4.6.2). "unknown" if that mechanism depends on the message."""
    for mechanism in parsed["mechanisms"]:
        fits = _fits(look, mechanism, sender)
        if fits is None:
            return "unknown"
        if fits:
            return str(mechanism["action"])
    if redirect := parsed.get("redirect"):
        return _verdict(look, redirect["parsed"], sender)
    return str(parsed.get("all") or "neutral")


def _fits(look: Look, mechanism: dict[str, Any], sender: Any) -> bool | None:
    kind, value = mechanism["mechanism"], str(mechanism.get("value") or "")
    if kind == "include":
        verdict = _verdict(look, mechanism["parsed"], sender)
        return None if verdict == "unknown" else verdict == "pass"
    if kind in ("ip4", "ip6"):
        return sender in ipaddress.ip_network(value, strict=False)
    if kind == "a":
        addresses = mechanism["addresses"]
    elif kind == "mx":
        addresses = [one for host in mechanism["hosts"] for one in look.dns.addresses(host["hostname"])]
    else:
        return None
    # "a:mail.example.com/28//64": how much of the address counts, of each family.
    short, _, long = value.partition("//")
    length = (short.partition("/")[2] if sender.version == 4 else long) or sender.max_prefixlen
    return any(
        sender in ipaddress.ip_network(f"{one}/{length}", strict=False)
        for one in addresses
        if ipaddress.ip_address(one).version == sender.version
    )


def dmarc(look: Look) -> Found:
    dmarc: Any = library("checkdmarc.dmarc", "domain", "check_domain()")
    look.facts["dmarc"] = {"record": None}
    if not _dmarc_can_be_asked(look):
        return
    try:
        found = dmarc.query_dmarc_record(look.author, resolver=look.dns.resolver, timeout=look.dns.timeout)
        look.facts["dmarc"] = {"record": found["record"], "domain": found["location"]}
        parsed = dmarc.parse_dmarc_record(
            found["record"], found["location"], resolver=look.dns.resolver, timeout=look.dns.timeout
        )
    except dmarc.DMARCRecordNotFound:
        yield "dmarc-missing", "there is no DMARC record", f"_dmarc.{look.author}"
        return
    except dmarc.MultipleDMARCRecords:
        yield "dmarc-several", "there are several DMARC records", f"_dmarc.{look.author}"
        return
    except dmarc.DMARCError as error:
        yield "dmarc-invalid", _plain(error), f"_dmarc.{look.author}"
        return
    tags = {name: tag["value"] for name, tag in parsed["tags"].items()}
    is_parent = found["location"] != look.author
    policy = str(tags.get("sp", tags.get("p")) if is_parent else tags.get("p"))
    look.facts["dmarc"]["policy"] = policy
    if policy == "none":
        yield "dmarc-none", "the policy is none", found["location"]
    if not tags.get("rua"):
        yield "dmarc-reports", "the record asks for no reports", found["location"]
    for warning in parsed.get("warnings", []):
        # These two have rules of their own.
        if not any(word in str(warning) for word in ("rua tag", "p tag value of none", "policy of none")):
            yield "dmarc-other", str(warning)[:300], found["location"]
    yield from _alignment(look, tags)


def _dmarc_can_be_asked(look: Look) -> bool:
    """Raises NotAnswered: to checkdmarc a server that doesn't answer is a record that isn't there."""
    look.dns.texts(f"_dmarc.{look.author}")
    return True


def _alignment(look: Look, tags: dict[str, Any]) -> Found:
    """Of From with the domain that signs, and that the envelope names."""
    if look.author == look.domain:
        return
    utils: Any = library("checkdmarc.utils", "domain", "check_domain()")
    strict = [name for name in ("adkim", "aspf") if tags.get(name) == "s"]
    same_owner = utils.get_base_domain(look.author) == utils.get_base_domain(look.domain)
    if not same_owner:
        yield "not-aligned", f"From is of {look.author}, which is not {look.domain}'s", look.author
    elif len(strict) == 2:
        yield "not-aligned", f"{look.author} wants strict alignment, and is not {look.domain}", look.author


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
