"""Tags and metadata. Each relay reads its own header fields, and removes them before delivery. Only
the fields of the relay in use are written."""

from __future__ import annotations

import json
import re

from rsmtp._common.arguments import none_of, text, wanted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    Fields = Iterator[tuple[str, str]]


def tracking(tags: Any, metadata: Any, provider: Any) -> Fields:
    """The fields that this relay reads."""
    labels = _tags(tags)
    pairs = _metadata(metadata)
    if not labels and not pairs:
        if provider is not None:
            _relay(provider)
        return
    if provider is None:
        raise ValueError(
            "provider: each relay reads tags and metadata from header fields of its own, so it has to be "
            f"said which one sends this message: {', '.join(map(repr, sorted(_RELAYS)))}"
        )
    yield from _relay(provider)(labels, pairs)


def _relay(provider: Any) -> Callable[[list[str], dict[str, str]], Fields]:
    """The relay with this name in `rsmtp.providers`. Its servers in all regions read the same fields."""
    name = text("provider", provider)
    known = _RELAYS.get(name) or _RELAYS.get(name.partition("-")[0])
    if known is None:
        raise none_of("provider", name, sorted(_RELAYS))
    return known


def _tags(given: Any) -> list[str]:
    if given is None:
        return []
    several = [given] if isinstance(given, str) else given
    if not isinstance(several, (list, tuple, set, frozenset)):
        raise wanted("tags", "a text or a list of texts", given)
    return [_plain("tags", one) for one in several]


def _metadata(given: Any) -> dict[str, str]:
    if given is None:
        return {}
    if not hasattr(given, "items"):
        raise wanted("metadata", "a dict", given)
    found: dict[str, str] = {}
    for name, value in given.items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
            raise ValueError(
                f"metadata: the name {name!r}: letters, digits, _, . and - are taken, which every relay takes"
            )
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise wanted(f"metadata: {name}", "a text or a number", value)
        found[name] = _plain(f"metadata: {name}", str(value))
    return found


def _plain(name: str, value: Any) -> str:
    given = text(name, value)
    if not given or not given.isprintable():
        raise ValueError(f"{name}: {given!r}: it is empty, or has control characters")
    return given


def _one(tags: list[str], relay: str) -> list[str]:
    if len(tags) > 1:
        raise ValueError(f"tags: {relay} takes one for a message, not {len(tags)}")
    return tags


def _ascii_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


def _json_of(**parts: object) -> str:
    """The fields that are not empty."""
    return _ascii_json({name: part for name, part in parts.items() if part})


def _mailgun(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """documentation.mailgun.com: "Sending via SMTP", X-Mailgun-Tag and X-Mailgun-Variables."""
    for tag in tags:
        yield "X-Mailgun-Tag", tag
    if metadata:
        yield "X-Mailgun-Variables", _ascii_json(metadata)


def _postmark(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """postmarkapp.com/developer/user-guide/send-email-with-smtp: one X-PM-Tag, X-PM-Metadata-NAME."""
    for tag in _one(tags, "Postmark"):
        yield "X-PM-Tag", tag
    for name, value in metadata.items():
        yield f"X-PM-Metadata-{name}", value


def _ses(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """docs.aws.amazon.com/ses: X-SES-MESSAGE-TAGS, names and values of letters, digits, _ and -."""
    pairs = {**metadata, **dict.fromkeys(tags, "true")}
    for word in (*pairs, *pairs.values()):
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", word):
            raise ValueError(
                f"tags, metadata: {word!r}: Amazon SES takes ASCII letters, digits, _ and -, 256 at most"
            )
    yield "X-SES-MESSAGE-TAGS", ", ".join(f"{name}={value}" for name, value in pairs.items())


def _sendgrid(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """docs.sendgrid.com/for-developers/sending-email/building-an-x-smtpapi-header."""
    yield "X-SMTPAPI", _json_of(category=tags, unique_args=metadata)


def _mandrill(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """mailchimp.com/developer/transactional/docs/smtp-integration: X-MC-Tags, X-MC-Metadata."""
    if any("," in tag for tag in tags):
        raise ValueError("tags: Mandrill separates them by commas, so none can have one")
    if tags:
        yield "X-MC-Tags", ", ".join(tags)
    if metadata:
        yield "X-MC-Metadata", _ascii_json(metadata)


def _sparkpost(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """developers.sparkpost.com/api/smtp: X-MSYS-API, tags and metadata."""
    yield "X-MSYS-API", _json_of(tags=tags, metadata=metadata)


def _brevo(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """developers.brevo.com/docs/smtp-integration: one X-Mailin-Tag, X-Mailin-custom."""
    for tag in _one(tags, "Brevo"):
        yield "X-Mailin-Tag", tag
    if metadata:
        yield "X-Mailin-custom", "|".join(f"{name}:{value}" for name, value in metadata.items())


def _mailjet(tags: list[str], metadata: Mapping[str, str]) -> Fields:
    """dev.mailjet.com/smtp-relay/custom-headers: X-Mailjet-Campaign, X-MJ-EventPayload."""
    for tag in _one(tags, "Mailjet"):
        yield "X-Mailjet-Campaign", tag
    if metadata:
        yield "X-MJ-EventPayload", _ascii_json(metadata)


_RELAYS: Mapping[str, Callable[[list[str], dict[str, str]], Fields]] = {
    "brevo": _brevo,
    "mailgun": _mailgun,
    "mailjet": _mailjet,
    "mandrill": _mandrill,
    "postmark": _postmark,
    "sendgrid": _sendgrid,
    "ses": _ses,
    "sparkpost": _sparkpost,
}
