"""Rules that forward caught mail to a real server. Nothing is forwarded without a rule."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

from rsmtp import Mailer
from rsmtp._rsmtp import CaughtMessage


@dataclass(frozen=True)
class Forwarded:
    """The result for one recipient: `fate` as in a receipt, and a sentence for a person."""

    address: str
    fate: str
    words: str


class Forwarder:
    """Forwards the messages to certain recipients, unchanged.

    Args:
        mailer: sends the messages. The caller still owns it.
        patterns: shell patterns of recipients whose mail is forwarded, ignoring case: "*@example.com",
            "ann@*". Other recipients of the same message get nothing.
    """

    def __init__(self, mailer: Mailer, patterns: Sequence[str]) -> None:
        self._mailer = mailer
        self._patterns = [pattern.casefold() for pattern in patterns]

    def matching(self, message: CaughtMessage) -> list[str]:
        """The recipients that the rules name."""
        return [
            address
            for address in message.rcpt_tos
            if any(fnmatch.fnmatchcase(address.casefold(), pattern) for pattern in self._patterns)
        ]

    def forward(self, message: CaughtMessage) -> list[Forwarded]:
        """Forwards the message. Errors of the server or the network are returned, not raised."""
        recipients = self.matching(message)
        if not recipients:
            return []
        report = None
        try:
            report = self._mailer.send_all([(message.mail_from, recipients, message.data)])
        except (OSError, ValueError) as error:
            report = getattr(error, "report", None)
            if report is None or not report.receipts:
                return [Forwarded(address, "not sent", _sentence(error)) for address in recipients]
        return [
            Forwarded(one.address, one.fate, one.text or _sentence(receipt.error))
            for receipt in report.receipts
            for one in receipt.recipients
        ] or [
            Forwarded(address, "not sent", _sentence(receipt.error))
            for receipt in report.receipts
            for address in recipients
        ]


def _sentence(error: BaseException | None) -> str:
    return "" if error is None else str(error) or type(error).__name__
