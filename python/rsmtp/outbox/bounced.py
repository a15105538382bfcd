"""Applies bounces and other reports to an outbox: finds the message, marks its recipients, suppresses
addresses."""

from __future__ import annotations

import re
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from rsmtp._bounces.result import Bounce, BouncedRecipient
from rsmtp._mailer.rules import folded_address
from rsmtp.outbox import fates, names, sent
from rsmtp.outbox.database import Database
from rsmtp.outbox.entry import entries
from rsmtp.outbox.recipients import WAITING, Standing, state_of, written

if TYPE_CHECKING:
    from rsmtp._tokens.verp import Returned, Verp

# Names of these events in a message's history.
_WHAT = {"failed": "bounced", "delayed": "delayed", "complained": "complained", "replied": "replied"}
_CODE = re.compile(r"(?<![\d.])(5\d\d)(?=[\s-])")
# The code most servers use, for a report without one.
_REFUSED, _DELIVERED = 550, 250


class Applied(NamedTuple):
    """The effect of a report on one of the recipients it names."""

    #: The address the message was sent to.
    address: str
    #: The message's number. None: it is no longer in the outbox, but the `Verp` vouches for the address.
    message: int | None
    #: "bounced", "delayed", "delivered", "complained", "replied", ...
    what: str
    #: Whether the address is now suppressed.
    suppressed: bool


class Bounced(NamedTuple):
    """A report, and what it changed."""

    bounce: Bounce
    #: One for each recipient of a message of this outbox. Empty: the report is about no such message, or
    #: forged.
    applied: list[Applied]

    def __str__(self) -> str:
        lines = []
        for one in self.applied:
            message = "" if one.message is None else f" of message {one.message}"
            lines.append(f"{one.address}{message}: {one.what}{', suppressed' if one.suppressed else ''}")
        return "\n".join(lines) or "a report about no message of this outbox"


class _Meant(NamedTuple):
    """A recipient of the reported message, with the address it was sent to."""

    message: int | None
    address: str
    told: BouncedRecipient


def apply(database: Database, bounce: Bounce, verp: Verp | None) -> Bounced:
    """Marks the recipients, and suppresses those that should get no more mail."""
    returned = None if verp is None else _returned(bounce, verp)
    if verp is not None and returned is None:
        return Bounced(bounce, [])
    now = time.time()
    if returned is None or returned.number is None:
        names.enter_all(database)
    with database.writing() as connection:
        meant = _meant(connection, bounce, returned)
        applied = [_apply(connection, bounce, one, now) for one in meant]
    return Bounced(bounce, applied)


def _returned(bounce: Bounce, verp: Verp) -> Returned | None:
    """The recipient that the report is about, read from the address it came to or, for a complaint, from
    the sender of the enclosed message."""
    addresses = [*bounce.came_to, *filter(None, [bounce.original_sender])]
    return next((found for one in addresses if (found := verp.read(one)) is not None), None)


def _meant(connection: sqlite3.Connection, bounce: Bounce, returned: Returned | None) -> list[_Meant]:
    message = _message(connection, bounce, returned)
    addresses = [] if message is None else fates.addresses(connection, message)
    if returned is not None and returned.by_server:
        # The recipient is not sealed. Where the server made no sender of it, the report names it.
        known = next((one for one in addresses if returned.is_for(one)), None)
        if returned.recipient is None:
            return _named(message, addresses, bounce)
        return (
            [] if known is None or not bounce.recipients else [_Meant(message, known, bounce.recipients[0])]
        )
    if returned is not None:
        # The report may name an address that the mail was forwarded to. The sender tells the original
        # recipient.
        known = next((one for one in addresses if returned.is_for(one)), returned.recipient)
        if known is None or not bounce.recipients:
            return []
        return [_Meant(message if known in addresses else None, known, bounce.recipients[0])]
    return [] if message is None else _named(message, addresses, bounce)


def _named(message: int | None, addresses: list[str], bounce: Bounce) -> list[_Meant]:
    """The recipients that the report names."""
    by_folded = {folded_address("address", one): one for one in addresses}
    found = []
    for told in bounce.recipients:
        for address in filter(None, (told.original, told.address)):
            if (known := by_folded.get(_folded(address))) is not None:
                found.append(_Meant(message, known, told))
                break
    if not found and len(addresses) == 1 and len(bounce.recipients) == 1:
        return [_Meant(message, addresses[0], bounce.recipients[0])]
    return found


def _message(connection: sqlite3.Connection, bounce: Bounce, returned: Returned | None) -> int | None:
    """The newest message that matches."""
    if returned is not None and returned.number is not None:
        found = connection.execute(
            "SELECT id FROM outbox_message WHERE id = ?", (returned.number,)
        ).fetchone()
        return None if found is None else int(found[0])
    if bounce.message_id:
        number = names.newest(connection, bounce.message_id)
        if number is not None:
            return number
    if bounce.envid:
        return names.newest(connection, names.envid(_xtext(bounce.envid)))
    return None


def _apply(connection: sqlite3.Connection, bounce: Bounce, one: _Meant, now: float) -> Applied:
    what = _WHAT.get(one.told.action, one.told.action)
    words = " ".join(filter(None, (one.told.status, one.told.diagnostic))) or bounce.feedback_type or ""
    server = one.told.remote_mta or bounce.reporter
    if one.message is not None:
        said = f"{one.address} {what}{f': {words}' if words else ''}"
        _mark(connection, one.message, one.address, _standing(bounce, one.told, words), now)
        _note(connection, one.message, now, what, said, server)
    if one.told.hard:
        why = f"{what}: {words}" if words else what
        suppress(connection, folded_address("address", one.address), why[:500], now)
    return Applied(one.address, one.message, what, one.told.hard)


def suppress(connection: sqlite3.Connection, folded: str, why: str, now: float) -> None:
    """Suppresses an address, for another reason where it is suppressed already."""
    connection.execute(
        "INSERT INTO outbox_suppression VALUES (?, ?, ?) ON CONFLICT (address) DO UPDATE"
        " SET why = excluded.why, at = excluded.at",
        (folded, why, now),
    )


def _standing(bounce: Bounce, told: BouncedRecipient, words: str) -> Standing | None:
    """The recipient's new state. None: unchanged."""
    if bounce.kind != "delivery":
        return None
    if told.action in ("delivered", "relayed", "expanded"):
        return Standing("sent", "sent", None, _DELIVERED, f"{words or told.action} (reported later)")
    if told.action == "failed":
        code = _CODE.search(told.diagnostic or "")
        text = f"{words or 'it came back'} (reported later)"
        return Standing("refused", "refused", "end of data", int(code[1]) if code else _REFUSED, text)
    return None


def _mark(
    connection: sqlite3.Connection, message: int, address: str, standing: Standing | None, now: float
) -> None:
    before = fates.of(connection, message)
    if before.state in WAITING:
        # A message that is queued or being sent gets its state from its sending.
        return
    if before.is_plainly_sent:
        # The message needs a row of its own now, and its history must keep the first event.
        entry = next(entries(connection, "id = ?", (message,)))
        fates.note(connection, message, before.changed, "sent", str(entry.receipt), before.server)
        sent.remove(connection, message)
    addresses = fates.addresses(connection, message)
    standings = before.standings(len(addresses))
    if standing is not None:
        # A delivered message can still bounce; "delivered" is better knowledge than "unknown".
        replaced = ("sent", "unknown") if standing.state == "refused" else ("unknown",)
        standings = [
            standing if to == address and one.state in replaced else one
            for to, one in zip(addresses, standings, strict=True)
        ]
    told = written(standings)
    after = before._replace(state=state_of(standings), changed=now, code=None, text=None, told=told)
    fates.write(connection, [after])


def _note(
    connection: sqlite3.Connection, message: int, now: float, what: str, words: str, server: str | None
) -> None:
    """The same report may arrive again, or be replayed: it is recorded once."""
    query = "SELECT 1 FROM outbox_event WHERE message = ? AND what = ? AND words = ?"
    if connection.execute(query, (message, what, words)).fetchone() is None:
        fates.note(connection, message, now, what, words, server)


def _xtext(text: str) -> str:
    """Encodes as xtext (RFC 3461 section 4)."""
    return "".join(one if "!" <= one <= "~" and one not in "+=" else f"+{ord(one):02X}" for one in text)


def _folded(address: str) -> str:
    try:
        return folded_address("address", address)
    except ValueError:
        return ""
