"""Sends an outbox with a Mailer or an AsyncMailer."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import threading
import time
from array import array
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple, Protocol

from rsmtp._aio.mailer import AsyncMailer
from rsmtp._common import observing
from rsmtp._mailer.feeding import AwaitedLists, Lists
from rsmtp._mailer.report import KEPT, Report
from rsmtp._mailer.rounds import break_off, rounds
from rsmtp._mailer.rules import Rules
from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.errors import SMTPException
from rsmtp.mailer import Mailer
from rsmtp.outbox.ahead import Ahead
from rsmtp.outbox.database import LeaseLost
from rsmtp.outbox.store import CLAIM, Store

# A claim takes as many messages as are sent in this many seconds, up to a limit. So waiting for the disk
# at each claim does not hold up a fast server, and a slow one leaves messages for other processes.
_AHEAD = 0.1
_LARGEST = 8000
# With nothing to send, the file is checked again after at most this many seconds.
_LOOK = 1.0
# Pause, in seconds, before a busy or unreachable server is tried again. It doubles each time.
_FIRST_REST = 2.0
_LONGEST_REST = 300.0
# Errors that can end a round. `Owner.follows` decides what to do about them.
TROUBLE = (LeaseLost, SMTPException, OSError)


class Ran(NamedTuple):
    """The result of one run: numbers of messages."""

    sent: int = 0
    refused: int = 0
    unknown: int = 0
    dead: int = 0
    suppressed: int = 0
    #: Attempts after which a message waits for the next one.
    put_off: int = 0

    @property
    def ok(self) -> bool:
        """Whether every message was sent to every recipient that is not suppressed."""
        return self.sent + self.suppressed == sum(self)

    def plus(self, counts: dict[str, int]) -> Ran:
        so_far = zip(self._fields, self, strict=True)
        return Ran(*(before + counts.get(name.replace("_", " "), 0) for name, before in so_far))


class Owner:
    """This run as it is recorded in the file: its claims and its lease."""

    def __init__(self, store: Store, stop: Callable[[], bool] = lambda: False) -> None:
        self.store = store
        self._stop = stop
        self.ran = Ran()
        self.enlist()
        self._rest = 0.0
        # The size of a claim, and the number of messages settled since a time.
        self._most, self._since, self._settled = CLAIM, time.monotonic(), 0
        # Leases of the other owners that had claims when this run began.
        self._leases: dict[int, float] | None = None

    def enlist(self) -> None:
        """Registers the run. Called again after a lost lease, when its messages are free for all."""
        name = f"process {os.getpid()} on {socket.gethostname()}"
        self.id = self.store.enlist(name, time.time())
        self._renewed = time.monotonic()

    def stay(self) -> None:
        """Renews the lease of an owner without claims, for whom a lost lease does no harm."""
        try:
            self.keep()
        except LeaseLost:
            self.enlist()

    def begin(self, mailer: Mailer | AsyncMailer) -> None:
        """Begins another sending, which counts its messages from zero."""
        # A message goes to exactly its stored recipients.
        self._as_stored = _changing(mailer) is None
        # The number of each message, by its index in the sending.
        self._messages = array("q")
        self._failed = False
        # Ends that sessions are about to send; one of them writes them down.
        self._ends: deque[_Ends] = deque()
        self._saying = threading.Lock()

    def keep(self) -> None:
        """Renews the lease if it is time to."""
        if time.monotonic() - self._renewed > self.store.lease / 4:
            self.store.renew(self.id, time.time())
            self._renewed = time.monotonic()

    def claim(self, only: int | None = None) -> list[Any]:
        """Claims some of the messages that are due."""
        if self._stop():
            return []
        self.store.take_over(time.time())
        if self._settled:
            seconds, self._since = time.monotonic() - self._since, time.monotonic()
            self._most = min(max(int(self._settled / seconds * _AHEAD), CLAIM), _LARGEST)
            self._settled = 0
        claim = self.store.claim(self.id, time.time(), only, self._most)
        for some in claim.ranges:
            self._messages.extend(some)
        return claim.plain() if self._as_stored else claim.messages()

    def say_ends(self, indexes: list[int], settled: dict[int, list[Recipient]]) -> bool:
        messages = self._messages
        known = [(messages[index], recipients) for index, recipients in settled.items()]
        ends = _Ends([messages[index] for index in indexes], known)
        self._ends.append(ends)
        with self._saying:
            # What waits meanwhile is written by the session that writes next, for all of them.
            if not ends.is_told:
                self._say_all()
        if ends.failure is not None:
            raise ends.failure
        return True

    def _say_all(self) -> None:
        together = [self._ends.popleft() for _ in range(len(self._ends))]
        messages = [message for ends in together for message in ends.messages]
        known = [one for ends in together for one in ends.settled]
        failure: BaseException | None = None
        try:
            self.store.say_ends(self.id, messages, known, time.time())
        except BaseException as raised:
            # The messages are not at fault: this attempt does not count for them.
            self._failed = True
            failure = raised
        for ends in together:
            ends.is_told, ends.failure = True, failure

    def settle(self, receipts: list[Receipt], *, sync: bool = True) -> None:
        if not receipts:
            return
        self._settled += len(receipts)
        told = [(self._messages[receipt.index], receipt) for receipt in receipts]
        self.ran = self.ran.plus(
            self.store.settle(
                self.id, told, time.time(), counted=not self._failed, as_stored=self._as_stored, sync=sync
            )
        )
        if any(receipt.sent for receipt in receipts):
            self._rest = 0.0
        elif any(_slows(receipt) for receipt in receipts):
            self.slow_down()

    def slow_down(self) -> None:
        """Lengthens the pause: the server is busy or can't be reached, and no message is to blame."""
        self._rest = min(max(self._rest * 2, _FIRST_REST), _LONGEST_REST)

    def follows(self, trouble: Exception | None, forever: bool) -> float | None:
        """Seconds until the next round, after a round or the error that ended it. None: the run is over.
        Raises errors that another round would only meet again."""
        if isinstance(trouble, LeaseLost):
            self.enlist()
            return 0.0
        if trouble is not None:
            if not forever or getattr(trouble, "transient", True) is False:
                raise trouble
            # What was claimed ahead and never taken by the sending is not kept from being sent.
            self.end()
            self.enlist()
            self.slow_down()
        if self._stop():
            return None
        return max(self._rest, _LOOK) if forever else self._until_others_may_have_ended()

    def _until_others_may_have_ended(self) -> float | None:
        """Seconds until the next check of owners that may have died. None: there are none."""
        leases = self.store.others(self.id)
        if self._leases is None:
            self._leases = leases
        # An owner that has renewed its lease is alive and will send its messages. A lease that now ends
        # sooner was cut because the clock was set back.
        stale = [lease for owner, lease in leases.items() if lease <= self._leases.get(owner, 0.0)]
        self._leases.update((owner, lease) for owner, lease in leases.items() if lease in stale)
        return min(_LOOK, max(0.05, min(stale) - time.time() + 0.05)) if stale else None

    def end(self) -> None:
        self.store.resign(self.id, time.time())


class _Ends:
    """Some ends of one session, and the recipients that are settled already."""

    __slots__ = ("failure", "is_told", "messages", "settled")

    def __init__(self, messages: list[int], settled: list[tuple[int, list[Recipient]]]) -> None:
        self.messages = messages
        self.settled = settled
        self.is_told = False
        self.failure: BaseException | None = None


def _changing(mailer: Mailer | AsyncMailer) -> Rules | None:
    """The mailer's rules, if they may change or refuse a message."""
    return None if mailer._rules is None or mailer._rules.only_tells else mailer._rules


def _slows(receipt: Receipt) -> bool:
    return any(recipient._is_about_the_server for recipient in receipt.recipients)


# -- by threads --------------------------------------------------------------------------


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
    changing = _changing(mailer)
    sending = mailer._engine.send_all(
        True, KEPT, recorded=False, note=owner.say_ends, timed=watch.tell is not None
    )

    # What has raised when it was told is told no more.
    is_telling = False

    def tell(stored: list[Receipt]) -> None:
        nonlocal is_telling
        is_telling = True
        if watch.tell is not None or rules is not None:
            for receipt in stored:
                if watch.tell is not None:
                    watch.tell(receipt)
                if rules is not None:
                    rules.tell(receipt)
        is_telling = False
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
        if isinstance(raised, Exception) and not is_telling:
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


# -- by an event loop --------------------------------------------------------------------


class Notes:
    """Stores in a thread that messages are about to end, for all sessions together, so that the loop is
    not blocked."""

    #: Wakes the sessions.
    nudge: Callable[[], None]

    def __init__(self, owner: Ahead) -> None:
        self._owner = owner
        self._noted: set[int] = set()
        # Messages to store, with their settled recipients; and those that are being stored.
        self._wanted: dict[int, list[Recipient]] = {}
        self._in_writing: dict[int, list[Recipient]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._raised: BaseException | None = None

    def __call__(self, indexes: list[int], settled: dict[int, list[Recipient]]) -> bool:
        if self._raised is not None:
            raise self._raised
        if indexes[-1] in self._in_writing or indexes[-1] in self._wanted:
            # The session asks again at each turn, until all its ends are written down.
            return False
        if self._noted.issuperset(indexes):
            # Each end is sent once; another transaction of the same message asks again.
            self._noted.difference_update(indexes)
            return True
        for index in set(indexes) - self._noted - self._in_writing.keys():
            self._wanted[index] = settled.get(index, [])
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write())
        return False

    async def _write(self) -> None:
        while self._wanted:
            self._in_writing, self._wanted = self._wanted, {}
            settled = {index: known for index, known in self._in_writing.items() if known}
            try:
                await asyncio.to_thread(self._owner.say_ends, sorted(self._in_writing), settled)
            except BaseException as raised:
                self._raised = raised
            else:
                self._noted |= self._in_writing.keys()
            self._in_writing = {}
            self.nudge()
        self._writing = None


async def arun(store: Store, mailer: AsyncMailer, *, forever: bool, stop: asyncio.Event) -> Ran:
    owner = await asyncio.to_thread(Owner, store, stop.is_set)
    try:
        while True:
            trouble: Exception | None = None
            try:
                await _asend_claimed(Ahead(owner), mailer)
            except TROUBLE as raised:
                trouble = raised
            seconds = await asyncio.to_thread(owner.follows, trouble, forever)
            if seconds is None or await _asleep(owner, stop, seconds):
                return owner.ran
    finally:
        await asyncio.shield(asyncio.to_thread(owner.end))


async def _asleep(owner: Owner, stop: asyncio.Event, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(min(left, owner.store.lease / 8)):
                await stop.wait()
            return True
        except TimeoutError:
            await asyncio.to_thread(owner.stay)
    return False


async def _asend_claimed(owner: Ahead, mailer: AsyncMailer, *, one: bool = False) -> list[Receipt]:
    told: list[Receipt] = []
    notes, rules = Notes(owner), mailer._rules
    sending = mailer._sending(
        AwaitedLists(_claims(owner)),
        False,
        None,
        operation="outbox run",
        note=notes,
        rules=_changing(mailer),
        hooked=False,
    )
    notes.nudge = sending.nudge
    receipts = sending.receipts

    is_telling = False

    async def tell(stored: list[Receipt]) -> None:
        nonlocal is_telling
        is_telling = True
        if rules is not None:
            for receipt in stored:
                await rules.tell_awaited(receipt)
        is_telling = False
        if one:
            told.extend(stored)

    left: list[Receipt] = []
    trouble: Exception | None = None
    try:
        owner.begin(mailer)
        async with contextlib.aclosing(sending.groups()) as groups:
            async for _ in groups:
                try:
                    if trouble is None:
                        stored = owner.settle_and_keep(receipts)
                        receipts.clear()
                        # A receipt is stored before `after_send` gets it.
                        await tell(stored)
                except Exception as raised:
                    # What was taken before is sent, so that its fate is known.
                    trouble = raised
                    sending.end()
                left += receipts
                receipts.clear()
        if trouble is not None:
            raise trouble
        await tell(await asyncio.to_thread(owner.settle_rest))
    except BaseException as raised:
        # What it had in hand is written down as well, also where the task is cancelled again.
        stored = await asyncio.shield(asyncio.to_thread(owner.settle, [*left, *receipts]))
        if isinstance(raised, Exception) and not is_telling:
            await tell(stored)
        raise
    return told


async def _claims(owner: Ahead) -> AsyncIterator[list[Any]]:
    while claim := await asyncio.to_thread(owner.next_claim):
        yield claim


async def asend_one(store: Store, mailer: AsyncMailer, message: int) -> Receipt | None:
    owner = await asyncio.to_thread(Owner, store)
    try:
        return next(iter(await _asend_claimed(Ahead(owner, message), mailer, one=True)), None)
    finally:
        await asyncio.shield(asyncio.to_thread(owner.end))
