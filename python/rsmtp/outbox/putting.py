"""Puts messages into an outbox."""

from __future__ import annotations

import math
import os
import sqlite3
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import rsmtp
from rsmtp._client import outgoing
from rsmtp._client.enveloped import an_envelope
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._mailer.base import check_many
from rsmtp._mailer.feeding import BadRow
from rsmtp.display.short import counted
from rsmtp.outbox import content
from rsmtp.outbox.entry import Entry
from rsmtp.outbox.messages import Messages, entry_of
from rsmtp.outbox.store import Put

# How many messages are put in one transaction.
_AT_ONCE = 500


class KeyInUse(ValueError):
    """The key already belongs to another message. `entry` is that message."""

    def __init__(self, words: str, entry: Entry | None = None) -> None:
        super().__init__(words)
        self.entry = entry


@public
class Putting(Messages):
    _secret: bytes | None = None

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
        if envelope is not None:
            an_envelope(envelope)
        key = content.key_of(message, key)
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
        check_many(messages)
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
                key = content.key_of(message)
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
            entry = entry_of(connection, known.id)
            if known.digest == ready.digest():
                return entry
            raise self._in_use(key, entry)
        return entry_of(connection, self._store.put(connection, ready, how, key))

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
        if self._secret is None:
            with self._database.reading() as connection:
                query = "SELECT value FROM outbox_setting WHERE name = 'secret'"
                (self._secret,) = connection.execute(query).fetchone()
        assert self._secret is not None
        sender = None if item is message else an_envelope(item[1])._from
        envelope = outgoing.envelope_of(message, sender, None)
        return content.derived_message_id(self._secret, key, envelope.sender)

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


# The years 1 to 9999, which a datetime can hold.
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC).timestamp(), datetime.max.replace(tzinfo=UTC).timestamp() - 1


def _moment(argument: str, when: Any, now: float) -> float:
    seconds = _seconds(argument, when, now)
    if not _FIRST <= seconds <= _LAST:
        raise ValueError(f"{argument}: {when!r} is no time of the years 1 to 9999")
    return seconds


def _seconds(argument: str, when: Any, now: float) -> float:
    if isinstance(when, timedelta):
        return now + when.total_seconds()
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise ValueError(
                f"{argument}: {when} has no time zone: datetime.now(timezone.utc), or .astimezone()"
            )
        return when.timestamp()
    if isinstance(when, bool) or not isinstance(when, (int, float)) or math.isnan(when):
        raise arguments.wanted(argument, "a datetime or a time in seconds", when)
    return arguments.number(argument, when)
