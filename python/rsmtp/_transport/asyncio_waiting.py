"""How tasks wait for their turn with a connection."""

from __future__ import annotations

import asyncio
from collections import deque


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
            if not (given.done() or given.get_loop().is_closed()):
                given.set_result(None)
                return
        self.is_taken = False
