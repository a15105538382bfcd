"""Whether an address is to be given up, by what is said of it."""

from __future__ import annotations

import re

from rsmtp import advice
from rsmtp._bounces.result import Hardness

_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s-])")
_USUAL = {"failed": 550, "delayed": 450}
_BY_SUBJECT: dict[str, Hardness] = {"1": "hard", "2": "hard"}
_BY_MEANING: dict[str, Hardness] = {"recipient": "hard", "time": "soft", "message": "refused"}


def of_failure(
    action: str, status: str | None, words: str | None, address: str, server: str | None
) -> Hardness:
    """Of a recipient's action, enhanced status code, and the server's words. The words are believed
    before the code: many servers say 5.0.0 or 5.7.1 of a mailbox that is not there."""
    if action not in ("failed", "delayed"):
        return "none"
    if action == "delayed" or (status or "").startswith("4"):
        return "soft"
    said = f"{status or ''} {words or ''}".strip()
    if not status and (reply := _REPLY.search(said)) and reply[1].startswith("4"):
        return "soft"
    found = advice_of(action, said, address, server)
    if found is not None:
        return _BY_MEANING[found.about]
    return _BY_SUBJECT.get((status or "").split(".")[1] if status else "", "refused")


def status_in(words: str) -> str | None:
    """The enhanced status code that the words have."""
    found = _STATUS.search(words)
    return found[0] if found else None


def advice_of(action: str, words: str, address: str, server: str | None) -> advice.Advice | None:
    """What the words mean. What has no code is taken for what most servers say it with."""
    code = _REPLY.search(words)
    return advice.find(int(code[1]) if code else _USUAL.get(action), words, address, server)
