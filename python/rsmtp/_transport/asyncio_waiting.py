"""How tasks wait for a connection: for their turn, and for the answer."""

from __future__ import annotations

import asyncio
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Turn:
    """One task at a time. An `asyncio.Lock` costs a coroutine for each message, even if it is free: here
    only a task that finds the turn taken has to wait.

        if turn.is_taken:
            await turn.wait()
        turn.is_taken = True
        try: ...
        finally: turn.give()
    """

    __slots__ = ("_waiting", "is_taken")

    def __init__(self) -> None:
        self.is_taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Returns when the turn has been given to this task, which came first of those that wait."""
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(given)
        try:
            await given
        except BaseException:
            if given.done() and not given.cancelled():
                # It was given in the moment in which the task was cancelled.
                self.give()
            raise

    def give(self) -> None:
        """Gives the turn to the next task. So that no other comes between, it stays taken until then."""
        while self._waiting:
            given = self._waiting.popleft()
            if not given.done():
                given.set_result(None)
                return
        self.is_taken = False


def come(answer: asyncio.Future[Any], loop: asyncio.AbstractEventLoop, *, at_once: bool) -> None:
    """Completes the future that a task waits for. `at_once`: the event loop is the caller, and does nothing
    after this call. Then the task continues in this same turn of the loop; otherwise, as with all futures, in
    the next one. A turn costs as much as all that the client does for a message.
    """
    if answer.done():
        return
    # asyncio's own repr reads the callbacks here. One task can't be continued from inside another.
    waits = getattr(answer, "_callbacks", None) if at_once else None
    if not waits or len(waits) != 1 or asyncio.current_task(loop) is not None:
        answer.set_result(None)
        return
    ((wake, context),) = waits
    answer.remove_done_callback(wake)
    answer.set_result(None)
    context.run(wake, answer)
