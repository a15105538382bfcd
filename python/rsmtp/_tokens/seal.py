"""What tells a text of one's own from a forged one: an HMAC (RFC 2104) over it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode, urlsafe_b64encode

from rsmtp._common import arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import rsmtp

#: Octets of a secret at least: less can be guessed.
LEAST = 16


class Seal:
    """By one secret, or several: the first one seals, and what any of them has sealed is good, so
    that a secret can be replaced. `purpose` keeps what is sealed for one thing from being good for
    another."""

    __slots__ = ("_keys",)

    def __init__(self, secret: rsmtp.typing.Secrets, purpose: str) -> None:
        several = _listed(secret)
        if not several:
            raise ValueError("secret: there is none")
        self._keys = [
            hmac.digest(_octets(one), b"rsmtp " + purpose.encode(), hashlib.sha256) for one in several
        ]

    def for_address(self, *texts: str) -> str:
        """Ten characters that stay the same when a server writes an address in small letters: 50 bits."""
        return self._for_addresses(self._keys[0], texts)

    def for_link(self, *texts: str) -> str:
        """22 characters: 128 bits."""
        return self._for_links(self._keys[0], texts)

    def fits_address(self, given: str, *texts: str) -> bool:
        return _any(given.lower(), [self._for_addresses(key, texts) for key in self._keys])

    def fits_link(self, given: str, *texts: str) -> bool:
        return _any(given, [self._for_links(key, texts) for key in self._keys])

    @staticmethod
    def _for_addresses(key: bytes, texts: Sequence[str]) -> str:
        return b32encode(_digest(key, texts)).decode().lower()[:10]

    @staticmethod
    def _for_links(key: bytes, texts: Sequence[str]) -> str:
        return urlsafe_b64encode(_digest(key, texts)[:16]).decode().rstrip("=")


def _digest(key: bytes, texts: Iterable[str]) -> bytes:
    # Where one text ends and the next one begins counts.
    parts = [text.encode("utf-8", "surrogateescape") for text in texts]
    return hmac.digest(key, b"".join(b"%d:%s" % (len(part), part) for part in parts), hashlib.sha256)


def _any(given: str, good: list[str]) -> bool:
    """In a time that does not tell how much of it is right."""
    octets = given.encode("utf-8", "surrogateescape")
    return any(hmac.compare_digest(octets, one.encode()) for one in good)


def _listed(secret: rsmtp.typing.Secrets) -> list[str | bytes]:
    if isinstance(secret, (str, bytes)):
        return [secret]
    if not hasattr(secret, "__iter__"):
        raise TypeError(f"secret: a str, bytes or several of them are wanted, not {type(secret).__name__}")
    return list(secret)


def _octets(secret: str | bytes) -> bytes:
    if not isinstance(secret, bytes):
        secret = arguments.secret("secret", secret).encode()
    if len(secret) < LEAST:
        raise ValueError(
            f"secret: {LEAST} octets at least are wanted, that can't be guessed: "
            "python -c 'import secrets; print(secrets.token_urlsafe())'"
        )
    return secret
