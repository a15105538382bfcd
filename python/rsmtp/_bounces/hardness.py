"""Whether an address is to be given up, by what is said of it."""

from __future__ import annotations

import re

from rsmtp import advice
from rsmtp._bounces.result import Hardness

_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?=[\s-])")
_USUAL = {"failed": 550, "delayed": 450}
# "5.1.0 - Unknown address error 550-'5.2.2 <bob@example.org>... Mailbox Full'"
_ESA = re.compile(r"^\d\.\d\.\d - [\w ]{1,60}(?=\d{3}-')")
# Many say of these things 5.1.0, 5.1.1 or 5.2.0, as if it were the mailbox.
_OF_THE_SENDER = re.compile(
    r"\bsender\b.{0,40}\b(?:reject|denied|refus|block|not allowed|invalid|unknown|domain)"
    r"|(?:reject|refus|block)\w*\b.{0,30}\bsender\b|\bfrom:|mail from|not allowed to send"
    r"|\bspf\b|\bdkim\b|\bdmarc\b|\bspam|black ?list|block ?list|reputation"
    r"|too many (?:recipients|messages|connections)|access denied|(?:mail|message) (?:rejet|rejected)",
    re.I,
)
# RFC 3463 3.2.
_SENDERS_STATUS = ("5.1.7", "5.1.8")
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
    # The next server's own code says more than that of the report, or of Cisco's.
    words = _ESA.sub("", words or "")
    status = status_in(words) or status
    if not status and (reply := _REPLY.search(words)) and reply[1].startswith("4"):
        return "soft"
    if status in _SENDERS_STATUS:
        return "refused"
    by_words = advice_of(action, _STATUS.sub("", words), address, server)
    by_code = advice_of(action, f"{status or ''} {words}", address, server)
    if any(found is not None and found.about == "time" for found in (by_words, by_code)):
        return "soft"
    is_by_code_alone = by_words is None and (by_code is None or not by_code.words)
    if is_by_code_alone and _REPLY.search(words) and _OF_THE_SENDER.search(words):
        return "refused"
    if (found := by_words or by_code) is not None:
        return _BY_MEANING[found.about]
    _, subject, detail = status.split(".") if status else ("", "", "0")
    return "refused" if detail == "0" else _BY_SUBJECT.get(subject, "refused")


def status_in(words: str) -> str | None:
    """The enhanced status code that the words have."""
    found = _STATUS.search(words)
    return found[0] if found else None


def advice_of(action: str, words: str, address: str, server: str | None) -> advice.Advice | None:
    """What the words mean. What has no code is taken for what most servers say it with."""
    code = _REPLY.search(words)
    return advice.find(int(code[1]) if code else _USUAL.get(action), words, address, server)
