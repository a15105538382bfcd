"""Previews and dry runs of a merge."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import rsmtp
from rsmtp._client.outgoing import prepare
from rsmtp._common.mailboxes import folded
from rsmtp._common.tracebacks import public
from rsmtp._mailer.feeding import BadRow

if TYPE_CHECKING:
    from rsmtp._merge.merge import Merge

# How many faults are shown; `faults` has them all.
_SHOWN = 20


@public
class Preview:
    """The first messages of a merge, bad rows among them."""

    def __init__(self, messages: list[rsmtp.Message | BadRow], count: int | None) -> None:
        self.messages, self._count = messages, count

    def __iter__(self) -> Iterator[rsmtp.Message | BadRow]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def __getitem__(self, index: int) -> rsmtp.Message | BadRow:
        return self.messages[index]

    def __str__(self) -> str:
        from rsmtp.display import merge

        return merge.text_of_preview(self.messages, self._count)

    def __repr__(self) -> str:
        from rsmtp.display.short import counted

        return f"<Preview of {counted(len(self.messages), 'message')}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: each message as its reader will see it."""
        from rsmtp.display import merge

        return merge.of_preview(self.messages, self._count)


@public
class DryRun:
    """What a merge would send, and every fault in its rows.

    `count` is the number of messages that can be sent, `faults` the errors of the others, `duplicates`
    the addresses that more than one message goes to, with the numbers of their rows. True where every row
    is good.
    """

    def __init__(self) -> None:
        self.count = 0
        self.faults: list[Exception] = []
        self.duplicates: dict[str, list[int]] = {}

    @classmethod
    def of(cls, merge: Merge) -> DryRun:
        found = cls()
        # By a hash, and the first row alone until there is a second: a list may be long.
        seen: dict[int, int] = {}
        from rsmtp._merge.merge import RowError

        for number, item in enumerate(merge, start=1):
            if isinstance(item, BadRow):
                found.faults.append(item.error)
                continue
            try:
                prepared = prepare(item)
            except Exception as raised:
                error = RowError(number, "", [str(raised)])
                error.__cause__ = raised
                found.faults.append(error)
                continue
            found.count += 1
            for address in prepared[1]:
                key = folded(address)
                first = seen.setdefault(hash(key), number)
                if first != number:
                    found.duplicates.setdefault(key, [first]).append(number)
        return found

    @property
    def ok(self) -> bool:
        """Whether there are rows, and each of them makes a message."""
        return not self.faults and self.count > 0

    def __bool__(self) -> bool:
        return self.ok

    def raise_for_faults(self) -> None:
        """Raises an ExceptionGroup with all faults, if there are any."""
        if self.faults:
            raise ExceptionGroup(f"{len(self.faults)} rows of the merge are not fit to be sent", self.faults)

    def __str__(self) -> str:
        return "\n".join(self._lines(_SHOWN))

    def _lines(self, most: int | None) -> Iterator[str]:
        """What it says, of each kind of trouble at most so many. None: all."""
        from rsmtp.display.short import counted

        yield f"{counted(self.count, 'message')} can be sent, {counted(len(self.faults), 'row')} can't"
        yield from (f"  {error}" for error in self.faults[:most])
        if most is not None and len(self.faults) > most:
            yield f"  and {len(self.faults) - most} more"
        for address, rows in itertools.islice(self.duplicates.items(), most):
            more = ", ..." if most is not None and len(rows) > 5 else ""
            yield f"  {address} is in rows {', '.join(map(str, rows[:5] if more else rows))}{more}"

    def __repr__(self) -> str:
        return f"<DryRun: {str(self).splitlines()[0]}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from rsmtp.display import merge

        return merge.of_dry_run(self)
