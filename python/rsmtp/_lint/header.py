"""Rules about the header."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from rsmtp._common import tag_lists
from rsmtp.display import reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rsmtp._lint.view import Broken, View

# RFC 5322 section 3.6.
_ONCE = (
    "Date",
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
)
_MOST_VISIBLE = 50
# So much of a display name is searched for an address.
_LONGEST_NAME = 300
_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ADDRESS = re.compile(r"[^\s@\"<>(),;:]+@[^\s@\"<>(),;:]+\.[^\s@\"<>(),;:]+")


def check(view: View) -> Iterator[Broken]:
    yield from _authors(view)
    yield from _recipients(view)
    yield from _subject(view)
    yield from _names(view)
    for name in _ONCE:
        if len(view.fields(name)) > 1:
            yield "field-twice", f"{name} stands {len(view.fields(name))} times", name
    if view.octets is not None:
        yield from _supplied(view)
        yield from _octets(view.raw_head)
    yield from _unsubscribe(view)
    yield from _signature(view)


def _authors(view: View) -> Iterator[Broken]:
    authors = view.mailboxes("From")
    if not authors:
        yield "from-missing", "there is no From", "From"
    if len(authors) > 1 and not view.fields("Sender"):
        yield "from-several", f"From names {len(authors)} authors, and there is no Sender", "From"


def _recipients(view: View) -> Iterator[Broken]:
    named = [address for name in ("To", "Cc") for _, address in view.mailboxes(name)]
    if not named and not (view.octets is None and view.fields("Bcc")):
        yield "recipients-none", "there is neither To nor Cc", "To"
    counted = Counter(address.casefold() for address in named)
    twice = [address for address, count in counted.items() if count > 1]
    if twice:
        yield "recipients-twice", f"{twice[0]} is named twice", "To, Cc"
    if len(counted) > _MOST_VISIBLE:
        yield "recipients-visible", f"{len(counted)} recipients see one another", "To, Cc"
    if view.octets is not None and view.fields("Bcc"):
        yield "bcc-visible", f"Bcc: {view.field('Bcc')}", "Bcc"
    if view.fields("Return-Path") and not view.fields("Received"):
        yield "return-path", "there is a Return-Path in a message that was not delivered yet", "Return-Path"


def _names(view: View) -> Iterator[Broken]:
    for name in ("From", "Sender", "Reply-To", "To", "Cc"):
        local = view.local_mailboxes(name) if name in ("To", "Cc") else ()
        for display, address in view.mailboxes(name):
            if address in local:
                # RFC 5321 section 2.3.5: postmaster stands without a domain, at every server.
                if address.casefold() != "postmaster":
                    yield "address-local", f"{address!r} has no domain", name
            elif not re.fullmatch(r"[^@\s]+@[^@\s]+|\".*\"@[^@\s]+", address):
                yield "address-invalid", f"{(display + ' ' + address).strip()!r} is no address", name
            shown = _ADDRESS.search(display[:_LONGEST_NAME])
            if name in ("From", "Sender", "Reply-To") and shown and shown[0].casefold() != address.casefold():
                yield "display-name-address", f"{display!r} is shown, {address} is the address", name
            if _DIRECTION.search(display):
                yield "direction-control", f"the name {display!r} turns the direction of text", name
    if _DIRECTION.search(view.field("Subject") or ""):
        yield "direction-control", "the subject turns the direction of text", "Subject"


def _subject(view: View) -> Iterator[Broken]:
    subject = (view.field("Subject") or "").strip()
    if not subject:
        yield "subject-missing", "the subject is empty", "Subject"
        return
    letters = [letter for letter in subject if letter.isalpha() and letter.lower() != letter.upper()]
    if len(letters) >= 10 and all(letter.isupper() for letter in letters):
        yield "subject-capitals", "the subject is in capitals", "Subject"
    if len(subject) > 150:
        yield "subject-long", f"the subject has {len(subject)} characters", "Subject"
    if re.match(r"(re|aw|fwd?|wg)\s*:", subject, re.IGNORECASE) and not (
        view.fields("In-Reply-To") or view.fields("References")
    ):
        yield (
            "reply-without-thread",
            f"the subject begins with {subject[:4]!r}, and names no message",
            "Subject",
        )


def _supplied(view: View) -> Iterator[Broken]:
    """What rsmtp writes into a message that it sends."""
    from rsmtp.email.utils import parsedate_to_datetime

    written = view.field("Date")
    if written is None:
        yield "date-missing", "there is no Date", "Date"
    else:
        date = reader.safely(lambda: parsedate_to_datetime(written), None)
        if date is None:
            yield "date-invalid", f"{written!r} is no date", "Date"
        else:
            date = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
            if date > datetime.now(UTC) + timedelta(days=1):
                yield "date-future", f"the message is from the future: {written}", "Date"
    own_id = view.field("Message-ID")
    if own_id is None:
        yield "message-id-missing", "there is no Message-ID", "Message-ID"
    elif not re.fullmatch(r"<[^<>\s@]+@[^<>\s@]+>", own_id.strip()):
        yield "message-id-invalid", f"{own_id!r} is no Message-ID", "Message-ID"


def _octets(head: bytes) -> Iterator[Broken]:
    for line in re.split(rb"\r?\n", head):
        name = line.partition(b":")[0][:40].decode("ascii", "replace")
        if not line.isascii():
            yield "header-8bit", "the header has octets beyond ASCII", name
            return


def _unsubscribe(view: View) -> Iterator[Broken]:
    given = view.field("List-Unsubscribe")
    if given is None:
        if view.is_bulk:
            yield "unsubscribe-missing", "bulk mail without List-Unsubscribe", "List-Unsubscribe"
        return
    urls = [url.strip() for url in re.findall(r"<([^<>]+)>", given)]
    if any(url.lower().startswith("http:") for url in urls):
        yield "unsubscribe-insecure", "the URL is not https", "List-Unsubscribe"
    elif not any(url.lower().startswith("https:") for url in urls) or not view.fields(
        "List-Unsubscribe-Post"
    ):
        yield "unsubscribe-one-click", "it can't be unsubscribed in one click", "List-Unsubscribe"


def _signature(view: View) -> Iterator[Broken]:
    signatures: list[dict[str, str]] = []
    wrong = ""
    for value in view.fields("DKIM-Signature"):
        try:
            signatures.append(tag_lists.read(value))
        except ValueError as why:
            wrong = f"the signature can't be read: {why}"
    if not signatures and wrong:
        yield "dkim-missing", wrong, "DKIM-Signature"
        return
    if view.octets is None and not signatures:
        return  # it may still be signed
    if not signatures:
        if view.is_bulk:
            yield "dkim-missing", "bulk mail without a DKIM signature", "DKIM-Signature"
        return
    authors = [address.rpartition("@")[2].lower() for _, address in view.mailboxes("From")]
    if authors and not any(_is_aligned(authors[0], tags.get("d", "").lower()) for tags in signatures):
        domains = ", ".join(tags.get("d", "?") for tags in signatures)
        yield "dkim-other-domain", f"{domains} has signed mail from {authors[0]}", "DKIM-Signature"
    if view.fields("List-Unsubscribe-Post"):
        wanted = {"list-unsubscribe", "list-unsubscribe-post"}
        signed = [{name.strip().lower() for name in tags.get("h", "").split(":")} for tags in signatures]
        if not any(wanted <= names for names in signed):
            yield "unsubscribe-unsigned", "the signature leaves the unsubscribe fields out", "DKIM-Signature"


def _is_aligned(author: str, signer: str) -> bool:
    """Relaxed, as far as it can be told without the list of public suffixes."""
    return bool(signer) and (
        author == signer or author.endswith(f".{signer}") or signer.endswith(f".{author}")
    )
