"""How each recipient of a stored message stands, as it is written down."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rsmtp._rsmtp import Recipient

#: The last states of a message, by what is worst for one of the recipients.
WORST = ("unknown", "refused", "dead", "sent", "suppressed")
WAITING = ("queued", "sending")
STATES = (*WAITING, *WORST, "cancelled")

#: The state that a recipient ends in, by its fate.
ENDS = {"sent": "sent", "unknown": "unknown", "refused": "refused", "suppressed": "suppressed"}


class Standing(NamedTuple):
    """One recipient. `state` is "open", or one of those that a message ends in; the others are what
    was told of it last."""

    state: str
    fate: str = "not sent"
    stage: str | None = None
    code: int | None = None
    text: str | None = None
    transient: bool = False

    @classmethod
    def told(cls, one: Recipient, state: str | None = None) -> Standing:
        """`state`: that it is in now. None: the one that its fate is the end of."""
        state = ENDS.get(one.fate, "dead") if state is None else state
        return cls(state, one.fate, one.stage, one.code, one.text, one.transient)


UNKNOWN = Standing("unknown", "unknown")


def with_state(standings: Iterable[Standing], before: Sequence[str], state: str) -> list[Standing]:
    """Those that are in one of these states are in that one; what was told of them stays."""
    return [one._replace(state=state) if one.state in before else one for one in standings]


def read(told: str | None, count: int, state: str, code: int | None, text: str | None) -> list[Standing]:
    """Of a fate, or of a message that has none: state "queued"."""
    if told is not None:
        return [Standing._make((*one[:-1], bool(one[-1]))) for one in json.loads(told)]
    if state == "sent":
        return [Standing(state, "sent", None, code, text)] * count
    if state == "unknown":
        return [UNKNOWN] * count
    return [Standing("open" if state in ("queued", "sending") else state)] * count


def written(standings: Sequence[Standing]) -> str:
    return json.dumps(standings, separators=(",", ":"))


def state_of(standings: Sequence[Standing]) -> str:
    """A message is queued as long as a recipient is open, and then what is worst."""
    states = {one.state for one in standings}
    return "queued" if "open" in states else next(state for state in WORST if state in states)


def shown(address: str, standing: Standing) -> dict[str, Any]:
    """As a receipt has it."""
    told = standing._asdict()
    del told["state"]
    return {"address": address, **told}
