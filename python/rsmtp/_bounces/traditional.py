"""Bounces from before RFC 3464, and by programs that do without it."""

from __future__ import annotations

import re

from rsmtp._bounces import hardness
from rsmtp._bounces.parts import Mail, addresses_in
from rsmtp._bounces.report import address_of, original_id
from rsmtp._bounces.result import Bounce, BouncedRecipient
from rsmtp._bounces.wording import lines_of, said_of
from rsmtp.display.reader import plain

# https://cr.yp.to/proto/qsbmf.txt
_QSBMF = re.compile(r"\AHi\. This is (?:the )?(.{1,200})", re.S)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_SENDER = re.compile(r"mailer-?daemon|postmaster|mail delivery|mdaemon|mail[ -]?system|bounce", re.I)
_SUBJECT = re.compile(
    r"undeliver|not (?:be )?deliver|deliver\w* (?:status|fail|problem|error|report|notif)"
    r"|returned? (?:to sender|mail)|fail\w* (?:notice|mail|deliver)|mail (?:deliver|system|fail|error)"
    r"|non-?deliver|rejected|unzustell"
    r"|warning: (?:could not|message)|delay|error sending|bounce|unknown user|user unknown|mail.{0,30}failed",
    re.I,
)
# Octets that are looked at.
_MOST = 100_000
# Of an address in its brackets.
_LONGEST = 400


def read(mail: Mail) -> Bounce | None:
    return named(mail) or _guessed(mail)


def named(mail: Mail) -> Bounce | None:
    """In a form that leaves no doubt."""
    return _qsbmf(mail) or _of_a_field(mail)


def _qsbmf(mail: Mail) -> Bounce | None:
    """qmail's: paragraphs that begin with "<address>:"."""
    text = mail.text[:_MOST].replace("\r\n", "\n").lstrip()
    if not (begin := _QSBMF.match(text)):
        return None
    recipients = []
    for paragraph in _PARAGRAPH.split(text)[1:1_000]:
        if paragraph.startswith("---"):
            break
        if found := re.match(r"<([^<>\s@]*@[^<>\s]+)>:\n?", paragraph[:_LONGEST]):
            recipients.append(_failed(found[1], paragraph[found.end() :]))
    return _made(mail, recipients, "QSBMF", begin[1].split("\n")[0].rpartition(" at ")[2].rstrip(". "))


def _of_a_field(mail: Mail) -> Bounce | None:
    """Exim's, Google's and others': a field of the header names them."""
    addresses = addresses_in(", ".join(mail.fields("x-failed-recipients")[:100]))
    lines = lines_of(mail.text)
    return _made(mail, [_failed(one, said_of(one, lines)) for one in addresses], "X-Failed-Recipients")


def _guessed(mail: Mail) -> Bounce | None:
    """By flufl.bounce, where it is installed, for what looks like a bounce."""
    if not _looks_like_one(mail):
        return None
    try:
        from flufl.bounce import all_failures
    except ImportError:
        return None
    import email

    # A part of it is enough for its detectors, which are no faster than the message is short.
    try:
        later, for_good = all_failures(email.message_from_bytes(mail.octets[:_MOST]))
    except Exception:  # of strangers' mail
        return None
    lines = lines_of(mail.text)
    recipients = []
    for found, action in ((for_good, "failed"), (later, "delayed")):
        for octets in sorted(found)[:1_000]:
            address = octets.decode("ascii", "replace")
            if address_of(address) is None:
                continue
            recipients.append(_failed(address, said_of(address, lines), action))
    return _made(mail, recipients, "flufl.bounce")


def is_from_a_mail_system(mail: Mail) -> bool:
    return bool(_SENDER.search(f"{plain(mail.field('from'))} {mail.field('sender')}"))


def _looks_like_one(mail: Mail) -> bool:
    return bool(
        mail.field("return-path").strip() == "<>"
        or mail.header.get_content_type() == "multipart/report"
        or is_from_a_mail_system(mail)
        or _SUBJECT.search(plain(mail.field("subject")))
    )


def _made(
    mail: Mail, recipients: list[BouncedRecipient], form: str, reporter: str | None = None
) -> Bounce | None:
    if not recipients:
        return None
    return Bounce("delivery", recipients, original_id(mail), form=form, reporter=reporter or None)


def _failed(address: str, words: str, action: str = "failed") -> BouncedRecipient:
    words = " ".join(words.split())[:1_000]
    status = hardness.status_in(words)
    return BouncedRecipient(
        address,
        action=action,
        status=status,
        diagnostic=words or None,
        hardness=hardness.of_failure(action, status, words, address, None),
    )
