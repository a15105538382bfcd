"""Takes messages from the caller's iterable and passes them to the engine. The caller's own code
runs here, never inside the engine."""

from __future__ import annotations

from itertools import filterfalse

from rsmtp._client.outgoing import prepare
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._rsmtp import Sending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
    from typing import Any
else:
    later(globals(), "Any AsyncIterable AsyncIterator Callable Iterable Iterator")


class Ruled:
    """A message after the mailer's rules were applied. `prepared` is None if no recipient is left."""

    __slots__ = ("item", "prepared", "suppressed")

    def __init__(self, item: Any, prepared: Any, suppressed: list[tuple[str, str]]) -> None:
        self.item = item
        self.prepared = prepared
        self.suppressed = suppressed


def bad_row(index: int, row: Any, error: Exception) -> BadRow:
    """A bad row of an iterable whose items are identified by their index, also in receipts."""
    from rsmtp.display.short import row_shown

    error.add_note(f"row {index}: {row_shown(row)}")
    return BadRow(index + 1, row, error)


def alone(message: Any, ruled: Ruled) -> Iterator[Ruled]:
    """One message, prepared with its envelope; its receipt has the message itself. This is not a
    list, because the engine takes messages from lists on its own."""
    yield Ruled(message, ruled.prepared, ruled.suppressed)


def without_rules(item: Any) -> Ruled:
    return Ruled(item, prepare(item), [])


class BadRow:
    """A row from which no message could be made: its `number` (counted from 1), the `row` itself and
    the `error`.

    `send_all` gives it a receipt with that error, and sends the others. What sends or keeps a
    single message raises the error.
    """

    __slots__ = ("error", "number", "row")

    def __init__(self, number: int, row: Any, error: Exception) -> None:
        self.number = number
        self.row = row
        self.error = error

    def _prepared_for_sending(self) -> Any:
        raise self.error

    def __repr__(self) -> str:
        return f"<BadRow {self.number}: {self.error}>"


def each_made(rows: Any, make: Callable[[Any], Any] | None) -> Any:
    """The messages that `make` returns for the rows, one by one. If it fails for one row, the others
    still follow; only a generator ends when it raises an exception."""
    if make is None:
        return rows
    arguments.function("make", make)
    return _made_awaited(rows, make) if hasattr(rows, "__aiter__") else _made(rows, make)


def _made(rows: Iterable[Any], make: Callable[[Any], Any]) -> Iterator[Any]:
    for index, row in enumerate(rows):
        yield _one(index, row, make)


async def _made_awaited(rows: AsyncIterable[Any], make: Callable[[Any], Any]) -> AsyncIterator[Any]:
    index = 0
    async for row in rows:
        yield _one(index, row, make)
        index += 1


def _one(index: int, row: Any, make: Callable[[Any], Any]) -> Any:
    try:
        return make(row)
    except Exception as why:
        return bad_row(index, row, why)


#: A note for the exception of an iterable.
ENDED = (
    "the iterable of messages has raised this, and ends with it: what it gave before is sent. With "
    "send_all(rows, make=...) a row that fails is told in its receipt, and the others are sent"
)


class Lists:
    """Lists of messages, from which the engine can take messages directly."""

    def __init__(self, lists: Iterator[list[Any]]) -> None:
        self._lists = lists
        #: The iterator of the current list.
        self.now: Iterator[Any] = iter(())

    def __iter__(self) -> Lists:
        return self

    def __next__(self) -> Any:
        while True:
            for item in self.now:
                return item
            self.now = iter(next(self._lists))

    def has_more(self) -> bool:
        """Continues with the next list, if there is one."""
        following = next(self._lists, None)
        if following is not None:
            self.now = iter(following)
        return following is not None


class AwaitedLists:
    """The same, where each list has to be awaited."""

    def __init__(self, lists: AsyncIterator[list[Any]]) -> None:
        self.lists = lists

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for some in self.lists:
            for item in some:
                yield item


# Their iterators run none of the caller's code, so the engine can take messages directly. Other code runs in
# Python alone: a daemon thread that waits in it ends there when the interpreter shuts down, which must not
# happen within Rust.
_WITHOUT_CODE: frozenset[type] = frozenset({type(iter([])), type(iter(()))})


def feed(sending: Sending, iterator: Iterator[Any]) -> None:
    """Takes as many messages as there is room for, until it is time to handle receipts. Raises what
    the iterator raises; no more messages are taken then."""
    if not sending.wants_more:
        return
    try:
        if type(iterator) is Lists:
            while _takes_all(sending, iterator.now):
                if not iterator.has_more():
                    break
            else:
                return
        elif type(iterator) in _WITHOUT_CODE and not _takes_all(sending, iterator):
            return
        # A list is exhausted. Nothing but C runs between a message's arrival and `put`. No interrupt comes
        # there, so none is lost.
        for more in filterfalse(None, map(sending.put, iterator)):
            if more is False or not _prepared(sending, sending.unprepared):
                return
    except BaseException as raised:
        sending.finish()
        if isinstance(raised, Exception):
            raised.add_note(ENDED)
        raise
    sending.finish()


async def feed_in_turns(sending: Sending, messages: Any) -> AsyncIterator[None]:
    """The same for an event loop, to which it gives its turn, until there are no more. Whenever it
    yields, the caller sees whether there is room."""
    import asyncio

    if type(messages) is AwaitedLists:
        async for some in messages.lists:
            iterator = iter(some)
            while not _takes_all(sending, iterator):
                yield
                await asyncio.sleep(0)
            yield
    elif hasattr(messages, "__aiter__"):
        try:
            async for message in messages:
                more = put(sending, message)
                yield
                if not more:
                    # An iterable that never waits would block the loop.
                    await asyncio.sleep(0)
        except (Exception, asyncio.CancelledError) as raised:
            raised.add_note(ENDED)
            raise
    else:
        iterator = iter(messages)
        while not sending.is_fed:
            feed(sending, iterator)
            yield
            await asyncio.sleep(0)
    sending.finish()


def _takes_all(sending: Sending, iterator: Iterator[Any]) -> bool:
    """Takes messages from an iterator that runs no Python code. Returns whether it has ended and
    there is room for more."""
    while (enough := sending.put_each(iterator)) is None:
        if not _prepared(sending, sending.unprepared):
            return False
    return not enough


def put(sending: Sending, item: Any) -> bool:
    """Takes one message. Returns whether to take more."""
    more = sending.put(item)
    return _prepared(sending, item) if more is None else more


def _prepared(sending: Sending, item: Any) -> bool:
    try:
        return sending.put_prepared(prepare(item))
    except Exception as unfit:
        return sending.put_aside(unfit)
