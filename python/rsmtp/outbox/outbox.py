"""`Outbox`, the public class."""

from __future__ import annotations

import os
import time
from types import TracebackType
from typing import Any, Self

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.outbox import looking
from rsmtp.outbox.by_hand import ByHand
from rsmtp.outbox.database import Database, OutboxError
from rsmtp.outbox.schedule import Schedule
from rsmtp.outbox.sending import Sending
from rsmtp.outbox.store import Store
from rsmtp.outbox.suppressing import Suppressing


@public
class Outbox(Sending, Suppressing, ByHand):
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
            variation. It is given up (state "dead") `give_up_after` after its first attempt. A waiting time
            in the server's reply is respected. Default: one minute, four hours, four days (RFC 5321
            section 4.5.4.1). The Mailer's own `retries` come before this.
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
        if path in ("", ":memory:"):
            raise ValueError(f"path: an outbox is a file, which {path!r} is not")
        arguments.path("path", path)
        arguments.amount("lease", lease)
        arguments.flag("read_only", read_only)
        schedule = Schedule.given(first_retry, longest_retry, give_up_after)
        self._database = Database(path, read_only=read_only)
        self._store = Store(self._database, schedule, lease)

    def close(self) -> None:
        """Closes the file. A sending in progress can't continue."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError(
            "Outbox: it has an open file, and can't be pickled or copied: pass its path on, and open that"
        )

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
