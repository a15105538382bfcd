"""Summaries of the messages that are kept: made when somebody looks, forgotten with
their messages. A large message is read from its beginning only."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from rsmtp import Catcher
from rsmtp._rsmtp import CaughtMessage
from rsmtp.inbox import html_view
from rsmtp.inbox.answer import Json, Refusal
from rsmtp.inbox.mail import Mail

READ_FOR_SUMMARY: Final = 256 * 1024
SEARCHED_TEXT: Final = 20_000
EXCERPT: Final = 160
PARSED_MAILS: Final = 4


@dataclass(frozen=True)
class Summary:
    number: int
    shown: Json
    searched: str


class Index:
    """What the page's list is made of. Threads may share it."""

    def __init__(self, catcher: Catcher) -> None:
        self._catcher = catcher
        self._summaries: dict[int, Summary] = {}
        self._mails: OrderedDict[int, Mail] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, search: str, before: int | None, limit: int) -> Json:
        """Newest first: `limit` messages whose number is below `before`, and how many
        there are in all."""
        words = search.casefold().split()
        kept = self._catcher.messages
        with self._lock:
            numbers = {message.number for message in kept}
            for gone in self._summaries.keys() - numbers:
                del self._summaries[gone]
            for gone in self._mails.keys() - numbers:
                del self._mails[gone]
        found: list[Json] = []
        total, more = 0, False
        for message in sorted(kept, key=lambda message: message.number, reverse=True):
            if words and not all(word in self._summary(message).searched for word in words):
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
        return summary


def summarise(message: CaughtMessage) -> Summary:
    mail = Mail(message.data[:READ_FOR_SUMMARY])
    text = mail.text
    if text is None and mail.html is not None:
        text = html_view.plain(mail.html[:READ_FOR_SUMMARY])
    text = (text or "")[:SEARCHED_TEXT]
    # An image that the HTML shows is no attachment to whoever reads the list.
    files = [part for part in mail.attachments if part.is_attachment or part.content_id is None]
    names = [part.name for part in files]
    fields = {name: mail.header(name) for name in ("From", "To", "Cc", "Subject", "Date")}
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
    }
    searched = [*fields.values(), message.mail_from, *message.rcpt_tos, *names, text]
    return Summary(message.number, shown, "\n".join(word for word in searched if word).casefold())
