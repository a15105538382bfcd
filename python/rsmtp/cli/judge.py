"""Decides what is wrong with the findings at a port, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rsmtp._rsmtp import SERVICE_READY
from rsmtp.cli import words
from rsmtp.cli.examine import Certificate, Found
from rsmtp.cli.explain import explain

# Certificates that are renewed automatically are usually renewed a month before they expire.
SOON = 14
SLOW = 5.0
RELAY = 25


@dataclass(frozen=True)
class Finding:
    """A problem makes the exit code 1; a note is for information."""

    what: str
    advice: str
    is_problem: bool = True


def judge(found: Found, now: datetime) -> list[Finding]:
    findings = []
    if found.error is not None:
        findings.append(Finding(_sentence(explain(found.error)), ""))
    findings += _of_greeting(found)
    if found.greeting is not None and found.greeting[0] == SERVICE_READY:
        findings += _of_encryption(found)
        if found.certificate is not None:
            findings += _of_certificate(found.certificate, now)
        if found.error is None:
            findings += _of_login(found)
            findings += _of_extensions(found)
    findings += _of_addresses(found)
    return findings


def days_left(certificate: Certificate, now: datetime) -> int:
    """Whole days until the certificate expires; negative if it has expired."""
    return (certificate.not_after - now) // timedelta(days=1)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _of_greeting(found: Found) -> list[Finding]:
    findings = []
    if found.greeting is not None and found.greeting[0] != SERVICE_READY:
        code, text = found.greeting
        findings.append(
            Finding(
                f"The server does not want to talk to us: {code} {text}",
                "Its words say why. It may not like this machine's address (blocklists, no reverse DNS).",
            )
        )
    if (greeted := found.ends.get("greeting")) is not None and greeted > SLOW:
        findings.append(
            Finding(
                f"The greeting took {greeted:.0f} s.",
                "Give clients a longer time-out. Servers that look up a client's name are often that slow.",
                is_problem=False,
            )
        )
    return findings


def _of_encryption(found: Found) -> list[Finding]:
    findings = []
    if found.security is None and found.error is None:
        if "starttls" in found.extensions:
            words_ = "STARTTLS is offered and was not tried (--tls none)."
            findings.append(Finding(words_, "", is_problem=False))
        else:
            findings.append(
                Finding(
                    "Nothing is encrypted: the server offers no STARTTLS on this port.",
                    "The mail can be read on its way. Try port 465 or 587, or ask the server's owner.",
                )
            )
    if "auth" in found.offered_in_plaintext:
        findings.append(
            Finding(
                "Login is offered before encryption: a careless client shows its password to all.",
                "The server's owner should offer AUTH after STARTTLS only (Postfix: smtpd_tls_auth_only).",
            )
        )
    return findings


def _of_certificate(certificate: Certificate, now: datetime) -> list[Finding]:
    if certificate.problem is not None:
        return [Finding(_sentence(explain(certificate.problem)), "")]
    left = days_left(certificate, now)
    if left < SOON:
        when = "today" if left == 0 else f"in {left} days" if left > 1 else "tomorrow"
        return [Finding(f"The certificate expires {when}.", "The server's owner must renew it now.")]
    return []


def _of_login(found: Found) -> list[Finding]:
    if not found.mechanisms:
        if found.port == RELAY:
            return []
        where = "" if found.security else " Some servers offer it only after encryption."
        return [
            Finding(
                "No login is offered.",
                f"The server takes mail only from clients, or for recipients, that it knows.{where}",
                is_problem=False,
            )
        ]
    if not any(mechanism in words.MECHANISMS for mechanism in found.mechanisms):
        return [
            Finding(
                f"None of its ways to log in is one of ours: {', '.join(found.mechanisms)}.",
                f"Ask the server's owner for one of {', '.join(words.MECHANISMS)}.",
            )
        ]
    return []


def _of_extensions(found: Found) -> list[Finding]:
    if not found.speaks_esmtp:
        return [
            Finding(
                "The server speaks SMTP without extensions (HELO, no EHLO).",
                "It is very old, or something on the way (a firewall) changes what is said.",
            )
        ]
    return [
        Finding(f"{keyword.upper()} is not offered: {missed}.", "", is_problem=False)
        for keyword, missed in words.MISSED.items()
        if keyword not in found.extensions
    ]


def _of_addresses(found: Found) -> list[Finding]:
    silent = [address for address in found.addresses if address.error]
    if not silent or len(silent) == len(found.addresses):
        return []
    return [
        Finding(
            f"{address.address} does not answer: {address.error}.",
            "Clients that try it first wait. Mend the network, or take the address out of DNS.",
        )
        for address in silent
    ]
