"""Bounces in no form of their own: what their words say, and what flufl.bounce finds in them."""

from __future__ import annotations

import re

from rsmtp._bounces import report
from rsmtp._bounces.parts import Mail, addresses_in, field, split
from rsmtp._bounces.report import address_of, originals
from rsmtp._bounces.result import Bounce, BouncedRecipient
from rsmtp._bounces.traditional import failed, is_from_a_mail_system, made
from rsmtp._bounces.wording import copy_in, lines_of, said_of
from rsmtp.display.reader import plain

_SUBJECT = re.compile(
    r"undeliver|not (?:be )?deliver|deliver\w* (?:status|fail|problem|error|report|notif)"
    r"|returned? (?:to sender|mail)|fail\w* (?:notice|mail|deliver)|mail (?:deliver|system|fail|error)"
    r"|non-?deliver|rejected|unzustell"
    r"|warning: (?:could not|message)|delay|error sending|bounce|unknown user|user unknown|mail.{0,30}failed",
    re.I,
)
_FAILED = re.compile(
    r"(?:could|can|was|were|is|are|has|have)(?:n.t| ?not)\b[^.]{0,60}\bdeliver|undeliver"
    r"|fail\w*\b[^.]{0,40}\bdeliver|deliver\w*\b[^.]{0,40}\b(?:fail|error|problem)"
    r"|(?:error|trouble|problem)s?\b[^.]{0,60}\bdeliver|returned to (?:you|the sender|sender)"
    r"|did not reach|user unknown|unknown user|no such user|\b55[0-4][ -]",
    re.I,
)
_DELAYED = re.compile(
    r"warning only|not yet been delivered|will (?:be retried|continue|keep)|still being (?:re)?tried"
    r"|do not need to re-?send|delayed mail",
    re.I,
)
# Lines that name others than recipients.
_OTHERS = re.compile(
    r"\s*(?:>?from\b|sender|reply-to|message-?id|mail from|contact|envelope-from|return-path|date:|subject:"
    r"|x-)|.*\b(?:contact|questions?|assistance|administrator at|id=|e-?mail us)\b",
    re.I,
)
_OF_SYSTEMS = re.compile(r"(?:mailer-?daemon|postmaster|post_master|no-?reply|abuse)@", re.I)
# Fields of the report that name who had sent the message, and who reports.
_OF_SENDER = ("from", "to", "sender", "return-path", "delivered-to", "reply-to")
_TO = re.compile(r"^(?:to|rcpt to):[ \t]*(.{1,400})$", re.I | re.M)
# Octets that are looked at, and recipients that are taken.
_MOST, _MOST_RECIPIENTS = 100_000, 1_000
# What is behind this in a line (RFC 5322 2.1.1) begins another.
_TOO_LONG = re.compile(rb"[^\n]{998}(?=[^\r\n])")


def read(mail: Mail) -> Bounce | None:
    if not _looks_like_one(mail):
        return None
    if found := report.without_mime(mail):
        return found
    others = {address.lower() for name in _OF_SENDER for address in addresses_in(mail.field(name))}
    return _by_flufl(mail, others) or _by_words(mail, others)


def _by_flufl(mail: Mail, others: set[str]) -> Bounce | None:
    try:
        from flufl.bounce import all_failures
    except ImportError:
        return None
    import email

    # A part of it is enough for its detectors, which are no faster than the message and its lines are short.
    octets = _TOO_LONG.sub(rb"\g<0>\n ", mail.octets[:_MOST])
    try:
        later, for_good = all_failures(email.message_from_bytes(octets))
    except Exception:  # of strangers' mail
        return None
    lines = lines_of(mail.text)
    recipients = []
    for found, action in ((for_good, "failed"), (later, "delayed")):
        for octets in sorted(found)[:_MOST_RECIPIENTS]:
            address = octets.decode("ascii", "replace")
            if address_of(address) is not None:
                recipients.append(failed(address, said_of(address, lines), action))
    # It takes the sender, too, for a recipient, and a Message-ID.
    known = [one for one in recipients if one.address.lower() not in others]
    named = [one for one in known if any(one.address.lower() in line.lower() for line in lines)]
    return made(mail, named or known or recipients, "flufl.bounce")


def _by_words(mail: Mail, others: set[str]) -> Bounce | None:
    if not is_from_a_mail_system(mail) and mail.field("return-path").strip() != "<>":
        return None
    lines = lines_of(mail.text)
    text = "\n".join(lines)
    subject = plain(mail.field("subject"))
    if not (_SUBJECT.search(subject) or _FAILED.search(text)):
        return None
    named = [
        address for line in lines if not _OTHERS.match(line) for address in addresses_in(line)
    ] or _of_the_copy(mail)
    action = "delayed" if _DELAYED.search(f"{subject}\n{text}") else "failed"
    found: dict[str, BouncedRecipient] = {}
    # A postmaster is named as one to ask, too.
    named = [one for one in named if not _OF_SYSTEMS.match(one)] or named
    for address in named[:_MOST_RECIPIENTS]:
        folded = address.lower()
        if folded not in others and folded not in found:
            found[folded] = failed(address, said_of(address, lines), action)
    recipients = list(found.values())
    if len(recipients) == 1 and recipients[0].status is None and recipients[0].advice is None:
        # Then all of the text is about this one.
        recipients = [failed(recipients[0].address, text, action)]
    return made(mail, recipients, "words")


def _of_the_copy(mail: Mail) -> list[str]:
    """The only recipient that the returned message names."""
    to = [field(split(part.content.lstrip())[0], "to") for part in originals(mail)]
    to += _TO.findall(copy_in(mail.text))[:1]
    found = list(dict.fromkeys(address for value in to for address in addresses_in(value)))
    return found if len(found) == 1 else []


def _looks_like_one(mail: Mail) -> bool:
    return bool(
        mail.field("return-path").strip() == "<>"
        or mail.header.get_content_type() == "multipart/report"
        or is_from_a_mail_system(mail)
        or _SUBJECT.search(plain(mail.field("subject")))
    )
