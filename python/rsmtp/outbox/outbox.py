"""`Outbox`, the public class."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, overload

import rsmtp
from rsmtp._aio.mailer import AsyncMailer
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._mailer.feeding import BadRow
from rsmtp._mailer.report import Report
from rsmtp._mailer.rules import folded_address
from rsmtp._rsmtp import Receipt
from rsmtp.display.short import counted
from rsmtp.mailer import Mailer
from rsmtp.outbox import bounced, content, lists, looking, running
from rsmtp.outbox.bounced import Bounced
from rsmtp.outbox.database import Database, OutboxError
from rsmtp.outbox.entry import Entry, History, counts, entries, events, in_states
from rsmtp.outbox.recipients import STATES, WORST
from rsmtp.outbox.schedule import Schedule
from rsmtp.outbox.store import Put, Store

# How many messages are put in one transaction.
_AT_ONCE = 500
# How many messages are read at a time.
_PAGE = 100
# A message that another process is sending is checked again after this many seconds.
_LOOK = 0.1


class KeyInUse(ValueError):
    """The key already belongs to another message. `entry` is that message."""

    def __init__(self, words: str, entry: Entry | None = None) -> None:
        super().__init__(words)
        self.entry = entry


# Why `retry` or `cancel` is refused, by the message's state.
_STANDS = {
    "queued": "is queued already",
    "sending": "is being sent",
    "sent": "has been sent",
    "refused": "was refused",
    "cancelled": "is cancelled already",
}


@public
class Outbox:
    """A queue of messages in a file.

    A message is stored before it is sent, and its result afterwards. The record that the end of its mail
    data is about to be sent is stored before that end is sent. So a process may die at any time: messages
    that were not sent are sent by the next process, messages that were sent are not sent again, and messages
    that may have been sent are *unknown* until a person decides (`retry`). Several threads and processes of
    one machine may share a file. It must not be on a network file system.

    Args:
        path: the file, created if it does not exist. It may be an application's SQLite database: the
            names of the outbox's tables begin with ``outbox_``.
        lease: seconds after which the messages claimed by a process that died are free again. A process
            that was stopped for longer than this does not send its claimed messages afterwards.
        first_retry, longest_retry, give_up_after: seconds. A message that is put off (4yz) is tried
            again after about `first_retry`, then after twice as long, up to `longest_retry`, with random
            variation. It is given up (state "dead") `give_up_after` its first attempt. A waiting time in
            the server's reply is respected. Default: one minute, four hours, four days (RFC 5321 section
            4.5.4.1). The Mailer's own `retries` come before this.
        read_only: the file is neither created nor changed; methods that would change it raise
            OutboxError. For a program that can't write the file, or should not.

    Raises OutboxError (a RuntimeError) if the file can't be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lease: float = 30.0,
        first_retry: float = 60.0,
        longest_retry: float = 4 * 3600.0,
        give_up_after: float = 4 * 86400.0,
        read_only: bool = False,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise arguments.wanted("path", "the path of a file", path)
        arguments.amount("lease", lease)
        arguments.flag("read_only", read_only)
        schedule = Schedule.given(first_retry, longest_retry, give_up_after)
        self._database = Database(path, read_only=read_only)
        self._store = Store(self._database, schedule, lease)
        self._secret_: bytes | None = None

    # -- putting messages -------------------------------------------------------------------

    def put(
        self,
        message: rsmtp.typing.Sendable,
        *,
        envelope: rsmtp.Envelope | None = None,
        key: str | None = None,
        at: datetime | float | None = None,
        expires: datetime | timedelta | float | None = None,
        priority: int = 0,
        connection: sqlite3.Connection | None = None,
    ) -> Entry:
        """Stores a message as it will be sent: its Date and Message-ID are set, and attached files are
        read. It is on disk when this returns.

        Args:
            message: a message, or `(from_addr, to_addrs, data)`.
            envelope: as for `Mailer.send`; its options are stored with the message. Durations
                (`hold_for`, `deliver_by`) count from when the message is sent.
            key: identifies the message, for example "invoice/7". The same message with the same key is
                not put twice: the entry of the first is returned. Date, Message-ID and boundaries may
                differ. The Message-ID is derived from the key. Default: the message's own key
                (`rsmtp.merge(key=...)`).
            at: the message is not sent before this time. A number is a time in seconds, as from
                `time.time()`.
            expires: the message is not sent after this time. A timedelta counts from now.
            priority: messages with a higher priority are sent first. Default: 0.
            connection: the application's connection to the same file. The message becomes part of the
                open transaction, or of a new one: it is queued when the application commits, and gone if
                it rolls back.

        Raises KeyInUse (a ValueError) for a key that another message has, ValueError or
        TypeError for a message that can't be sent as it is, OutboxError if the file can't be
        written.
        """
        key = arguments.maybe_text("key", content.key_in(message) if key is None else key)
        now = time.time()
        arguments.whole("priority", priority, -(2**31), 2**31 - 1, "a whole number")
        due = None if at is None else _moment("at", at, now)
        ends = None if expires is None else _moment("expires", expires, now)
        item: Any = message if envelope is None else (message, envelope)
        ready = content.content_of(item, self._message_id(key, item))
        how = Put(now, now if due is None else due, ends, priority)
        if connection is None:
            with self._database.writing() as own:
                return self._put(own, ready, key, how)
        self._check_connection(connection)
        return self._put(connection, ready, key, how)

    def put_all(
        self,
        messages: Iterable[rsmtp.typing.Sendable],
        *,
        priority: int = 0,
        at: datetime | float | None = None,
    ) -> int:
        """Stores many messages, some hundred in one transaction. Returns their number.

        A message with its own key (`rsmtp.merge(key=...)`) that is in the outbox already is not put
        again. The first message that can't be sent as it is raises an exception and stops the call;
        messages before it stay, and a note on the exception says how many. Bad rows of a merge don't
        stop the call: the other messages are put, and an ExceptionGroup is raised at the end. Arguments
        as for `put`.
        """
        now = time.time()
        due = None if at is None else _moment("at", at, now)
        arguments.whole("priority", priority, -(2**31), 2**31 - 1, "a whole number")
        how = Put(now, now if due is None else due, None, priority)
        count = 0
        waiting: list[tuple[content.Content, str | None]] = []
        bad: list[Exception] = []

        def write() -> None:
            nonlocal count
            in_use: KeyInUse | None = None
            with self._database.writing() as connection:
                for place, (ready, key) in enumerate(waiting):
                    if key is not None:
                        try:
                            self._put(connection, ready, key, how)
                        except KeyInUse as raised:
                            in_use = raised
                            del waiting[place:]
                            break
                self._store.put_all(connection, [one for one in waiting if one[1] is None], how)
            count += len(waiting)
            waiting.clear()
            if in_use is not None:
                raise in_use

        try:
            for message in messages:
                if type(message) is BadRow:
                    bad.append(message.error)
                    continue
                key = content.key_in(message)
                waiting.append((content.content_of(message, self._message_id(key, message)), key))
                if len(waiting) >= _AT_ONCE:
                    write()
            write()
        except Exception as raised:
            write()
            raised.add_note(f"{count} messages before it were put into the outbox")
            raise
        if bad:
            group = ExceptionGroup(f"{counted(len(bad), 'row')} can't be sent; the others were put", bad)
            group.add_note(f"{counted(count, 'message')} put into the outbox")
            raise group
        return count

    def _put(
        self, connection: sqlite3.Connection, ready: content.Content, key: str | None, how: Put
    ) -> Entry:
        if key is not None and (known := self._store.known_among(connection, [key]).get(key)) is not None:
            entry = _one(connection, known.id)
            if known.digest == ready.digest():
                return entry
            raise self._in_use(key, entry)
        return _one(connection, self._store.put(connection, ready, how, key))

    def _in_use(self, key: str, entry: Entry) -> KeyInUse:
        where = f"number {entry.id}, {entry.state}, to {', '.join(entry.to_addrs[:3])}"
        return KeyInUse(
            f"key: {key!r} was given to another message before ({where}): one key stands for one message, "
            "with the same recipients and content",
            entry,
        )

    def _message_id(self, key: str | None, item: Any) -> str | None:
        message = content.message_in(item)
        if key is None or not hasattr(message, "get_all"):
            return None
        if self._secret_ is None:
            with self._database.reading() as connection:
                query = "SELECT value FROM outbox_setting WHERE name = 'secret'"
                (self._secret_,) = connection.execute(query).fetchone()
        from rsmtp._client.outgoing import envelope_of

        assert self._secret_ is not None
        sender = None if item is message else item[1]._from
        return content.derived_message_id(self._secret_, key, envelope_of(message, sender, None).sender)

    def _check_connection(self, connection: sqlite3.Connection) -> None:
        if not isinstance(connection, sqlite3.Connection):
            raise arguments.wanted("connection", "a connection of sqlite3", connection)
        files = [row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main"]
        if not files[0] or not os.path.samefile(files[0], self._database.path):
            raise ValueError(
                f"connection: it is to {files[0] or 'a database in memory'}, and the outbox is in "
                f"{self._database.path}: one transaction needs one file"
            )
        if connection.isolation_level is not None and not connection.in_transaction:
            connection.execute("BEGIN")

    # -- sending -------------------------------------------------------------------------

    @overload
    def run(
        self, mailer: Mailer, *, forever: bool = False, stop: threading.Event | None = None
    ) -> running.Ran: ...

    @overload
    def run(
        self, mailer: AsyncMailer, *, forever: bool = False, stop: asyncio.Event | None = None
    ) -> Coroutine[Any, Any, running.Ran]: ...

    def run(
        self, mailer: Any, *, forever: bool = False, stop: threading.Event | asyncio.Event | None = None
    ) -> Any:
        """Sends all messages that are due, with a Mailer; `await` it with an AsyncMailer.

        A message that is put off waits in the file; this call does not wait for it. If another process
        has claimed messages and seems to have died, this call waits for its lease to end.

        Args:
            mailer: sends the messages, with its sessions, limits and rates.
            forever: keep waiting for more messages until `stop` is set or the task is cancelled. A
                server that can't be reached is tried again, at most five minutes later.
            stop: an event (of `threading`, or of `asyncio`). Messages in flight are finished first.

        Returns the numbers of messages by result. Raises what `send_all` raises when no server can be
        reached or accepts the login, and OutboxError if the file can't be written: no message is sent
        without a record.
        """
        arguments.flag("forever", forever)
        if isinstance(mailer, AsyncMailer):
            return running.arun(self._store, mailer, forever=forever, stop=stop or asyncio.Event())  # type: ignore[arg-type]
        if isinstance(mailer, Mailer):
            return running.run(self._store, mailer, forever=forever, stop=stop or threading.Event())  # type: ignore[arg-type]
        raise arguments.wanted("mailer", "a Mailer or an AsyncMailer", mailer)

    def send(
        self,
        mailer: Mailer,
        message: rsmtp.typing.Sendable,
        *,
        key: str,
        envelope: rsmtp.Envelope | None = None,
        wait: bool = True,
    ) -> Receipt:
        """`Mailer.send(message, key=key)`, with this outbox."""
        entry = self.put(message, envelope=envelope, key=key)
        while True:
            if (receipt := self._settled(entry)) is not None:
                return receipt
            if (receipt := running.send_one(self._store, mailer, entry.id)) is not None:
                return receipt
            entry = self._elsewhere(entry.id, wait)
            if self._settled(entry) is None:
                time.sleep(_LOOK)

    async def asend(
        self,
        mailer: AsyncMailer,
        message: rsmtp.typing.Sendable,
        *,
        key: str,
        envelope: rsmtp.Envelope | None = None,
        wait: bool = True,
    ) -> Receipt:
        """`AsyncMailer.send(message, key=key)`, with this outbox."""
        entry = await asyncio.to_thread(self.put, message, envelope=envelope, key=key)
        while True:
            if (receipt := self._settled(entry)) is not None:
                return receipt
            if (receipt := await running.asend_one(self._store, mailer, entry.id)) is not None:
                return receipt
            entry = await asyncio.to_thread(self._elsewhere, entry.id, wait)
            if self._settled(entry) is None:
                await asyncio.sleep(_LOOK)

    def send_all(self, mailer: Mailer, messages: Iterable[Any]) -> Report:
        """`Mailer.send_all(messages, outbox=outbox)`: with `make`, the rows have become messages
        already."""
        kept = lists.List(self)
        try:
            kept.add_all(messages)
            self.run(mailer)
        except BaseException as raised:
            kept.end_with(raised)
        report = kept.report()
        if kept.failed is not None:
            raise kept.failed
        return report

    async def asend_all(self, mailer: AsyncMailer, messages: Any) -> Report:
        """`AsyncMailer.send_all(messages, outbox=outbox)`."""
        kept = lists.List(self)
        try:
            if hasattr(messages, "__aiter__"):
                await kept.aadd_all(messages)
            else:
                await asyncio.to_thread(kept.add_all, messages)
            await self.run(mailer)
        except BaseException as raised:
            kept.end_with(raised)
        # A cancelled call has a report, too.
        report = await asyncio.shield(asyncio.to_thread(kept.report))
        if kept.failed is not None:
            raise kept.failed
        return report

    def _settled(self, entry: Entry) -> Receipt | None:
        return None if entry.state in ("queued", "sending") else entry.receipt

    def _elsewhere(self, id: int, wait: bool) -> Entry:
        self._store.take_over(time.time())
        entry = self._entry(id)
        if entry.state in ("queued", "sending") and not wait:
            raise OutboxError(f"message {id} (key {entry.key!r}) is being sent by another process or thread")
        return entry

    # -- suppressed addresses --------------------------------------------------------

    def suppress(self, address: str, why: str = "suppressed") -> None:
        """Suppresses an address that has bounced, or wants no mail: mailers with this outbox as
        `suppression` send it nothing more. Receipts show `why`. Raises ValueError for text that is not
        an address."""
        why, folded = arguments.text("why", why), folded_address("address", address)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO outbox_suppression VALUES (?, ?, ?) ON CONFLICT (address) DO UPDATE"
                " SET why = excluded.why, at = excluded.at",
                (folded, why, time.time()),
            )

    def unsuppress(self, address: str) -> bool:
        """The address gets mail again. Returns False if it was not suppressed."""
        folded = folded_address("address", address)
        with self._database.writing() as connection:
            gone = connection.execute("DELETE FROM outbox_suppression WHERE address = ?", (folded,))
            return gone.rowcount > 0

    def suppressions(self) -> dict[str, str]:
        """The suppressed addresses, and why each is suppressed."""
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT address, why FROM outbox_suppression ORDER BY address"))

    def _why_suppressed(self, folded: str) -> str | None:
        with self._database.reading() as connection:
            query = "SELECT why FROM outbox_suppression WHERE address = ?"
            found = connection.execute(query, (folded,)).fetchone()
            return None if found is None else found[0]

    def bounced(self, message: Any, *, verp: rsmtp.Verp | None = None) -> Bounced | None:
        """Applies a report that came back: an `rsmtp.Bounce`, or anything that `rsmtp.bounce` takes.
        None: it is not a report.

        The message is found by the sender that a `Verp` gave it, else by its Message-ID or its ENVID. A
        recipient that failed according to the report becomes `refused`, the report's text is added to
        the message's history, and an address that should get no more mail (the mailbox does not exist,
        or its owner complained) is suppressed.

        Args:
            verp: the one the mailer has. A report that was not sent to one of its addresses may be
                forged, and is then not applied. Without it, anyone who knows a message's Message-ID can
                get its recipient suppressed.
        """
        from rsmtp._bounces.reading import bounce
        from rsmtp._bounces.result import Bounce

        found = message if isinstance(message, Bounce) else bounce(message)
        return None if found is None else bounced.apply(self._database, found, verp)

    # -- reading -------------------------------------------------------------------------

    def status(self) -> dict[str, int]:
        """The numbers of messages in each state: "queued", "sending", "sent", "refused",
        "unknown", "dead", "suppressed", "cancelled"."""
        with self._database.reading() as connection:
            return counts(connection)

    def entries(self, state: str | Iterable[str] | None = None) -> Iterator[Entry]:
        """The messages in this state or these states, or all messages, in the order in which they were
        put."""
        where, given = ("TRUE", ()) if state is None else in_states(_states(state, STATES))
        last = 0
        while True:
            # No lock is held between messages: the caller may take its time, and change messages it has
            # read.
            with self._database.reading() as connection:
                found = entries(connection, f"id > ? AND {where}", (last, *given))
                page = list(itertools.islice(found, _PAGE))
            yield from page
            if len(page) < _PAGE:
                return
            last = page[-1].id

    def get(self, which: int | str) -> Entry:
        """The message with this number or key. Raises KeyError if there is none."""
        return self._entry(self._id(which))

    def history(self, which: int | str) -> History:
        """The events of a message, oldest first."""
        id = self._id(which)
        with self._database.reading() as connection:
            return events(connection, id)

    def content(self, which: int | str) -> bytes:
        """The message as it is sent, with CRLF."""
        id = self._id(which)
        with self._database.reading() as connection:
            query = "SELECT octets FROM outbox_message WHERE id = ?"
            octets: bytes = connection.execute(query, (id,)).fetchone()[0]
            return octets

    # -- changes by a person -------------------------------------------------------------------------

    def retry(self, which: int | str) -> Entry:
        """Queues a message again, for the recipients that did not get it: a message that was refused,
        given up or cancelled, or whose fate is unknown. An unknown one may then arrive twice. Raises
        ValueError for a message that is sent, queued or being sent."""
        return self._by_hand(which, self._store.retry, "retried")

    def cancel(self, which: int | str) -> Entry:
        """Cancels a queued message. Raises ValueError if a process is sending it, or it has a final
        state."""
        return self._by_hand(which, self._store.cancel, "cancelled")

    def _by_hand(self, which: int | str, change: Any, done: str) -> Entry:
        id = self._id(which)
        if not change(id, time.time()):
            state = self._entry(id).state
            raise ValueError(f"message {which!r} can't be {done}: it {_STANDS.get(state, f'is {state}')}")
        return self._entry(id)

    def purge(
        self,
        state: str | Iterable[str] = ("sent", "cancelled"),
        *,
        older_than: timedelta | float = 7 * 86400.0,
    ) -> int:
        """Deletes messages that reached this state or these states longer than `older_than` ago: a
        timedelta, or seconds. Default: seven days. Their keys are forgotten. Returns their number."""
        chosen = _states(state, (*WORST, "cancelled"))
        seconds = older_than.total_seconds() if isinstance(older_than, timedelta) else older_than
        if arguments.number("older_than", seconds) < 0:
            raise ValueError(f"older_than: {older_than!r} is not a length of time")
        return self._store.purge(chosen, time.time() - seconds)

    # ------------------------------------------------------------------------------------

    def _id(self, which: int | str) -> int:
        if isinstance(which, bool) or not isinstance(which, (int, str)):
            raise arguments.wanted("which", "the number or the key of a message", which)
        column = "id" if isinstance(which, int) else "key"
        with self._database.reading() as connection:
            found = connection.execute(
                f"SELECT id FROM outbox_message WHERE {column} = ?", (which,)
            ).fetchone()
        if found is None:
            raise KeyError(f"there is no message with the {'number' if column == 'id' else 'key'} {which!r}")
        id: int = found[0]
        return id

    def _entry(self, id: int) -> Entry:
        with self._database.reading() as connection:
            return _one(connection, id)

    def close(self) -> None:
        """Closes the file. A sending in progress can't continue."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Outbox {str(self._database.path)!r}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the number of messages in each state, the latest sent, and those in trouble; or
        why the file can't be read."""
        from rsmtp.display import outbox

        try:
            with self._database.reading() as connection:
                overview = looking.overview(connection, time.time(), 10)
        except OutboxError as error:
            return {"text/plain": f"{self!r}: {error}"}
        path = self._database.path
        return outbox.bundle(f"Outbox {path.name}", overview, path)

    def __str__(self) -> str:
        return ", ".join(f"{count} {state}" for state, count in self.status().items() if count) or "empty"


def _states(state: str | Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    states = (state,) if isinstance(state, str) else tuple(state)
    for one in states:
        arguments.one_of("state", one, known)
    return states


def _one(connection: sqlite3.Connection, id: int) -> Entry:
    return next(entries(connection, "id = ?", (id,)))


def _moment(argument: str, when: Any, now: float) -> float:
    if isinstance(when, timedelta):
        return now + when.total_seconds()
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError(
                f"{argument}: {when} has no time zone: datetime.now(timezone.utc), or .astimezone()"
            )
        return when.timestamp()
    if isinstance(when, bool) or not isinstance(when, (int, float)):
        raise arguments.wanted(argument, "a datetime or a time in seconds", when)
    return arguments.number(argument, when)
