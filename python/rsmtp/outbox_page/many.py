"""Changes of many messages: those with the given numbers, or all that a state and a search choose."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rsmtp._web.answer import Json, Refusal
from rsmtp._web.routes import before, numbers
from rsmtp.outbox import Changed, Outbox, looking
from rsmtp.outbox.looking import Row
from rsmtp.outbox_page import searching

# A request reads so many messages at a time, and answers after so many seconds with the number to
# continue below.
AT_ONCE: Final = 5_000
PATIENCE: Final = 2.0
# So many of the messages that were left are told one by one.
TOLD: Final = 100

Change = Callable[[Outbox, Sequence[int]], Changed]


class Chosen:
    """The messages that a request chooses: `ids`, or `state`, `search` and `before` as in the list."""

    def __init__(self, given: Mapping[str, Any], choices: Mapping[str, Sequence[str]]) -> None:
        """Raises Refusal (400) where they say nothing, or too much."""
        by_number, by_search = "ids" in given, given.keys() & {"state", "search", "before"}
        if bool(by_number) == bool(by_search):
            raise Refusal(400, "which messages? Either ids, or state and search, choose them")
        self.ids = numbers(given, "ids") if by_number else None
        state, search = given.get("state", "all"), given.get("search", "")
        if not isinstance(state, str) or state not in choices:
            raise Refusal(400, f"state: {state!r} is none of {', '.join(choices)}")
        if not isinstance(search, str):
            raise Refusal(400, "search: a text is wanted")
        self.states = choices[state]
        self.fits: Callable[[Row], bool] | None = searching.fits(search, whole=True)
        self.before = before(given)

    def change(self, outbox: Outbox, change: Change) -> Json:
        if self.ids is not None:
            return _told([change(outbox, self.ids)], None)
        changed: list[Changed] = []
        until, below = time.monotonic() + PATIENCE, self.before
        while True:
            with outbox._database.reading() as connection:
                found = looking.newest(connection, self.states, below, AT_ONCE, self.fits)
            changed.append(change(outbox, found.ids))
            below = found.next
            if below is None or time.monotonic() > until:
                return _told(changed, below)

    def counts(self, outbox: Outbox) -> Json:
        with outbox._database.reading() as connection:
            counts, below = looking.count(connection, self.states, self.before, self.fits)
        return {"counts": counts, "next": below}


def _told(changed: Sequence[Changed], below: int | None) -> Json:
    left = {id: why for one in changed for id, why in one.left.items()}
    return {
        "done": sum(one.done for one in changed),
        "left": len(left),
        "why": Counter(left.values()),
        "messages": [{"id": id, "why": why} for id, why in list(left.items())[:TOLD]],
        "next": below,
    }
