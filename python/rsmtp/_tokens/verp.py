"""`Verp`: envelope senders that tell for which recipient a bounce has come, and that it is no forgery."""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterator
from typing import Any

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.mailboxes import folded
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import _envelope
from rsmtp._tokens.seal import Seal

# RFC 5321 4.5.3.1.1.
_LONGEST_LOCAL_PART = 64
# A server may add a whole one to the local part.
_LONGEST_ADDRESS = 320
# Stands where a sender for one recipient has that.
_ALL = "~~"
# What servers leave alone in a local part, but for the two that have a meaning here.
_PLAIN = re.compile(r"[A-Za-z0-9!#$&'*+/=?^_`{|}.-]+@[A-Za-z0-9.-]+")


class Returned:
    """For whom a bounce has come, as the address says that it came to.

    Attributes:
        recipient: the address; None where it did not fit into the sender's: `is_for` tells whether
            it is a given one.
        number: of the message in an outbox, where the sender was made with one.
        by_server: the server made the sender (`Verp(by_server=True)`). Only the message is sealed then:
            anyone who has got it can put another recipient in. None where the server made none.
    """

    __slots__ = ("_digest", "by_server", "number", "recipient")

    def __init__(
        self,
        recipient: str | None,
        number: int | None,
        digest: str | None = None,
        *,
        by_server: bool = False,
    ) -> None:
        self.recipient = recipient
        self.number = number
        self.by_server = by_server
        self._digest = digest

    def is_for(self, address: str) -> bool:
        """Whether this is the recipient's address."""
        key = folded(address)
        return self.recipient == key if self._digest is None else self._digest == _digest(key)

    def __repr__(self) -> str:
        number = "" if self.number is None else f", number {self.number}"
        other = "for all recipients" if self.by_server else "for a long address"
        return f"<Returned {self.recipient or other}{number}>"


@public
class Verp:
    """Makes a separate envelope sender for each recipient, as
    ``bounces+bob=example.org~k2v7q3h6ya@example.com`` (variable envelope return paths). A bounce comes
    to this address, whatever the bounce itself says, and the address can't be made without the secret.

        verp = rsmtp.Verp("bounces@example.com", secret=os.environ["BOUNCE_SECRET"])
        mailer = rsmtp.Mailer(url, verp=verp)

    Args:
        address: the mailbox for bounces. Its server has to deliver addresses with a delimiter and more
            behind it to the same mailbox (Postfix: ``recipient_delimiter = +``).
        secret: at least 16 octets that can't be guessed. With several, the first one makes new
            senders, and senders made with the others are still recognised.
        delimiter: "+", or another one that the server uses.
        by_server: messages with several recipients go out once, and the server makes the senders
            (Postfix's XVERP, `Envelope.xverp`). The server has to offer that; recipients are not sealed
            then, and an outbox takes only those that the message had.

    With `Mailer(verp=...)` each message must have one recipient, unless `by_server` is set; `each` makes
    one message for each.
    """

    def __init__(
        self,
        address: str,
        secret: rsmtp.typing.Secrets,
        *,
        delimiter: str = "+",
        by_server: bool = False,
    ) -> None:
        try:
            _, (normal,) = _envelope("", [arguments.text("address", address)])
        except ValueError as error:
            raise ValueError(str(error).replace("to_addrs", "address", 1)) from None
        self.address = normal
        local, at, self._domain = normal.rpartition("@")
        if not at or not local or local.startswith('"'):
            raise ValueError(f"address: {address!r} is not local-part@domain")
        if not re.fullmatch(r"[+=_-]|--", arguments.text("delimiter", delimiter)):
            raise ValueError(f"delimiter: {delimiter!r} is none of '+', '-', '_', '=' and '--'")
        if len(local) + len(delimiter) > _LONGEST_LOCAL_PART // 2 - 6:
            raise ValueError(f"address: {address!r} leaves no room for a recipient in 64 characters")
        self.by_server = arguments.flag("by_server", by_server)
        if by_server and delimiter not in ("+", "-", "="):
            raise ValueError(
                f"delimiter: Postfix makes senders with '+', '-' and '=', not with {delimiter!r}"
            )
        self._start = local + delimiter
        self._shared = re.compile(
            rf"{_ALL}(~[0-9]{{1,18}})?~([a-z2-7]+)"
            rf"(?:{re.escape(delimiter[0])}([^\x00-\x1f\x7f]{{1,320}})=([^=\x00-\x20\x7f]{{1,255}}))?"
        )
        self._seal = Seal(secret, f"verp {normal.casefold()}")

    def sender(self, recipient: str, *, number: int | None = None) -> str:
        """The envelope sender for this recipient. `number`: of the message in an outbox."""
        key = folded(arguments.text("recipient", recipient))
        if "@" not in key:
            raise ValueError(f"recipient: {recipient!r} has no domain")
        sequel = "" if number is None else f"~{arguments.count('number', number)}"
        end = f"{sequel}~{self._seal.for_address(key, sequel)}"
        local, _, domain = key.rpartition("@")
        who = f"{local}={domain}"
        if not _PLAIN.fullmatch(key) or len(self._start) + len(who) + len(end) > _LONGEST_LOCAL_PART:
            who = f"~{_digest(key)}"
            end = f"{sequel}~{self._seal.for_address(who, sequel)}"
        return f"{self._start}{who}{end}@{self._domain}"

    def sender_for_all(self, *, number: int | None = None) -> str:
        """The envelope sender that the server makes a recipient's own of (`Envelope.xverp`)."""
        sequel = "" if number is None else f"~{arguments.count('number', number)}"
        return f"{self._start}{_ALL}{sequel}~{self._seal.for_address(_ALL, sequel)}@{self._domain}"

    @property
    def xverp(self) -> str:
        """The delimiters by which the server has to make senders."""
        return f"{self._start[-1]}="

    def read(self, address: str) -> Returned | None:
        """For whom a bounce is that came to this address. None: it is no sender of ours, or forged."""
        local, _, domain = arguments.text("address", address).strip().strip("<>").rpartition("@")
        if (
            domain.casefold() != self._domain.casefold()
            or len(local) > _LONGEST_LOCAL_PART + _LONGEST_ADDRESS
        ):
            return None
        if not local.casefold().startswith(self._start.casefold()):
            return None
        if (shared := self._shared.fullmatch(local[len(self._start) :].casefold())) is not None:
            return self._of_all(*shared.groups())
        who, _, tag = local[len(self._start) :].casefold().rpartition("~")
        who, digits = who.rsplit("~", 1) if re.search(r"[^~]~[0-9]{1,18}\Z", who) else (who, "")
        sequel = f"~{digits}" if digits else ""
        number = int(digits) if digits else None
        if who.startswith("~"):
            return Returned(None, number, who[1:]) if self._seal.fits_address(tag, who, sequel) else None
        user, equals, domain = who.rpartition("=")
        recipient = f"{user}@{domain}"
        if not equals or not self._seal.fits_address(tag, recipient, sequel):
            return None
        return Returned(recipient, number)

    def _of_all(self, sequel: str | None, tag: str, user: str | None, domain: str | None) -> Returned | None:
        if not self._seal.fits_address(tag, _ALL, sequel or ""):
            return None
        recipient = None if user is None else f"{user}@{domain}"
        return Returned(recipient, int(sequel[1:]) if sequel else None, by_server=True)

    def each(self, message: rsmtp.typing.Sendable) -> Iterator[Any]:
        """One message for each recipient, each with a sender of its own, for `send_all` or an outbox's
        `put_all`. All of them are the same message: its To and Cc name the others, too. The options of
        an envelope are kept."""
        from rsmtp._client.enveloped import narrowed
        from rsmtp._client.outgoing import prepare

        _, given, *_ = prepare(message)
        _, recipients = _envelope("", given)
        for recipient in recipients:
            yield narrowed(message, self.sender(recipient), [recipient])

    def __repr__(self) -> str:
        return f"<Verp {self.address}>"


def _digest(key: str) -> str:
    return b32encode(hashlib.sha256(key.encode()).digest()).decode().lower()[:20]
