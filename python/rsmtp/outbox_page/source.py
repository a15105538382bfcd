"""The outbox's file, which other processes may write, move and delete at any time."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rsmtp._web.answer import Json, Refusal
from rsmtp.outbox import Outbox, OutboxError, looking

# LOOK: seconds between two checks for changes. CALM: after counting the messages, wait this many times
# as long as the count took before counting again, so that the page does not keep the machine busy.
LOOK: Final = 0.1
CALM: Final = 20


class Source:
    """Threads may share it."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises OutboxError for a file that is not an outbox."""
        self.path = Path(path).absolute()
        self._looking: Outbox | None = None
        self._lock = threading.Lock()
        self._counted: tuple[object, Json] | None = None
        self._count_again = 0.0
        self._changes = 0
        if self.path.is_file():
            # Migrates the tables of an older version, if possible.
            with contextlib.suppress(OutboxError):
                Outbox(self.path).close()
        self._looking = Outbox(self.path, read_only=True)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Outbox]:
        """The outbox, read-only. Raises Refusal if the file or the message is missing."""
        with _refused():
            yield self._opened()

    def _opened(self) -> Outbox:
        with self._lock:
            if self._looking is None:
                self._looking = Outbox(self.path, read_only=True)
            return self._looking

    @property
    def may_write(self) -> bool:
        return os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)

    @contextlib.contextmanager
    def changing(self) -> Iterator[Outbox]:
        """The outbox, for a change by a person. The file is open for writing only during the change.
        Raises Refusal if the file can't be written, or the message can't be changed."""
        if not self.may_write:
            raise Refusal(403, f"{self.path} can't be written by the program that serves this page")
        with _refused():
            # Checked first, so that a deleted file is not created again.
            with self._opened()._database.reading():
                pass
            with Outbox(self.path) as outbox:
                yield outbox

    def news(self) -> Json:
        """The counts that the page shows, for each change."""
        try:
            with _refused():
                outbox = self._opened()
                mark = outbox._database.mark()
                with self._lock:
                    self._count(outbox, mark)
                    assert self._counted is not None
                    return self._counted[1]
        except Refusal as refusal:
            with self._lock:
                self._counted = None
            return {"changes": self._changes, "counts": None, "problem": refusal.problem}

    def _count(self, outbox: Outbox, mark: object) -> None:
        began = time.monotonic()
        if self._counted is not None and (self._counted[0] == mark or began < self._count_again):
            return
        counts = outbox.status()
        self._changes += 1
        self._counted = mark, {"changes": self._changes, "counts": counts, "problem": None}
        now = time.monotonic()
        self._count_again = now + CALM * (now - began)

    def wait(self, news: Json, seconds: float) -> None:
        """Waits until there may be other news, at most this many seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.news() == news:
            time.sleep(LOOK)

    def rates(self, minutes: int) -> list[dict[str, int]]:
        with self.opened() as outbox, outbox._database.reading() as connection:
            return looking.rates(connection, time.time(), minutes)

    def owners(self) -> list[str]:
        with self.opened() as outbox, outbox._database.reading() as connection:
            return looking.owners(connection, time.time())

    def close(self) -> None:
        with self._lock:
            if self._looking is not None:
                self._looking.close()
            self._looking = None


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except OutboxError as error:
        raise Refusal(503, str(error)) from None
    except KeyError as error:
        raise Refusal(404, f"{error.args[0]} (any more)") from None
    except ValueError as error:
        raise Refusal(409, str(error)) from None
