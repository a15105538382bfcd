"""The ways a delivery can end other than being sent."""

from __future__ import annotations

from typing import Any


class PutOff(Exception):
    """Not sent yet: the same job should be delivered again after `seconds`."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words, seconds)
        self.words, self.seconds = words, seconds

    def __str__(self) -> str:
        return f"{self.words}; again in {self.seconds:.0f} s"


class MailRefused(Exception):
    """No recipient got the message, and none will. `outcome` describes each, like `Receipt.to_dict`."""

    def __init__(self, words: str, outcome: dict[str, Any] | None = None) -> None:
        super().__init__(words, outcome)
        self.words, self.outcome = words, outcome or {}

    def __str__(self) -> str:
        return self.words


def words_of(outcome: dict[str, Any]) -> str:
    """Why the message was not sent, in the server's words."""
    said = [
        f"{one['address']} {one['fate']}" + (f": {one['code']} {one['text']}" if one["code"] else "")
        for one in outcome["recipients"]
        if one["fate"] != "sent"
    ]
    return "; ".join(filter(None, [*said, outcome.get("error")])) or "not sent"


def checked(outcome: dict[str, Any]) -> dict[str, Any]:
    """Returns the outcome if a recipient has the message or may have it, or all are suppressed. Raises
    MailRefused otherwise."""
    fates = {one["fate"] for one in outcome["recipients"]}
    if not fates & {"sent", "unknown"} and fates != {"suppressed"}:
        raise MailRefused(words_of(outcome), outcome)
    return outcome
