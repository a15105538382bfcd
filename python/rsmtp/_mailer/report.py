"""The results of many messages."""

from __future__ import annotations

import time

import rsmtp
from rsmtp._common.annotations import later
from rsmtp._common.arguments import wanted
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import Receipt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any
else:
    later(globals(), "Any Iterator")

# How many receipts of sent messages a Report keeps. It keeps all other receipts.
KEPT = 10_000
_COUNTS = ("sent", "refused", "unknown", "not_sent", "suppressed")


@public
class Report:
    """The results of the messages of one `send_all`.

    Attributes:
        sent, refused, unknown, not_sent: numbers of messages, each counted once, by its
            worst recipient: refused means that the server refused at least one of them,
            unknown that the fate of at least one can't be known.
        suppressed: number of messages that the mailer's own rules kept from all recipients.
        receipts: of every message that did not go to all its recipients, and of the first
            10,000 that did.
        seconds: from the first message to the last answer.
    """

    sent: int
    refused: int
    unknown: int
    not_sent: int
    suppressed: int
    receipts: list[Receipt]
    seconds: float

    def __init__(self) -> None:
        self.receipts = []
        self.sent = self.refused = self.unknown = self.not_sent = self.suppressed = 0
        self.seconds = 0.0
        # The indexes of messages that are not for their sender to send again: an outbox does that.
        self._not_again: set[int] = set()
        self._began = time.monotonic()

    def _conclude(self, tally: tuple[int, int, int, int, int]) -> None:
        self.sent, self.refused, self.unknown, self.not_sent, self.suppressed = tally
        self.seconds = time.monotonic() - self._began

    def _thin_out(self) -> int:
        """Removes receipts that a report does not keep. Returns how many are left."""
        if len(self.receipts) > 2 * KEPT:
            first, later = self.receipts[:KEPT], self.receipts[KEPT:]
            self.receipts[:] = first + [receipt for receipt in later if not receipt.ok]
        return len(self.receipts)

    @property
    def total(self) -> int:
        """The number of messages."""
        return self.sent + self.refused + self.unknown + self.not_sent + self.suppressed

    @property
    def ok(self) -> bool:
        """Whether every message was sent to every recipient, except suppressed ones."""
        return self.sent + self.suppressed == self.total

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.total / self.seconds if self.seconds else 0.0

    @property
    def troubles(self) -> list[Receipt]:
        """The receipts of all messages that were not sent to every recipient, refused ones first."""
        return sorted((r for r in self.receipts if not r.ok), key=lambda r: (not r.refused, r.index))

    @property
    def to_retry(self) -> list[Any]:
        """What can be passed to `send_all` again without any mail arriving twice: the
        message, or `(from_addr, to_addrs, message)` where only some of its recipients
        are without it. A message with an envelope keeps it, for these recipients alone.
        Recipients that were refused for good are left out, and so are those whose fate
        is unknown, and messages that wait in an outbox, which will try them again itself."""
        from rsmtp._client.enveloped import narrowed

        again = []
        for receipt in self.receipts:
            if receipt.index in self._not_again:
                continue
            wanting = [recipient.address for recipient in receipt.recipients if recipient.transient]
            if len(wanting) == len(receipt.recipients) > 0:
                again.append(receipt.message)
            elif wanting and isinstance(receipt.message, tuple):
                again.append(narrowed(receipt.message, receipt.from_addr, wanting))
            elif wanting:
                again.append((receipt.from_addr, wanting, receipt.message))
        return again

    def to_dict(self) -> dict[str, Any]:
        """The report as a dict for JSON, without the messages. `from_dict` reads it."""
        counts = {name: getattr(self, name) for name in (*_COUNTS, "seconds")}
        return {**counts, "receipts": [receipt.to_dict() for receipt in self.receipts]}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Report:
        """The report that `to_dict` has written. Raises ValueError or TypeError for anything else."""
        if not isinstance(told, dict):
            raise wanted("told", "what to_dict() writes", told)
        report = cls()
        try:
            sent, refused, unknown, not_sent = (told[name] for name in _COUNTS[:4])
            report._conclude((sent, refused, unknown, not_sent, told.get("suppressed", 0)))
            report.seconds = told["seconds"]
            report.receipts = [Receipt.from_dict(one) for one in told["receipts"]]
        except (KeyError, TypeError) as wrong:
            raise ValueError(f"told: this is not what Report.to_dict() writes: {wrong!r}") from None
        return report

    def to_dicts(self) -> list[dict[str, Any]]:
        """One row for each recipient of each receipt, in a form that data frames take."""
        return [
            {
                "index": receipt.index,
                "from_addr": receipt.from_addr,
                "address": recipient.address,
                "fate": recipient.fate,
                "code": recipient.code,
                "enhanced_code": recipient.enhanced_code,
                "text": recipient.text,
                "stage": recipient.stage,
                "transient": recipient.transient,
                "queue_id": receipt.queue_id if recipient.fate == "sent" else None,
                "attempts": receipt.attempts,
                "server": receipt.server,
                "error": _words(receipt),
            }
            for receipt in self.receipts
            for recipient in receipt.recipients or (_NoRecipient,)
        ]

    def raise_for_refused(self) -> None:
        """Raises for the first message that was not sent to every recipient."""
        for receipt in self.troubles:
            receipt.raise_for_refused()

    def __len__(self) -> int:
        return self.total

    def __repr__(self) -> str:
        return f"<Report {self._counts()}>"

    def __str__(self) -> str:
        from rsmtp.display.short import counted

        lines = [
            f"{counted(self.total, 'message')} in {self.seconds:.1f} s "
            f"({self.rate:,.0f} a second): {self._counts()}"
        ]
        troubles = self.troubles
        for receipt in troubles[:20]:
            lines += _lines(receipt)
        if len(troubles) > 20:
            lines.append(f"  and {len(troubles) - 20:,} more, in receipts")
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: counts and a table, refused and unknown first."""
        from rsmtp.display import report

        return report.bundle(self)

    def _counts(self) -> str:
        counts = ((name.replace("_", " "), getattr(self, name)) for name in _COUNTS)
        return ", ".join(f"{count:,} {name}" for name, count in counts if count or name == "sent")


def _lines(receipt: Receipt) -> Iterator[str]:
    from rsmtp.display.short import visible

    error = "" if receipt.error is None else _error(receipt.error)
    # A row of a merge is identified by its own number.
    index = "" if hasattr(receipt.error, "number") else f"{receipt.index}: "
    others = [recipient for recipient in receipt.recipients if recipient.fate != "sent"]
    alone = len(others) == 1 and not others[0].code
    for recipient in others:
        said = visible((recipient.text or "").replace("\n", " "))
        words = f"{recipient.code} {said}" if recipient.code else error if alone else ""
        yield f"  {receipt.index}: {recipient.address} {recipient.fate}{': ' if words else ''}{words}"
    if error and not alone:
        yield f"  {index}{error}"


def _error(error: BaseException) -> str:
    row = next((f" ({note})" for note in getattr(error, "__notes__", ()) if note.startswith("row ")), "")
    return f"{error}{row}"


class _NoRecipient:
    """The placeholder in the row of a message whose recipients are not known."""

    address = code = enhanced_code = text = stage = None
    fate = "not sent"
    transient = False


def _words(receipt: Receipt) -> str | None:
    error = receipt.error
    return None if error is None else rsmtp.errors.words(error)
