"""Certificates and keys from what people have: PEM, DER, PKCS#12, octets or files."""

from __future__ import annotations

from dataclasses import dataclass

from rsmtp._common.extras import library
from rsmtp._protect.recipients import octets as octets_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WHAT = "a path, or PEM or DER as bytes or a str,"


def hazmat(name: str) -> Any:
    """A module of cryptography."""
    return library(f"cryptography.hazmat.primitives.{name}", "smime", "rsmtp.Smime")


def _x509() -> Any:
    return library("cryptography.x509", "smime", "rsmtp.Smime")


@dataclass(frozen=True)
class Identity:
    """Who signs."""

    certificate: Any
    key: Any
    chain: list[Any]


def identity(certificate: Any, key: Any, chain: Any, password: str | None) -> Identity:
    octets = octets_of("certificate", certificate, _WHAT)
    secret = password.encode() if password else None
    more = [] if chain is None else list(chain) if isinstance(chain, (list, tuple)) else [chain]
    between = [each for source in more for each in _certificates("chain", octets_of("chain", source, _WHAT))]
    packed = None if b"-----BEGIN" in octets or key is not None else _pkcs12(octets, secret)
    if packed is not None:
        found, private, inside = packed
        between = [*inside, *between]
    else:
        found, *inside = _certificates("certificate", octets)
        between = [*inside, *between]
        if key is None:
            private = _key("certificate", octets, secret)
        else:
            private = _key("key", octets_of("key", key, _WHAT), secret)
    _fitting(found, private)
    return Identity(found, private, [each for each in dict.fromkeys(between) if each != found])


def certificate(name: str, source: Any) -> Any:
    """One certificate, the first where there are several."""
    if isinstance(source, _x509().Certificate):
        return source
    return _certificates(name, octets_of(name, source, _WHAT))[0]


def for_encryption(found: Any, name: str) -> None:
    """Raises ValueError for a certificate that a message can't be encrypted for."""
    # cryptography knows no other.
    if not isinstance(found.public_key(), hazmat("asymmetric.rsa").RSAPublicKey):
        raise ValueError(f"{name}: the certificate's key is not RSA; a message can be encrypted for RSA only")
    in_force(found, name)


def in_force(found: Any, name: str) -> None:
    """Raises ValueError for a certificate whose time has not come, or is over."""
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    if now > found.not_valid_after_utc:
        raise ValueError(f"{name}: the certificate has expired, on {found.not_valid_after_utc:%Y-%m-%d}")
    if now < found.not_valid_before_utc:
        raise ValueError(f"{name}: the certificate is valid only from {found.not_valid_before_utc:%Y-%m-%d}")


def _certificates(name: str, octets: bytes) -> list[Any]:
    x509 = _x509()
    try:
        if b"-----BEGIN" in octets:
            return list(x509.load_pem_x509_certificates(octets))
        return [x509.load_der_x509_certificate(octets)]
    except ValueError as error:
        raise ValueError(
            f"{name}: there is no certificate in it that can be read (PEM or DER): {error}"
        ) from None


def _pkcs12(octets: bytes, password: bytes | None) -> tuple[Any, Any, list[Any]] | None:
    """Key, certificate and chain in one; None where it is a mere certificate."""
    try:
        _x509().load_der_x509_certificate(octets)
    except ValueError:
        pass
    else:
        return None
    try:
        key, found, chain = hazmat("serialization.pkcs12").load_key_and_certificates(octets, password)
    except ValueError as error:
        raise ValueError(
            f"certificate: it is no PEM, and no DER or PKCS#12 that can be read with this password: {error}"
        ) from None
    if key is None or found is None:
        raise ValueError("certificate: the PKCS#12 file has no private key with a certificate")
    return found, key, chain


def _key(name: str, octets: bytes, password: bytes | None) -> Any:
    serialization = hazmat("serialization")
    is_pem = b"-----BEGIN" in octets
    load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
    if is_pem:
        # Files that have the certificate, too.
        start = octets.find(b"-----BEGIN", max(0, octets.find(b"PRIVATE KEY-----") - 30))
        octets = octets[start:] if b"PRIVATE KEY-----" in octets else b""
    if not octets or (name == "certificate" and not is_pem):
        raise ValueError(f"{name}: there is no private key in it; give the key's file as key=")
    try:
        return load(octets, password)
    except TypeError:
        said = (
            "is encrypted; give its password="
            if password is None
            else "is not encrypted; leave out password="
        )
        raise ValueError(f"{name}: the private key {said}") from None
    except ValueError as error:
        raise ValueError(f"{name}: the private key can't be read: {error}") from None


def _fitting(found: Any, key: Any) -> None:
    rsa, ec = hazmat("asymmetric.rsa"), hazmat("asymmetric.ec")
    if not isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise ValueError("key: it is neither RSA nor EC, and readers of S/MIME know no others")
    if found.public_key() != key.public_key():
        raise ValueError("key: it is not the private key of this certificate")
