"""Bounces from before RFC 3464, and by programs that do without it."""

from __future__ import annotations

import re

from rsmtp._bounces import hardness
from rsmtp._bounces.parts import Mail, addresses_in
from rsmtp._bounces.report import original_id
from rsmtp._bounces.result import Bounce, BouncedRecipient
from rsmtp._bounces.wording import lines_of, said_of
from rsmtp.display.reader import plain

# https://cr.yp.to/proto/qsbmf.txt
_QSBMF = re.compile(r"\AHi\. This is (?:the )?(.{1,200})", re.S)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_SENDER = re.compile(r"mailer-?daemon|postmaster|mail delivery|mdaemon|mail[ -]?system|bounce", re.I)
# Octets that are looked at.
_MOST = 100_000
# Of an address in its brackets.
_LONGEST = 400


def read(mail: Mail) -> Bounce | None:
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
            recipients.append(failed(found[1], paragraph[found.end() :]))
    return made(mail, recipients, "QSBMF", begin[1].split("\n")[0].rpartition(" at ")[2].rstrip(". "))


def _of_a_field(mail: Mail) -> Bounce | None:
    """Exim's, Google's and others': a field of the header names them."""
    addresses = addresses_in(", ".join(mail.fields("x-failed-recipients")[:100]))
    lines = lines_of(mail.text)
    return made(mail, [failed(one, said_of(one, lines)) for one in addresses], "X-Failed-Recipients")


def is_from_a_mail_system(mail: Mail) -> bool:
    return bool(_SENDER.search(f"{plain(mail.field('from'))} {mail.field('sender')}"))


def made(
    mail: Mail, recipients: list[BouncedRecipient], form: str, reporter: str | None = None
) -> Bounce | None:
    if not recipients:
        return None
    return Bounce("delivery", recipients, original_id(mail), form=form, reporter=reporter or None)


def failed(address: str, words: str, action: str = "failed") -> BouncedRecipient:
    words = " ".join(words.split())[:1_000]
    status = hardness.status_in(words)
    return BouncedRecipient(
        address,
        action=action,
        status=status,
        diagnostic=words or None,
        hardness=hardness.of_failure(action, status, words, address, None),
    )
