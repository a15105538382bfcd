"""Sends a whole list through an outbox, for `send_all(messages, outbox=...)`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from array import array
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rsmtp._common import arguments
from rsmtp._mailer.feeding import ENDED, BadRow
from rsmtp._mailer.report import KEPT, Report
from rsmtp._rsmtp import Receipt
from rsmtp.outbox import content
from rsmtp.outbox.database import OutboxError
from rsmtp.outbox.entry import Entry, entries
from rsmtp.outbox.messages import entry_of
from rsmtp.outbox.recipients import WAITING
from rsmtp.outbox.store import Put

if TYPE_CHECKING:
    from rsmtp.outbox.putting import Putting

# How many messages are put in one transaction, and read in one query.
_AT_ONCE = 500


class List:
    """The messages of one call, and their numbers in the outbox. A message's key is made from its
    content and a count of equal messages, so a list that is sent again finds its messages."""

    def __init__(self, outbox: Putting) -> None:
        self._outbox = outbox
        # By position in the list; 0 for a message that could not be sent as it is.
        self._ids = array("q")
        self._unfit: list[Receipt] = []
        self._times: dict[bytes, int] = {}
        self._keys: set[str] = set()
        # Each with its key, and the message itself if the key is its own.
        self._waiting: list[tuple[content.Content, str, Any]] = []
        self._began = time.monotonic()
        #: The error that the call ends with.
        self.failed: BaseException | None = None

    def add(self, item: Any) -> None:
        """Adds a message. Messages are written to the file a few hundred at a time."""
        try:
            if type(item) is BadRow:
                raise item.error
            key = content.key_of(item)
            ready = content.content_of(item, self._outbox._message_id(key, item))
            if key is not None:
                self._check(key)
        except Exception as unfit:
            self.write()
            self._add_unfit(item, unfit)
            return
        self._waiting.append((ready, self._key(ready), None) if key is None else (ready, key, item))
        if len(self._waiting) >= _AT_ONCE:
            self.write()

    def add_all(self, messages: Iterable[Any]) -> None:
        """Adds the messages. If the iterable raises, those before it are added."""
        try:
            for item in self._until_it_fails(messages):
                self.add(item)
        finally:
            self.write()

    async def aadd_all(self, messages: AsyncIterable[Any]) -> None:
        try:
            async with contextlib.aclosing(self._until_it_fails_awaited(messages)) as items:
                async for item in items:
                    await asyncio.to_thread(self.add, item)
        finally:
            await asyncio.shield(asyncio.to_thread(self.write))

    def _until_it_fails(self, messages: Iterable[Any]) -> Iterator[Any]:
        """The items of an iterable. What it raises is `failed`, and ends them. What is raised where they
        are used does not come here."""
        try:
            yield from messages
        except Exception as raised:
            self._fail(raised)

    async def _until_it_fails_awaited(self, messages: AsyncIterable[Any]) -> AsyncGenerator[Any, None]:
        try:
            async for item in messages:
                yield item
        except Exception as raised:
            self._fail(raised)

    def _fail(self, raised: Exception) -> None:
        raised.add_note(ENDED)
        self.failed = raised

    def _check(self, key: str) -> None:
        arguments.text("key", key)
        if key in self._keys:
            raise ValueError(f"key: {key!r} is that of another message in this list, too")
        self._keys.add(key)

    def _add_unfit(self, item: Any, unfit: Exception) -> None:
        told: dict[str, Any] = {"index": len(self._ids), "from_addr": "", "message_id": None}
        told |= {"attempts": 0, "server": None, "seconds": None, "error": None, "recipients": []}
        shown = item.row if type(item) is BadRow else item
        self._unfit.append(Receipt._restored(told, shown, unfit))
        self._ids.append(0)

    def write(self) -> None:
        if not self._waiting:
            return
        store, now = self._outbox._store, time.time()
        with self._outbox._database.writing() as connection:
            known = store.known_among(connection, [key for _, key, _ in self._waiting])
            # Another process may have put another message with one of the keys, until just now.
            others = {
                key: self._outbox._in_use(key, entry_of(connection, known[key].id))
                for ready, key, item in self._waiting
                if item is not None and key in known and known[key].digest != ready.digest()
            }
            new = [(ready, key) for ready, key, _ in self._waiting if key not in known]
            put = store.put_all(connection, new, Put(now, now))
        ids = {key: one.id for key, one in known.items()}
        ids.update(zip((key for _, key in new), put, strict=True))
        for _, key, item in self._waiting:
            if key in others:
                self._add_unfit(item, others[key])
            else:
                self._ids.append(ids[key])
        self._waiting.clear()

    def _key(self, ready: content.Content) -> str:
        digest = ready.digest()
        count = self._times[digest] = self._times.get(digest, 0) + 1
        return f"content:{digest.hex()}:{count}"

    def end_with(self, raised: BaseException) -> None:
        """Ends the call with this error, unless the iterable has failed before."""
        if self.failed is not None and isinstance(raised, Exception):
            self.failed.add_note(f"sending them was not finished: {raised}")
        else:
            self.failed = raised

    def report(self) -> Report:
        """The result of each message, from this call or an earlier one. An error that the call ends
        with has it as well."""
        report = Report()
        if self.failed is not None:
            self.failed.report = report  # type: ignore[attr-defined]
        try:
            self._fill(report)
        except OutboxError:
            if self.failed is None:
                raise
        return report

    def _fill(self, report: Report) -> None:
        report.receipts = self._unfit
        sent = refused = unknown = suppressed = 0
        not_sent = len(self._unfit)
        for index, entry in self._entries():
            receipt = entry.receipt
            if entry.state == "suppressed":
                suppressed += 1
            elif receipt.ok:
                sent += 1
                if sent > KEPT:
                    continue
            elif receipt.unknown:
                unknown += 1
            elif receipt.refused:
                refused += 1
            else:
                not_sent += 1
            report.receipts.append(self._told(index, entry))
            if entry.state in (*WAITING, "cancelled"):
                report._not_again.add(index)
        report._conclude((sent, refused, unknown, not_sent, suppressed))
        report.seconds = time.monotonic() - self._began

    def _told(self, index: int, entry: Entry) -> Receipt:
        receipt = entry.receipt
        message: Any = (entry.from_addr, entry.to_addrs, None)
        if not receipt.ok:
            message = content.item_of(self._outbox._stored(entry.id))
        return Receipt._restored(receipt.to_dict() | {"index": index}, message, receipt.error)

    def _entries(self) -> Iterator[tuple[int, Entry]]:
        for start in range(0, len(self._ids), _AT_ONCE):
            places = {id: start + at for at, id in enumerate(self._ids[start : start + _AT_ONCE]) if id}
            with self._outbox._database.reading() as connection:
                marks = ", ".join(map(str, places))
                page = list(entries(connection, f"id IN ({marks})"))
            for entry in page:
                yield places[entry.id], entry
