"""`MailHandler`: sends log records by mail, many in one mail."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from rsmtp._client.outgoing import addresses_in
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.display.short import counted
from rsmtp.logging import letter
from rsmtp.logging.batch import Batch
from rsmtp.mailer import Mailer
from rsmtp.message import Message

_HOUR = 3600.0
# Pause, in seconds, before a mail that could not be sent is tried again. It doubles each time.
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 1800.0


# Set in a thread that sends records. Records logged there are about the sending, and no MailHandler
# mails them: two handlers would mail each other for ever.
_mailing = threading.local()


@public
class MailHandler(logging.Handler):
    """Mails log records in the background, the records of a few seconds together.

    It can replace `logging.handlers.SMTPHandler`: the first seven arguments are the same. The
    differences: logging does not wait for the server; records within `delay` go into one mail, and
    records that differ only in their arguments are shown once, with their number; at most `per_hour`
    mails are sent in any hour, and later records go into the next mail; a mail that can't be sent is
    kept and tried again. `logging.shutdown` sends the rest at exit. Records about the sending itself are
    not mailed.

    Args:
        mailhost: a host, `(host, port)`, a URL for `Mailer`, or a Mailer or another object with its
            `send`.
        fromaddr: the sender.
        toaddrs: one recipient, or a list of them.
        subject: the subject of the mails. With several records, their number is added. A subclass may
            override `getSubject(record)`, which gets the first record of the highest level.
        credentials: `(username, password)`, if `mailhost` is a host. They require TLS.
        secure: a tuple asks for STARTTLS: `()`, or the files of a client's key and certificate,
            `(key_and_certificate,)` or `(key, certificate)`. None: STARTTLS with credentials,
            and no TLS without, as in SMTPHandler.
        timeout: how many seconds the server may be silent.
        delay: how many seconds a record waits for others. 0 sends each record at once, in its own mail.
        per_hour: the maximum number of mails in any hour. Default: 20.
        capacity: the maximum number of kinds of records in one mail; further ones are only counted.
            Default: 100.
        level: the handler's level, as in `logging.Handler`.
        mailer: further arguments of `Mailer`, a dict: `{"context": ..., "proxy": ...}`.

    Raises ValueError or TypeError for invalid arguments.
    """

    def __init__(
        self,
        mailhost: str | tuple[str, int] | Any,
        fromaddr: str,
        toaddrs: str | Sequence[str],
        subject: str,
        credentials: tuple[str, str] | None = None,
        secure: tuple[()] | tuple[str] | tuple[str, str] | None = None,
        timeout: float = 5.0,
        *,
        delay: float = 10.0,
        per_hour: int = 20,
        capacity: int = 100,
        level: int | str = logging.NOTSET,
        mailer: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(level)
        arguments.amount("timeout", timeout)
        if not 0 <= arguments.number("delay", delay) < 1e9:
            raise ValueError(f"delay: {delay!r} is not a number of seconds")
        arguments.whole("per_hour", per_hour, 1, 1_000_000, "a whole number from 1 on")
        arguments.whole("capacity", capacity, 1, 1_000_000, "a whole number from 1 on")
        addresses_in("fromaddr", arguments.text("fromaddr", fromaddr))
        self.fromaddr = fromaddr
        self.toaddrs = [toaddrs] if isinstance(toaddrs, str) else list(toaddrs)
        for address in self.toaddrs:
            addresses_in("toaddrs", arguments.text("toaddrs", address))
        self.subject = arguments.text("subject", subject)
        self._delay, self._per_hour, self._capacity = delay, per_hour, capacity
        self._timeout = timeout
        self._mailer: Any = mailhost
        self._is_ours = not hasattr(mailhost, "send")
        if self._is_ours:
            options = _connection(mailhost, credentials, secure) | {"timeout": timeout, "retries": 0}
            self._mailer = Mailer(**(options | (mailer or {})))
        self._begin()

    def _begin(self) -> None:
        """Resets the handler in a forked child, which has neither the thread nor the records."""
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._thread: threading.Thread | None = None
        self._batch = Batch(self._capacity)
        # The records of the mail that is being sent.
        self._in_hand = 0
        self._due = 0.0
        self._sent_at: deque[float] = deque(maxlen=self._per_hour)
        self._pause = 0.0
        self._tried_again_at = 0.0
        self._is_closed = False

    # -- records ---------------------------------------------------------------------------

    def getSubject(self, record: logging.LogRecord) -> str:
        return self.subject

    def filter(self, record: logging.LogRecord) -> Any:
        """Overridden because it runs without the handler's lock."""
        if getattr(_mailing, "now", False):
            return False
        return super().filter(record)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            if self._process != os.getpid():
                self._begin()
            with self._changed:
                if not self._batch.count:
                    self._due = time.monotonic() + self._delay
                self._batch.add(record, text)
                if self._thread is None and not self._is_closed:
                    thread = threading.Thread(target=self._run, name="rsmtp.logging", daemon=True)
                    thread.start()
                    self._thread = thread
                    self._flush_at_end_of_child()
                self._changed.notify_all()
        except Exception:
            self.handleError(record)

    def _flush_at_end_of_child(self) -> None:
        """A forked `multiprocessing` child exits without `logging.shutdown`."""
        multiprocessing = sys.modules.get("multiprocessing")
        if multiprocessing is not None and multiprocessing.parent_process() is not None:
            from multiprocessing.util import Finalize

            Finalize(None, self.flush, exitpriority=1)

    def flush(self) -> None:
        """Sends the waiting records at once, unless the hour's mails are used up."""
        if self._process == os.getpid() and not self._is_closed and self._allowed_at() <= time.monotonic():
            self._send()

    def close(self) -> None:
        """Sends the rest and closes the handler, within `timeout`. `logging.shutdown` calls it at
        exit."""
        if self._process == os.getpid() and not self._is_closed:
            with self._changed:
                self._is_closed = True
                self._changed.notify_all()
            if self._thread is None:
                self._send_the_rest()
            elif self._thread is not threading.current_thread():
                self._thread.join(self._timeout)
            if left := self._in_hand + self._batch.count:
                self._say(f"{counted(left, 'log record')} could not be mailed")
        super().close()

    def _send_the_rest(self) -> None:
        self._send()
        if self._is_ours:
            self._mailer.close()

    # -- mails -----------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._is_closed and (wait := self._wait()) != 0:
                    self._changed.wait(wait)
                is_closed = self._is_closed
            if is_closed:
                return self._send_the_rest()
            self._send()

    def _wait(self) -> float | None:
        """Seconds until the next mail. None: there is nothing to mail yet."""
        if not self._batch.count:
            return None
        due = max(self._due, self._tried_again_at, self._allowed_at())
        return max(0.0, due - time.monotonic())

    def _allowed_at(self) -> float:
        return self._sent_at[0] + _HOUR if len(self._sent_at) == self._per_hour else 0.0

    def _send(self) -> None:
        with self._sending:
            with self._changed:
                batch, self._batch = self._batch, Batch(self._capacity)
                self._in_hand = batch.count
            if not batch.count:
                return
            _mailing.now = True
            try:
                self._mailer.send(self._letter(batch))
            except Exception as error:
                self._keep(batch, error)
            except BaseException as error:  # Ctrl-C, while it is flushed
                if not getattr(getattr(error, "receipt", None), "sent", None):
                    self._keep(batch, error)
                raise
            else:
                self._pause = 0.0
                self._sent_at.append(time.monotonic())
            finally:
                self._in_hand = 0
                _mailing.now = False

    def _letter(self, batch: Batch) -> Message:
        assert batch.worst is not None
        try:
            subject = str(self.getSubject(batch.worst))
        except Exception:
            self.handleError(batch.worst)
            subject = self.subject
        # A character that a mail can't contain would block this mail and all later ones.
        subject = letter.clean(" ".join(subject.split()))
        if batch.count > 1:
            subject += f" ({counted(batch.count, 'record')})"
        return self._message(subject, letter.in_text(batch), letter.in_html(batch))

    def _message(self, subject: str, text: str, html: str) -> Message:
        return Message(
            text, html=html, subject=subject, from_=self.fromaddr, to=self.toaddrs,
            headers={"Auto-Submitted": "auto-generated"},
        )  # fmt: skip

    def _keep(self, batch: Batch, error: BaseException) -> None:
        self._pause = min(self._pause * 2 or _FIRST_PAUSE, _LONGEST_PAUSE)
        with self._changed:
            batch.continued_by(self._batch)
            self._batch = batch
            self._tried_again_at = time.monotonic() + self._pause
        self._say(
            f"{counted(batch.count, 'log record')} could not be mailed yet: {type(error).__name__}: {error}"
        )

    def _say(self, words: str) -> None:
        """Reports to the stream where `logging` reports its own errors."""
        if logging.raiseExceptions and sys.stderr is not None:
            try:
                print(f"rsmtp.logging: {words}", file=sys.stderr)
            except (OSError, ValueError):
                pass


def _connection(
    mailhost: Any, credentials: tuple[str, str] | None, secure: Sequence[str] | None
) -> dict[str, Any]:
    """Translates SMTPHandler's arguments to a Mailer's."""
    if isinstance(mailhost, str) and ":" in mailhost and "//" in mailhost:
        if credentials is not None or secure is not None:
            raise ValueError("credentials and secure: a URL tells them itself")
        return {"url": mailhost}
    host, port = mailhost if isinstance(mailhost, (list, tuple)) else (mailhost, None)
    if credentials is None and secure is None:
        return {"host": host, "port": port or 25, "tls": "none"}
    options = {"host": host, "port": port or 25, "tls": "starttls"}
    if credentials is not None:
        options["username"], options["password"] = credentials
    if secure:
        from rsmtp import TlsConfig

        key, *certificate = secure
        pair = (certificate[0], key) if certificate else key
        options["context"] = TlsConfig(client_certificate=pair)
    return options
