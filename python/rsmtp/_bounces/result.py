"""What a report says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from rsmtp.advice import Advice

#: What kind of report it is: of a delivery (that failed, is late, or has succeeded), of a recipient
#: who complains, of a recipient who has read it, or by a program in the recipient's absence.
Kind = Literal["delivery", "complaint", "disposition", "auto-reply"]
#: Whether mail to this address can go on: "hard": the mailbox is not there, or takes no mail for
#: good. "soft": later it may be delivered, or still will be. "refused": this message was refused for
#: what it is or where it is from, which says nothing about the mailbox. "none": nothing failed.
Hardness = Literal["hard", "soft", "refused", "none"]


@dataclass(frozen=True)
class BouncedRecipient:
    """What a report says of one recipient."""

    #: As the server that reports knows it.
    address: str
    #: What the sender had said, where the report tells it: mail may have been forwarded.
    original: str | None = None
    #: "failed", "delayed", "delivered", "relayed" or "expanded" (RFC 3464 2.3.3); of other reports
    #: "complained", "displayed", "deleted" and what else RFC 8098 has, or "replied".
    action: str = "failed"
    #: As "5.1.1" (RFC 3463).
    status: str | None = None
    #: In the server's words.
    diagnostic: str | None = None
    #: The server that said it.
    remote_mta: str | None = None
    hardness: Hardness = "none"

    @property
    def sent_to(self) -> str:
        """As the sender had it, as far as the report tells."""
        return self.original or self.address

    @property
    def hard(self) -> bool:
        """Whether this address should get no more mail."""
        return self.hardness == "hard"

    @property
    def advice(self) -> Advice | None:
        """What the server's words mean, and what to do."""
        if self.action not in ("failed", "delayed"):
            return None
        from rsmtp._bounces import hardness

        words = f"{self.status or ''} {self.diagnostic or ''}"
        return hardness.advice_of(self.action, words, self.address, self.remote_mta)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Bounce:
    """A report about a message that was sent before."""

    kind: Kind
    recipients: list[BouncedRecipient] = field(default_factory=list)
    #: Of the message that it is about: its Message-ID, and the ENVID that it was sent with.
    message_id: str | None = None
    envid: str | None = None
    #: The sender in that message's envelope, where the report tells it.
    original_sender: str | None = None
    #: To whom the report itself came: with a `Verp` that tells the recipient.
    came_to: list[str] = field(default_factory=list)
    #: By what it was read: "RFC 3464", "RFC 5965", "RFC 8098", "RFC 3834", "QSBMF", a header field,
    #: "flufl.bounce" or, least certain, its "words".
    form: str = "RFC 3464"
    #: The server that reports, or the program.
    reporter: str | None = None
    #: Of a complaint: "abuse", "fraud", "virus", "opt-out", "not-spam", "other", ...
    feedback_type: str | None = None

    @property
    def hard(self) -> list[str]:
        """The addresses that should get no more mail: mailboxes that are not there. For a complaint
        the one who complains."""
        return [one.sent_to for one in self.recipients if one.hard]

    @property
    def soft(self) -> list[str]:
        """The addresses that may get it later."""
        return [one.sent_to for one in self.recipients if one.hardness == "soft"]

    @property
    def refused(self) -> list[str]:
        """The addresses that did not get this message, for what it is or where it is from."""
        return [one.sent_to for one in self.recipients if one.hardness == "refused"]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "recipients": [one.to_dict() for one in self.recipients]}

    def __str__(self) -> str:
        lines = []
        for one in self.recipients:
            told = one.action if one.hardness == "none" else f"{one.action} ({one.hardness})"
            words = " ".join(filter(None, (one.status, one.diagnostic)))
            lines.append(f"{one.sent_to} {told}{f': {words}' if words else ''}")
        return "\n".join(lines) or f"{self.kind}: no recipient is named"
