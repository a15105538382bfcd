"""A certificate in the form of `ssl.SSLSocket.getpeercert`."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from rsmtp._rsmtp import Certificate


def told_as_ssl_does(certificate: Certificate) -> dict[str, Any]:
    return {
        "subject": _distinguished_name(certificate.subject),
        "issuer": _distinguished_name(certificate.issuer),
        "notBefore": _date(certificate.not_before),
        "notAfter": _date(certificate.not_after),
        "subjectAltName": tuple(
            ("IP Address" if _is_address(name) else "DNS", name) for name in certificate.names
        ),
    }


def _distinguished_name(text: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """The name in readable form. A value that contains ", O=" can't be told from two values."""
    pairs = (piece.partition("=") for piece in re.split(r", (?=[A-Za-z]+=)", text))
    return tuple(((_LONG_NAMES.get(key, key), value),) for key, _, value in pairs)


def _date(when: datetime) -> str:
    return f"{_MONTHS[when.month - 1]} {when.day:2} {when:%H:%M:%S %Y} GMT"


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_NAMES = {
    "CN": "commonName",
    "O": "organizationName",
    "OU": "organizationalUnitName",
    "C": "countryName",
    "L": "localityName",
    "ST": "stateOrProvinceName",
}
