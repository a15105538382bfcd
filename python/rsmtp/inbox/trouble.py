"""Why a connection broke, or what was refused on it, for the author of the client."""

from collections.abc import Iterable, Sequence
from typing import Final

from rsmtp._rsmtp import CaughtLine

TRUST: Final = "the client does not trust the catcher's authority: give it the CA file"
# Texts in the note about a handshake: a TLS alert from the client (RFC 8446 section 6.2), or what
# arrived instead.
REASONS: Final = {
    "unknownca": TRUST,
    "certificateunknown": TRUST,
    "badcertificate": "the client did not accept the certificate: is the name right, and the CA file given?",
    "certificateexpired": "the client says that the catcher's certificate has expired",
    "unsupportedcertificate": "the client can't use the catcher's certificate",
    "protocolversion": "client and catcher have no TLS version in common: the catcher speaks 1.2 and 1.3",
    "handshakefailure": "client and catcher have no cipher suite in common",
    "corrupt message": "the client did not speak TLS where the catcher expected it",
    "unexpected end of file": "the client went away during the TLS handshake: does it trust the CA file?",
    "reset": "the client went away during the TLS handshake: does it trust the CA file?",
}


def refusal(timeline: Sequence[CaughtLine]) -> str | None:
    """The last refusal, which is what a person looks for first. None if nothing was refused."""
    said = (line.text for line in reversed(timeline) if line.direction == "S")
    return next((text for text in said if text.startswith(("4", "5"))), None)


def of(timeline: Iterable[CaughtLine]) -> str | None:
    """None if the connection did not break."""
    notes = [line.text for line in timeline if line.direction == "*"]
    broken = [note for note in notes if "handshake failed" in note or note.startswith("the connection broke")]
    if not broken:
        return None
    reason = broken[-1]
    known = (words for sign, words in REASONS.items() if sign in reason.lower())
    return next(known, reason) if "handshake failed" in reason else reason
