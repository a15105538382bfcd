"""The inbox's search language, which is Mailpit's as far as it has a meaning here.

word "a phrase"            somewhere in addresses, subject, text, names of attachments
from: to: cc: bcc: subject: message-id: tag:    in this field
has:attachment has:html has:tls is:tagged
before:2026-11-26 after:2026-11-26T09:30        when it came, in the machine's time zone
larger:100k smaller:2M                          the whole message, in octets
-word !from:ann                                 not
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rsmtp.inbox.answer import Refusal

FIELDS: Final = ("from", "to", "cc", "bcc", "subject", "message-id", "tag")
STATES: Final = {
    "has": ("attachment", "attachments", "html", "tls"),
    "is": ("tagged",),
}
TERM: Final = re.compile(r'([-!]?)(?:([a-z-]+):)?(?:"([^"]*)"?|(\S+))', re.I)
SIZE: Final = re.compile(r"(\d{1,12})([km]?)b?", re.I)
# A person is still typing.
UNFINISHED: Final = {f"{key}:" for key in (*FIELDS, *STATES, "before", "after", "larger", "smaller")}
UNITS: Final = {"": 1, "k": 1024, "m": 1024 * 1024}
LONGEST: Final = 1_000


@dataclass(frozen=True)
class Searched:
    """What a search looks at. All text is case-folded."""

    anywhere: str
    fields: Mapping[str, str]
    states: frozenset[str]
    received_at: datetime
    size: int


Test = Callable[[Searched], bool]


def parse(text: str) -> list[Test]:
    """The tests that a message must pass, all of them. Raises Refusal (400) for a date, a
    size or a state that can't be meant."""
    if len(text) > LONGEST:
        raise Refusal(400, f"search: {LONGEST} characters are enough")
    return [
        _not(test) if minus else test
        for minus, key, quoted, word in TERM.findall(text)
        for test in _test(key.lower(), (quoted or word).casefold())
    ]


def _test(key: str, value: str) -> list[Test]:
    if not value or (not key and value in UNFINISHED):
        return []
    if key in FIELDS:
        return [lambda searched: value in searched.fields.get(key, "")]
    if key in STATES:
        if value not in STATES[key]:
            raise Refusal(400, f"search: {key}:{value} is not known; {key}: takes {', '.join(STATES[key])}")
        state = value.rstrip("s") if key == "has" and value != "tls" else value
        return [lambda searched: state in searched.states]
    if key in ("before", "after"):
        moment = _moment(key, value)
        if key == "before":
            return [lambda searched: searched.received_at < moment]
        return [lambda searched: searched.received_at >= moment]
    if key in ("larger", "smaller"):
        octets = _octets(key, value)
        if key == "larger":
            return [lambda searched: searched.size > octets]
        return [lambda searched: searched.size < octets]
    # Not a field of ours: a word with a colon in it, as a time or a URL.
    word = f"{key}:{value}" if key else value
    return [lambda searched: word in searched.anywhere]


def _not(test: Test) -> Test:
    return lambda searched: not test(searched)


def _moment(key: str, value: str) -> datetime:
    try:
        return datetime.fromisoformat(value.replace("/", "-").upper()).astimezone()
    except (ValueError, OverflowError, OSError):
        raise Refusal(400, f"search: {key}:{value} is not a date, as {key}:2026-11-26 is") from None


def _octets(key: str, value: str) -> int:
    found = SIZE.fullmatch(value)
    if found is None:
        raise Refusal(400, f"search: {key}:{value} is not a size, as {key}:100k is")
    return int(found[1]) * UNITS[found[2].lower()]
