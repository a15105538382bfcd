"""Summaries of the messages that are kept. They are made on demand, and dropped together with
their messages. Of a large message, only the beginning is read."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from rsmtp import Catcher
from rsmtp._rsmtp import CaughtMessage
from rsmtp._web import html_view, search
from rsmtp._web.answer import Json, Refusal
from rsmtp._web.mail import Mail
from rsmtp.inbox import tags

READ_FOR_SUMMARY: Final = 256 * 1024
SEARCHED_TEXT: Final = 20_000
EXCERPT: Final = 160
PARSED_MAILS: Final = 4
LANGUAGE: Final = search.Language(
    fields=("from", "to", "cc", "bcc", "subject", "message-id", "tag"),
    states={
        "has": {"attachment": "attachment", "attachments": "attachment", "html": "html", "tls": "tls"},
        "is": {"tagged": "tagged"},
    },
)


@dataclass(frozen=True)
class Summary:
    number: int
    shown: Json
    searched: search.Searched

    def with_tags(self, names: list[str]) -> "Summary":
        shown = {**self.shown, "tags": names}
        states = self.searched.states - {"tagged"} | ({"tagged"} if names else set())
        fields = {**self.searched.fields, "tag": "\n".join(names).casefold()}
        return Summary(self.number, shown, replace(self.searched, states=states, fields=fields))


class Index:
    """What the page's list is made of. Threads may share it."""

    def __init__(self, catcher: Catcher, given: tags.Tags | None = None) -> None:
        self._catcher = catcher
        self.tags = tags.Tags() if given is None else given
        self._summaries: dict[int, Summary] = {}
        self._mails: OrderedDict[int, Mail] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, wanted: str, before: int | None, limit: int) -> Json:
        """Newest first: `limit` messages whose number is below `before`, and how many
        there are in all. Raises Refusal (400) for a search that can't be meant."""
        tests = LANGUAGE.parse(wanted)
        kept = self._catcher.messages
        with self._lock:
            numbers = {message.number for message in kept}
            for gone in self._summaries.keys() - numbers:
                del self._summaries[gone]
            for gone in self._mails.keys() - numbers:
                del self._mails[gone]
        self.tags.forget(self.tags.numbers() - numbers)
        found: list[Json] = []
        total, more = 0, False
        for message in sorted(kept, key=lambda message: message.number, reverse=True):
            if tests:
                searched = self._summary(message).searched
                if not all(test(searched) for test in tests):
                    continue
            total += 1
            if before is not None and message.number >= before:
                continue
            if len(found) < limit:
                found.append(self._summary(message).shown)
            else:
                more = True
        return {
            "messages": found,
            "total": total,
            "kept": len(kept),
            "count": self._catcher.count,
            "next": found[-1]["number"] if more and found else None,
        }

    def matching(self, wanted: str, before: int | None) -> list[int]:
        """The numbers of all messages below `before` that match. Raises Refusal (400) as `Language.parse`
        does for a whole search."""
        tests = LANGUAGE.parse(wanted, whole=True)
        kept = [one for one in self._catcher.messages if before is None or one.number < before]
        return [one.number for one in kept if all(test(self._summary(one).searched) for test in tests)]

    def summary(self, message: CaughtMessage) -> Json:
        return self._summary(message).shown

    def mail(self, message: CaughtMessage) -> Mail:
        """The message taken apart; the latest few are kept so."""
        with self._lock:
            mail = self._mails.get(message.number)
            if mail is not None:
                self._mails.move_to_end(message.number)
                return mail
        mail = Mail(message.data)
        with self._lock:
            self._mails[message.number] = mail
            while len(self._mails) > PARSED_MAILS:
                self._mails.popitem(last=False)
        return mail

    def message(self, number: int) -> CaughtMessage:
        """Raises Refusal (404) where it is not kept."""
        message = self._catcher.message(number)
        if message is None:
            raise Refusal(404, f"there is no message {number} (any more)")
        return message

    def _summary(self, message: CaughtMessage) -> Summary:
        summary = self._summaries.get(message.number)
        if summary is None:
            summary = summarise(message)
            with self._lock:
                self._summaries[message.number] = summary
        given = self.tags.of(message.number)
        return summary if given is None else summary.with_tags(given)


def summarise(message: CaughtMessage) -> Summary:
    mail = Mail(message.data[:READ_FOR_SUMMARY])
    text = mail.text
    if text is None and mail.html is not None:
        text = html_view.plain(mail.html[:READ_FOR_SUMMARY])
    text = (text or "")[:SEARCHED_TEXT]
    # An image that the HTML shows is not an attachment to a person who reads the list.
    files = [part for part in mail.attachments if part.is_attachment or part.content_id is None]
    names = [part.name for part in files]
    fields = {name: mail.header(name) for name in ("From", "To", "Cc", "Subject", "Date")}
    names_of_tags = tags.of_field(mail.header("X-Tags"))
    shown: Json = {
        "number": message.number,
        "received_at": message.received_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "mail_from": message.mail_from,
        "rcpt_tos": message.rcpt_tos,
        **{name.lower(): value for name, value in fields.items()},
        "size": message.size,
        "attachment_count": len(names),
        "excerpt": " ".join(text[: 4 * EXCERPT].split())[:EXCERPT],
        "tls_version": message.tls.version if message.tls else None,
        "tags": names_of_tags,
    }
    addressed = f"{fields['To'] or ''} {fields['Cc'] or ''}".casefold()
    hidden = [address for address in message.rcpt_tos if address.casefold() not in addressed]
    states = {
        "attachment": bool(names),
        "html": mail.html is not None,
        "tls": message.tls is not None,
        "tagged": bool(names_of_tags),
    }
    anywhere = [*fields.values(), message.mail_from, *message.rcpt_tos, *names, text]
    searched = search.Searched(
        anywhere=search.folded(anywhere),
        fields={
            "from": search.folded([fields["From"], message.mail_from]),
            "to": search.folded([fields["To"], *(message.rcpt_tos if fields["To"] is None else [])]),
            "cc": search.folded([fields["Cc"]]),
            "bcc": search.folded(hidden),
            "subject": search.folded([fields["Subject"]]),
            "message-id": search.folded([mail.header("Message-ID")]),
            "tag": search.folded(names_of_tags),
        },
        states=frozenset(name for name, holds in states.items() if holds),
        received_at=message.received_at,
        size=message.size,
    )
    return Summary(message.number, shown, searched)
