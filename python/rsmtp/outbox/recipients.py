"""The state of each recipient of a stored message, and its stored form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rsmtp._rsmtp import Recipient

#: The final states of a message. The first of these that a recipient is in becomes the message's.
WORST = ("unknown", "refused", "dead", "sent", "suppressed")
WAITING = ("queued", "sending")
STATES = (*WAITING, *WORST, "cancelled")

#: The final state of a recipient, by its fate.
ENDS = {"sent": "sent", "unknown": "unknown", "refused": "refused", "suppressed": "suppressed"}


class Standing(NamedTuple):
    """One recipient. `state` is "open" or a message's final state; the other fields are from its last
    receipt."""

    state: str
    fate: str = "not sent"
    stage: str | None = None
    code: int | None = None
    text: str | None = None
    transient: bool = False

    @classmethod
    def told(cls, one: Recipient, state: str | None = None) -> Standing:
        """`state`: the recipient's state now. None: the final state of its fate."""
        state = ENDS.get(one.fate, "dead") if state is None else state
        return cls(state, one.fate, one.stage, one.code, one.text, one.transient)


UNKNOWN = Standing("unknown", "unknown")


def with_state(standings: Iterable[Standing], before: Sequence[str], state: str) -> list[Standing]:
    """Gives `state` to the recipients whose state is in `before`; their other fields stay."""
    return [one._replace(state=state) if one.state in before else one for one in standings]


def read(told: str | None, count: int, state: str, code: int | None, text: str | None) -> list[Standing]:
    """The standings in a row of `outbox_fate`. A message without a row has the state "queued"."""
    if told is not None:
        return [Standing._make((*one[:-1], bool(one[-1]))) for one in json.loads(told)]
    if state == "sent":
        return [Standing(state, "sent", None, code, text)] * count
    if state == "unknown":
        return [UNKNOWN] * count
    return [Standing("open" if state in WAITING else state)] * count


def written(standings: Sequence[Standing]) -> str:
    return json.dumps(standings, separators=(",", ":"))


def state_of(standings: Sequence[Standing]) -> str:
    """The message's state: "queued" while a recipient is open, then the worst of the recipients'
    states."""
    states = {one.state for one in standings}
    return "queued" if "open" in states else next(state for state in WORST if state in states)


def shown(address: str, standing: Standing, options: list[str]) -> dict[str, Any]:
    """The fields of a receipt's recipient."""
    told = standing._asdict()
    del told["state"]
    return {"address": address, **told, "options": options}
