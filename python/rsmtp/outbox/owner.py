"""One run of an outbox, as it is recorded in the file: its claims, its lease, and what it has settled."""

from __future__ import annotations

import os
import socket
import time
from array import array
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rsmtp._aio.mailer import AsyncMailer
from rsmtp._common import native
from rsmtp._mailer.rules import Rules
from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.errors import SMTPException
from rsmtp.mailer import Mailer
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


# The runs of this process, by process, file and number. A run that a hook of another one starts must not
# wait for it.
_here: set[tuple[int, Path, int]] = set()


class Owner:
    """This run as it is recorded in the file: its claims and its lease."""

    def __init__(self, store: Store, stop: Callable[[], bool] = lambda: False) -> None:
        self.store = store
        self._stop = stop
        self.ran = Ran()
        self.id = 0
        self.enlist()
        self._rest = 0.0
        # The size of a claim, and the number of messages settled since a time.
        self._most, self._since, self._settled = CLAIM, time.monotonic(), 0
        # Leases of the other owners that had claims when this run began.
        self._leases: dict[int, float] | None = None

    def enlist(self) -> None:
        """Registers the run. Called again after a lost lease, when its messages are free for all."""
        name = f"process {os.getpid()} on {socket.gethostname()}"
        _here.discard(self._key(self.id))
        self.id = self.store.enlist(name, time.time())
        _here.add(self._key(self.id))
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
        self._as_stored = changing_rules(mailer) is None
        # The number of each message, by its index in the sending.
        self._messages = array("q")
        self._failed = False
        # Ends that sessions are about to send; one of them writes them down.
        self._ends: deque[Ends] = deque()
        self._saying = native.lock()

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
        ends = Ends([messages[index] for index in indexes], known)
        self._ends.append(ends)
        with self._saying:
            # What waits meanwhile is written by the session that writes next, for all of them.
            if not ends.is_told:
                self._say_all()
        if ends.failure is not None:
            raise ends.failure
        return True

    def _say_all(self) -> None:
        # They stay in line until they are told, so that what is raised meanwhile loses none.
        together = [ends for ends in self._ends.copy() if not ends.is_told]
        failure: BaseException | None = None
        try:
            messages = [message for ends in together for message in ends.messages]
            known = [one for ends in together for one in ends.settled]
            self.store.say_ends(self.id, messages, known, time.time())
        except BaseException as raised:
            # The messages are not at fault: this attempt does not count for them.
            self._failed = True
            failure = raised
        for ends in together:
            ends.failure, ends.is_told = failure, True
        while self._ends and self._ends[0].is_told:
            self._ends.popleft()

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
        leases = {
            owner: lease
            for owner, lease in self.store.others(self.id).items()
            if self._key(owner) not in _here
        }
        if self._leases is None:
            self._leases = leases
        # An owner that has renewed its lease is alive and will send its messages. A lease that now ends
        # sooner was cut because the clock was set back.
        stale = [lease for owner, lease in leases.items() if lease <= self._leases.get(owner, 0.0)]
        self._leases.update((owner, lease) for owner, lease in leases.items() if lease in stale)
        return min(_LOOK, max(0.05, min(stale) - time.time() + 0.05)) if stale else None

    def end(self) -> None:
        _here.discard(self._key(self.id))
        self.store.resign(self.id, time.time())

    def _key(self, owner: int) -> tuple[int, Path, int]:
        return os.getpid(), self.store.database.path, owner


class Ends:
    """Some ends of one session, and the recipients that are settled already."""

    __slots__ = ("failure", "is_told", "messages", "settled")

    def __init__(self, messages: list[int], settled: list[tuple[int, list[Recipient]]]) -> None:
        self.messages = messages
        self.settled = settled
        self.is_told = False
        self.failure: BaseException | None = None


def changing_rules(mailer: Mailer | AsyncMailer) -> Rules | None:
    """The mailer's rules, if they may change or refuse a message."""
    return None if mailer._rules is None or mailer._rules.only_tells else mailer._rules


def _slows(receipt: Receipt) -> bool:
    return any(recipient._is_about_the_server for recipient in receipt.recipients)
