"""What delivering a message can come to, apart from its being sent."""

from __future__ import annotations

from typing import Any


class PutOff(Exception):
    """Not sent for the time being: the same job is to be delivered again after `seconds`."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words, seconds)
        self.words, self.seconds = words, seconds

    def __str__(self) -> str:
        return f"{self.words}; again in {self.seconds:.0f} s"


class MailRefused(Exception):
    """No recipient got it, and none will: `outcome` tells about each, as `Receipt.to_dict` does."""

    def __init__(self, words: str, outcome: dict[str, Any] | None = None) -> None:
        super().__init__(words, outcome)
        self.words, self.outcome = words, outcome or {}

    def __str__(self) -> str:
        return self.words


def words_of(outcome: dict[str, Any]) -> str:
    """Why it was not sent, in the server's words."""
    said = [
        f"{one['address']} {one['fate']}" + (f": {one['code']} {one['text']}" if one["code"] else "")
        for one in outcome["recipients"]
        if one["fate"] != "sent"
    ]
    return "; ".join(filter(None, [*said, outcome.get("error")])) or "not sent"


def checked(outcome: dict[str, Any]) -> dict[str, Any]:
    """The outcome, if any recipient has the message, or may have it, or none is to have it."""
    fates = {one["fate"] for one in outcome["recipients"]}
    if not fates & {"sent", "unknown"} and fates != {"suppressed"}:
        raise MailRefused(words_of(outcome), outcome)
    return outcome
