"""The backend that stores messages in an outbox and leaves the sending to another process."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.db import connections, transaction
from django.utils.module_loading import import_string

from rsmtp.django.backend import EmailBackend
from rsmtp.outbox import Outbox, OutboxError


class OutboxBackend(EmailBackend):
    """Puts messages into an `rsmtp.Outbox`. `manage.py rsmtp_outbox run` sends them, using the other
    options.

    One of these options is required too. With EMAIL_BACKEND, put it into the setting RSMTP_OUTBOX, as
    `{"path": ...}`:

        path: the file of the outbox.
        database: instead, the name of an SQLite database in DATABASES. The messages are part of its open
            transaction: they are sent only if it is committed.

    A message with an attribute `key` is put once ("invoice/7": see `Outbox.put`). Afterwards each
    message has its entry as the attribute `entry`.
    """

    def __init__(self, *args: Any, path: Any = None, database: str | None = None, **options: Any) -> None:
        if options.get("alias") is None and path is None and database is None:
            place = getattr(settings, "RSMTP_OUTBOX", {})
            path, database = place.get("path"), place.get("database")
        if (path is None) == (database is None):
            raise ImproperlyConfigured(
                "rsmtp.django.OutboxBackend wants either path, a file, or database, one of DATABASES "
                "that is SQLite (in OPTIONS, or in the setting RSMTP_OUTBOX)"
            )
        super().__init__(*args, **options)
        self._path, self._database = path, database

    @property
    def outbox(self) -> Outbox:
        """Where the messages are put, one for all backends of the process."""
        path = str(self._file())
        try:
            return _opened(path)
        except OutboxError as error:
            if self._database is None or not connections[self._database].in_atomic_block:
                raise
            raise OutboxError(
                f"{error}. The tables of the outbox are made outside of a transaction: "
                "`manage.py migrate` makes them, where rsmtp.django is in INSTALLED_APPS, and so does "
                "`manage.py rsmtp_outbox status`"
            ) from error

    def _file(self) -> Any:
        if self._database is None:
            return self._path
        connection = connections[self._database]
        if connection.vendor != "sqlite" or connection.is_in_memory_db():
            raise ImproperlyConfigured(
                f"database: {self._database!r} is not an SQLite file, which an outbox needs: give it a "
                "path of its own"
            )
        return connection.settings_dict["NAME"]

    def open(self) -> bool:
        """Does nothing: there is nothing to connect to."""
        return False

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Puts the messages into the outbox and returns their number.

        Raises ValueError for an invalid address, before any message is put; KeyInUse for a key that
        another message has; OutboxError if the file can't be written. In the last two cases no message
        is put with `database`, and those before the error are put with `path`.
        """
        messages = [message for message in email_messages or () if message.recipients()]
        made = [self._sendable(message) for message in messages]
        outbox = self.outbox
        if self._database is None:
            for message, sendable in zip(messages, made, strict=True):
                message.entry = outbox.put(sendable, key=_key(message))
        else:
            with transaction.atomic(using=self._database):
                database = connections[self._database]
                database.ensure_connection()
                for message, sendable in zip(messages, made, strict=True):
                    message.entry = outbox.put(sendable, key=_key(message), connection=database.connection)
        return len(messages)


def make_tables(using: str) -> None:
    """Of the outboxes that are in this database of the project."""
    for backend in _of_project():
        connection = connections[using]
        if backend._database == using and connection.vendor == "sqlite" and not connection.is_in_memory_db():
            _ = backend.outbox


def _of_project() -> Iterator[OutboxBackend]:
    made: list[tuple[str, Callable[[], Any]]] = []
    if hasattr(mail, "mailers") and (mailers := getattr(settings, "MAILERS", None)):
        for alias, told in mailers.items():
            made.append((told.get("BACKEND"), functools.partial(mail.mailers.__getitem__, alias)))
    else:
        made.append((settings.EMAIL_BACKEND, mail.get_connection))
    for path, make in made:
        # No other backend is made: what it asks of its settings is none of ours.
        kind = import_string(path) if path else None
        if isinstance(kind, type) and issubclass(kind, OutboxBackend):
            yield make()


def _key(message: EmailMessage) -> str | None:
    return getattr(message, "key", None)


@functools.cache
def _opened(path: str) -> Outbox:
    return Outbox(path)
