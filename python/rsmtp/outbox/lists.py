"""Sends a whole list through an outbox, for `send_all(messages, outbox=...)`."""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from rsmtp._mailer.feeding import BadRow
from rsmtp._mailer.report import KEPT, Report
from rsmtp._rsmtp import Receipt
from rsmtp.outbox import content
from rsmtp.outbox.entry import Entry, entries
from rsmtp.outbox.store import Put

if TYPE_CHECKING:
    from rsmtp.outbox.outbox import Outbox

# How many messages are put in one transaction, and read in one query.
_AT_ONCE = 500


class List:
    """The messages of one call, and their numbers in the outbox. A message's key is made from its
    content and a count of equal messages, so a list that is sent again finds its messages."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        # By position in the list; 0 for a message that could not be sent as it is.
        self._ids = array("q")
        self._unfit: list[Receipt] = []
        self._times: dict[bytes, int] = {}
        self._keys: set[str] = set()
        # Each with its own key.
        self._waiting: list[tuple[content.Content, str | None]] = []
        self._began = time.monotonic()

    def add(self, item: Any) -> None:
        """Adds a message. Messages are written to the file a few hundred at a time."""
        try:
            if type(item) is BadRow:
                raise item.error
            key = content.key_in(item)
            ready = content.content_of(item, self._outbox._message_id(key, item))
            if key is not None:
                self._check(key, ready)
        except Exception as unfit:
            self.write()
            told: dict[str, Any] = {"index": len(self._ids), "from_addr": "", "message_id": None}
            told |= {"attempts": 0, "server": None, "seconds": None, "error": None, "recipients": []}
            shown = item.row if type(item) is BadRow else item
            self._unfit.append(Receipt._restored(told, shown, unfit))
            self._ids.append(0)
            return
        self._waiting.append((ready, key))
        if len(self._waiting) >= _AT_ONCE:
            self.write()

    def _check(self, key: str, ready: content.Content) -> None:
        """Raises KeyInUse if another message has its key."""
        if key in self._keys:
            raise ValueError(f"key: {key!r} is that of another message in this list, too")
        self._keys.add(key)
        digest = ready.digest()
        with self._outbox._database.reading() as connection:
            known = self._outbox._store.known(connection, key, digest)
        if known is not None and not known.same:
            raise self._outbox._in_use(key, self._outbox.get(known.id))

    def write(self) -> None:
        if not self._waiting:
            return
        store, now = self._outbox._store, time.time()
        with self._outbox._database.writing() as connection:
            keys = [key or self._key(ready) for ready, key in self._waiting]
            known = store.known_among(connection, keys)
            pairs = zip((ready for ready, _ in self._waiting), keys, strict=True)
            new = [one for one in pairs if one[1] not in known]
            put = store.put_all(connection, new, Put(now, now))
            known.update(zip((key for _, key in new), put, strict=True))
        self._ids.extend(known[key] for key in keys)
        self._waiting.clear()

    def _key(self, ready: content.Content) -> str:
        digest = ready.digest()
        count = self._times[digest] = self._times.get(digest, 0) + 1
        return f"content:{digest.hex()}:{count}"

    def report(self) -> Report:
        """The result of each message, from this call or an earlier one."""
        report = Report()
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
        report.close((sent, refused, unknown, not_sent, suppressed))
        report.seconds = time.monotonic() - self._began
        return report

    def _told(self, index: int, entry: Entry) -> Receipt:
        receipt = entry.receipt
        message = (entry.from_addr, entry.to_addrs, None if receipt.ok else self._outbox.content(entry.id))
        return Receipt._restored(receipt.to_dict() | {"index": index}, message, receipt.error)

    def _entries(self) -> Iterator[tuple[int, Entry]]:
        for start in range(0, len(self._ids), _AT_ONCE):
            places = {id: start + at for at, id in enumerate(self._ids[start : start + _AT_ONCE]) if id}
            with self._outbox._database.reading() as connection:
                marks = ", ".join(map(str, places))
                page = list(entries(connection, f"id IN ({marks})"))
            for entry in page:
                yield places[entry.id], entry


def put_all(outbox: Outbox, messages: Iterable[Any]) -> List:
    kept = List(outbox)
    try:
        for item in messages:
            kept.add(item)
    finally:
        kept.write()
    return kept
