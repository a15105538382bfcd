"""Reports that are none of a delivery: complaints (RFC 5965), what a reader's program says (RFC 8098),
and replies by a program (RFC 3834)."""

from __future__ import annotations

import re

from rsmtp._bounces.parts import Mail, addresses_in, blocks, field, split
from rsmtp._bounces.report import address_of, original_id, original_sender, typed
from rsmtp._bounces.result import Bounce, BouncedRecipient, Hardness

# What a recipient means who wants no more of it (RFC 5965 7.3, RFC 6430).
_COMPLAINTS = ("abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized")
_AWAY = re.compile(
    r"^\W*(?:auto(?:matic|matisch\w*)?[ -]?(?:reply|response|antwort|respuesta)|out of (?:the )?office"
    r"|abwesen"
    r"|r[ée]ponse automatique|respuesta autom|risposta automatica|自动回复|自動回覆|vacation)",
    re.I,
)


def complaint(mail: Mail) -> Bounce | None:
    part = mail.first("message/feedback-report")
    if part is None:
        return None
    [told, *_] = blocks(part.content) or [{}]
    kind = told.get("feedback-type", "").strip().lower() or "abuse"
    named = [address_of(value) for value in _all(part.content, "original-rcpt-to")]
    # Some reports hide who complains; the returned message may still name the only recipient.
    addresses = [one for one in named if one is not None and "@" in one] or _only_recipient(mail)
    hardness: Hardness = "hard" if kind in _COMPLAINTS else "none"
    action = "complained" if kind in _COMPLAINTS else kind
    return Bounce(
        "complaint",
        [BouncedRecipient(one, action=action, hardness=hardness) for one in addresses],
        message_id=original_id(mail),
        envid=told.get("original-envelope-id") or None,
        original_sender=address_of(told.get("original-mail-from", "")) or original_sender(mail),
        form="RFC 5965",
        reporter=told.get("user-agent") or None,
        feedback_type=kind,
    )


def disposition(mail: Mail) -> Bounce | None:
    part = mail.first("message/disposition-notification", "message/global-disposition-notification")
    if part is None:
        return None
    [told, *_] = blocks(part.content) or [{}]
    final = address_of(told.get("final-recipient", ""))
    if final is None:
        return None
    # "manual-action/MDN-sent-manually; displayed"
    words = told.get("disposition", "").rpartition(";")[2].strip().lower()
    action = words.partition("/")[0].strip() or "displayed"
    original = address_of(told.get("original-recipient", ""))
    return Bounce(
        "disposition",
        [BouncedRecipient(final, original, action)],
        message_id=told.get("original-message-id") or original_id(mail),
        original_sender=original_sender(mail),
        form="RFC 8098",
        reporter=told.get("reporting-ua") or None,
    )


def auto_reply(mail: Mail) -> Bounce | None:
    said = mail.field("auto-submitted").lower()
    is_one = (
        said.startswith("auto-replied")
        or bool(
            mail.field("x-autoreply") or mail.field("x-autorespond") or mail.field("x-auto-response-suppress")
        )
        or mail.field("precedence").lower() == "auto_reply"
        or bool(_AWAY.search(mail.field("subject")))
    )
    if not is_one or said == "no":
        return None
    senders = addresses_in(mail.field("from"))
    return Bounce(
        "auto-reply",
        [BouncedRecipient(address, action="replied") for address in senders[:1]],
        message_id=original_id(mail),
        form="RFC 3834",
    )


def _all(octets: bytes, name: str) -> list[str]:
    """The values of a field that may be there several times."""
    header, _ = split(octets.lstrip(b"\r\n"))
    return [typed(str(value)) for value in header.get_all(name, [])][:1_000]


def _only_recipient(mail: Mail) -> list[str]:
    original = mail.first("message/rfc822", "text/rfc822-headers")
    if original is None:
        return []
    header, _ = split(original.content.lstrip())
    found = addresses_in(field(header, "to"))
    return found if len(found) == 1 and not re.search(r"redact|undisclosed", found[0], re.I) else []
