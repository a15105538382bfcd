"""Turns receipts into fates of messages, and the times of their retries."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.outbox import fates, options, sent, turns
from rsmtp.outbox.fates import Fate
from rsmtp.outbox.ranges import Range, cut, joined, ranges_of
from rsmtp.outbox.recipients import ENDS, Standing, state_of
from rsmtp.outbox.schedule import Schedule


class Settling:
    """The rows to write for some receipts.

    Args:
        told: the receipts, each with the number of its message. Of two for one message, the first counts.
        counted: whether asking a server counts as an attempt.
        as_stored: whether the messages went to their stored recipients, unchanged by a mailer's rules.
    """

    def __init__(
        self,
        schedule: Schedule,
        now: float,
        told: Sequence[tuple[int, Receipt]],
        *,
        counted: bool,
        as_stored: bool,
    ) -> None:
        self.schedule = schedule
        self.now = now
        self.counted = counted
        self._told = told
        # Computed before the transaction, to keep it short.
        runs, others = Receipt._runs(list(told)) if as_stored else ([], reversed(told))
        self._runs: list[sent.Run] = runs
        self._others = dict(others)
        self._of_runs = [Range(first, first + len(texts) - 1) for first, _, _, texts in self._runs]
        #: The numbers of the messages.
        self.messages = list(joined(sorted([*self._of_runs, *ranges_of(self._others)])))
        self.counts: dict[str, int] = {}
        self._sent: list[sent.Run] = []
        self._fates: list[tuple[Any, ...]] = []
        self._events: list[tuple[Any, ...]] = []
        self._queued: list[int] = []
        self._options: list[tuple[int, options.Said]] = []

    def add_all(self, connection: sqlite3.Connection, owner: int, held: list[Range]) -> None:
        """Adds the messages; `held` are those that were still this owner's."""
        fated = {fate.message: fate for one in held for fate in fates.among(connection, one.first, one.last)}
        _, fresh = cut(held, ranges_of(fated))
        plain, rest = cut(self._of_runs, fresh)
        self._add_sent(plain)
        receipts = self._others
        if rest:
            numbers = {message for one in rest for message in one.numbers}
            receipts |= {message: one for message, one in reversed(self._told) if message in numbers}
        mine, others = cut(ranges_of(receipts), held)
        for message in (message for one in mine for message in one.numbers):
            self._add_one(connection, message, receipts[message], fated.get(message))
        # An answer that arrives after the lease ran out still counts.
        for message in (message for one in others for message in one.numbers):
            fate = fates.of(connection, message)
            if fate.state == "unknown" and fate.owner == owner:
                self._add_one(connection, message, receipts[message], fate)

    def _add_sent(self, messages: list[Range]) -> None:
        """Adds messages of runs about which nothing was written before."""
        runs = iter(self._runs)
        first, server, code, texts = next(runs, (0, None, 0, []))
        for one in messages:
            while first + len(texts) <= one.first:
                first, server, code, texts = next(runs)
            some = texts[one.first - first : one.last + 1 - first]
            self._sent.append((one.first, server, code, some))
        if count := sum(one.total for one in messages):
            self.counts["sent"] = count

    def _add_one(
        self, connection: sqlite3.Connection, message: int, receipt: Receipt, before: Fate | None
    ) -> None:
        """`before`: its fate so far, if any."""
        addresses = fates.addresses(connection, message)
        what = self._add(message, receipt, before or Fate(message), addresses)
        self.counts[what] = self.counts.get(what, 0) + 1

    def _add(self, message: int, receipt: Receipt, before: Fate, addresses: list[str]) -> str:
        # The mailer's rules could not be checked. That is a temporary error.
        failed = getattr(receipt.error, "_of_rules", False)
        now, was_tried = self.now, self.counted and (receipt.attempts > 0 or failed)
        first_tried = now if before.first_tried is None else before.first_tried
        tried = before.attempts + was_tried
        due: float | None = None
        told: dict[str, list[Recipient]] = {}
        for one in receipt.recipients:
            told.setdefault(one.address, []).append(one)
        standings = before.standings(len(addresses))
        # An answer that arrives after its owner's lease ran out settles an unknown fate.
        open_ones = [at for at, one in enumerate(standings) if one.state in ("open", "unknown")]
        instead = _instead(receipt, {addresses[at] for at in open_ones})
        # Backwards: recipients that come first were settled first and may be stored already.
        for at in reversed(open_ones):
            found = told.get(addresses[at])
            recipient: Recipient | None = found.pop() if found else None
            if instead is not None and (
                recipient is None or (instead.transient and recipient.fate == "suppressed")
            ):
                recipient = instead
            if recipient is None and not failed:
                # The message could not be sent as it is, so the receipt names no recipient.
                standings[at] = Standing("dead")
                continue
            if recipient is not None and not recipient.transient:
                redirected = instead is not None and recipient.text == f"redirected to {instead.address}"
                # A redirected recipient takes the state of the recipient that replaced it.
                end = ENDS.get(instead.fate, "dead") if redirected and instead is not None else None
                standings[at] = Standing.told(recipient, end)
                continue
            if was_tried:
                words = "" if recipient is None else recipient.text or ""
                when = self.schedule.next_try(tried, first_tried, now, words)
            else:
                # No server was asked about this message, so it does not have to wait.
                when = now if now <= first_tried + self.schedule.give_up_after else None
            state = "dead" if when is None else "open"
            due = when if due is None else max(due, when or due)
            standings[at] = (
                Standing(state, transient=True) if recipient is None else Standing.told(recipient, state)
            )
        if (said := options.of(receipt)) is not None:
            self._options.append((message, said))
        state = state_of(standings)
        error = receipt.error
        fate = before._replace(
            state=state, changed=now, attempts=tried, first_tried=first_tried, owner=None,
            due=before.due if due is None else due, server=receipt.server or before.server,
            error=None if error is None else str(error),
        ).with_standings(standings)  # fmt: skip
        self._fates.append(fate)
        if state == "queued":
            self._queued.append(message)
        what = "put off" if state == "queued" else state
        if (was_tried or what != "put off") and not fate.is_plainly_sent:
            self._events.append((message, now, what, str(receipt), receipt.server))
        return what

    def write(self, connection: sqlite3.Connection) -> None:
        sent.write(connection, self.now, self._sent)
        fates.write(connection, self._fates)
        options.write(connection, self._options)
        connection.executemany("INSERT INTO outbox_event VALUES (?, ?, ?, ?, ?)", self._events)
        for message in self._queued:
            turns.queue(connection, message, message)


def _instead(receipt: Receipt, addresses: set[str]) -> Recipient | None:
    """Of the recipients that a mailer's rules put in place of these, the one that decides their fate. A
    message that one of them has, or may have, is not sent again."""
    others = [one for one in receipt.recipients if one.address not in addresses]
    had = (one for one in others if one.fate in ("sent", "unknown"))
    later = (one for one in others if one.transient)
    return next(had, None) or next(later, None) or next(iter(others), None)
