"""Sends an outbox with a Mailer."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any, Protocol

from rsmtp._common import observing
from rsmtp._mailer.feeding import Lists
from rsmtp._mailer.report import KEPT, Report
from rsmtp._mailer.rounds import break_off, rounds
from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.mailer import Mailer
from rsmtp.outbox.ahead import Ahead
from rsmtp.outbox.owner import TROUBLE, Owner, Ran, changing_rules
from rsmtp.outbox.store import Store
from rsmtp.outbox.telling import Telling


def run(store: Store, mailer: Mailer, *, forever: bool, stop: threading.Event) -> Ran:
    owner = Owner(store, stop.is_set)
    try:
        while True:
            trouble: Exception | None = None
            try:
                with Ahead(owner) as ahead:
                    send_claimed(ahead, mailer)
            except TROUBLE as raised:
                trouble = raised
            seconds = owner.follows(trouble, forever)
            if seconds is None or _sleep(owner, stop, seconds):
                return owner.ran
    finally:
        owner.end()


def _sleep(owner: Owner, stop: threading.Event, seconds: float) -> bool:
    """Sleeps. Returns whether `stop` was set."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if stop.wait(min(left, owner.store.lease / 8)):
            return True
        owner.stay()
    return False


class Sending(Protocol):
    """What `send_claimed` asks for: claims, and a record of what becomes of them."""

    def begin(self, mailer: Mailer) -> None: ...
    def claims(self) -> Iterator[list[Any]]: ...
    def say_ends(self, indexes: list[int], settled: dict[int, list[Recipient]]) -> bool: ...

    def settle_and_keep(self, receipts: list[Receipt]) -> list[Receipt]:
        """Takes more receipts. Returns those that have been stored since the last call."""

    def settle_rest(self) -> list[Receipt]:
        """Returns when all are stored, with those that no call has returned."""

    def settle(self, receipts: list[Receipt]) -> list[Receipt]:
        """Stores these at once, and all that it took: the sending has failed. Returns those that no call
        has returned."""


def send_claimed(owner: Sending, mailer: Mailer, *, one: bool = False) -> list[Receipt]:
    """Sends the messages that are claimed. Returns the receipts if it is only `one` message."""
    owner.begin(mailer)
    told: list[Receipt] = []
    receipts: list[Receipt] = []
    watch, rules = observing.sending("outbox run", mailer._hops), mailer._rules
    changing = changing_rules(mailer)
    sending = mailer._engine.send_all(
        True, KEPT, recorded=False, note=owner.say_ends, timed=watch.tell is not None
    )

    telling = Telling()

    def tell(stored: list[Receipt]) -> None:
        if watch.tell is not None or rules is not None:
            for receipt in telling.each(stored):
                if watch.tell is not None:
                    watch.tell(receipt)
                if rules is not None:
                    rules.tell(receipt)
        if one:
            told.extend(stored)

    try:
        claims, chain = owner.claims(), itertools.chain.from_iterable
        claimed: Any = Lists(claims) if changing is None else changing.each(chain(claims))
        with watch:
            for _ in rounds(sending, claimed, receipts):
                stored = owner.settle_and_keep(receipts)
                receipts.clear()
                # A receipt is stored before `after_send` gets it.
                tell(stored)
            tell(owner.settle_rest())
    except BaseException as raised:
        # What it had in hand is written down as well.
        report = Report()
        report.receipts = receipts
        break_off(sending, raised, report)
        stored = owner.settle(report.receipts)
        if telling.goes_on_after(raised):
            with telling.after(raised):
                tell(stored)
        raise
    return told


def send_one(store: Store, mailer: Mailer, message: int) -> Receipt | None:
    """Sends this message now, unless another process has claimed it."""
    owner = Owner(store)
    try:
        with Ahead(owner, message) as ahead:
            return next(iter(send_claimed(ahead, mailer, one=True)), None)
    finally:
        owner.end()
