"""Sends an outbox with an AsyncMailer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any
from weakref import ref

from rsmtp._aio.mailer import AsyncMailer
from rsmtp._aio.sending import AsyncSending
from rsmtp._mailer.feeding import AwaitedLists
from rsmtp._mailer.servers import Local
from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.outbox.ahead import Ahead
from rsmtp.outbox.owner import TROUBLE, Owner, Ran, changing_rules
from rsmtp.outbox.store import Store
from rsmtp.outbox.telling import Telling


class Notes:
    """Stores in a thread that messages are about to end, for all sessions together, so that the loop is
    not blocked."""

    #: Whose sessions are woken. It owns these notes, in a place that the garbage collector doesn't see.
    sending: ref[AsyncSending]

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
            if (sending := self.sending()) is not None:
                sending._nudge()
        self._writing = None


async def arun(store: Store, mailer: AsyncMailer, *, forever: bool, stop: asyncio.Event) -> Ran:
    async with _Owned(await asyncio.to_thread(Owner, store, stop.is_set)) as owner:
        while True:
            trouble: Exception | None = None
            try:
                await _asend_claimed(Ahead(owner), mailer)
            except TROUBLE as raised:
                trouble = raised
            seconds = await asyncio.to_thread(owner.follows, trouble, forever)
            if seconds is None or await _asleep(owner, stop, seconds):
                return owner.ran


class _Owned:
    """Ends the owner, also where the task is cancelled; but not where the loop was closed in the middle,
    and nothing can be awaited any more: then `Ahead` ends it, or its lease runs out."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner

    async def __aenter__(self) -> Owner:
        return self._owner

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not GeneratorExit:
            await asyncio.shield(asyncio.to_thread(self._owner.end))


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
        # Files and programs are written to by a thread, which can wait for the record itself.
        note=owner.say_ends if isinstance(mailer._hops[0], Local) else notes,
        rules=changing_rules(mailer),
        hooked=False,
    )
    notes.sending = ref(sending)
    receipts = sending._receipts

    telling = Telling()

    async def tell(stored: list[Receipt]) -> None:
        if rules is not None:
            for receipt in telling.each(stored):
                await rules.tell_awaited(receipt)
        if one:
            told.extend(stored)

    left: list[Receipt] = []
    rest: asyncio.Future[list[Receipt]] | None = None
    trouble: Exception | None = None
    groups = sending._groups()
    try:
        owner.begin(mailer)
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
                sending._end()
            left += receipts
            receipts.clear()
        if trouble is not None:
            raise trouble
        rest = asyncio.ensure_future(asyncio.to_thread(owner.settle_rest))
        stored = await asyncio.shield(rest)
        rest = None
        await tell(stored)
    except GeneratorExit:
        sending._stop()
        owner.leave([*left, *receipts])
        raise
    except BaseException as raised:
        await groups.aclose()
        # What it had in hand is written down as well, also where the task is cancelled again.
        stored = await asyncio.shield(_settled(owner, rest, [*left, *receipts]))
        if telling.goes_on_after(raised):
            with telling.after(raised):
                await tell(stored)
        raise
    return told


async def _settled(
    owner: Ahead, rest: asyncio.Future[list[Receipt]] | None, receipts: list[Receipt]
) -> list[Receipt]:
    """Stores these after the rest, if that is being stored: a task that was cancelled meanwhile has not got
    its result."""
    stored: list[Receipt] = []
    if rest is not None:
        with contextlib.suppress(Exception):
            stored = await rest
    return stored + await asyncio.to_thread(owner.settle, receipts)


async def _claims(owner: Ahead) -> AsyncIterator[list[Any]]:
    while claim := await asyncio.to_thread(owner.next_claim):
        yield claim


async def asend_one(store: Store, mailer: AsyncMailer, message: int) -> Receipt | None:
    async with _Owned(await asyncio.to_thread(Owner, store)) as owner:
        return next(iter(await _asend_claimed(Ahead(owner, message), mailer, one=True)), None)
