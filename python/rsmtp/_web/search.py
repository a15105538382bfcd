"""The search language of the pages: the part of Mailpit's that applies here.

word "a phrase"            somewhere in what is searched
from: subject:             in this field
has:attachment is:tagged   what has one, what is one
before:2026-11-26 after:2026-11-26T09:30        when it came, in the machine's time zone
larger:100k smaller:2M                          the whole message, in octets
-word !from:ann                                 not

Each page defines its fields and states. Others are refused, since a misspelt one would match nothing,
and everything where it is negated: a text with a colon is quoted, unless it is a URL.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rsmtp._web.answer import Refusal

TERM: Final = re.compile(r'([-!]?)(?:([a-z-]+):)?(?:"([^"]*)"?|(\S+))', re.I)
SIZE: Final = re.compile(r"(\d{1,12})([km]?)b?", re.I)
KEYS: Final = ("before", "after", "larger", "smaller")
UNITS: Final = {"": 1, "k": 1024, "m": 1024 * 1024}
LONGEST: Final = 1_000


@dataclass(frozen=True)
class Searched:
    """The searched parts of a message. All text is case-folded."""

    anywhere: str
    fields: Mapping[str, str]
    states: frozenset[str]
    received_at: datetime
    size: int


Test = Callable[[Searched], bool]


@dataclass(frozen=True)
class Language:
    """`fields` maps names to fields; for each kind of state ("has", "is"), the words that may follow it
    and the states they mean."""

    fields: Sequence[str]
    states: Mapping[str, Mapping[str, str]]

    def parse(self, text: str, *, whole: bool = False) -> list[Test]:
        """The tests that a message must pass, all of them.

        With `whole`, each term of the search must say something: "to:" is still being typed, and would
        match every message. Raises Refusal (400) for that, for an unknown field, and for an invalid date,
        size or state.
        """
        if len(text) > LONGEST:
            raise Refusal(400, f"search: {LONGEST} characters are enough")
        tests = []
        for found in TERM.finditer(text):
            minus, key, quoted, word = found.groups()
            said = self._test((key or "").lower(), (word or quoted or "").casefold(), quoted is not None)
            if whole and not said:
                raise Refusal(400, f"search: {found[0]!r} says nothing yet, and would match every message")
            tests += [_not(test) if minus else test for test in said]
        return tests

    def _test(self, key: str, value: str, quoted: bool) -> list[Test]:
        # The search is still being typed.
        if not value or (not key and not quoted and value.endswith(":") and self._is_key(value[:-1])):
            return []
        if key in self.fields:
            return [lambda searched: value in searched.fields.get(key, "")]
        if key in self.states:
            state = self.states[key].get(value)
            if state is None:
                known = ", ".join(self.states[key])
                raise Refusal(400, f"search: {key}:{value} is not known; {key}: takes {known}")
            return [lambda searched: state in searched.states]
        if key in KEYS:
            return [_compares(key, value)]
        if key and not value.startswith("//"):
            known = " ".join(f"{name}:" for name in (*self.fields, *self.states, *KEYS))
            raise Refusal(
                400, f'search: {key}: is no field; there are {known} (a text is quoted: "{key}:{value}")'
            )
        text = f"{key}:{value}" if key else value
        return [lambda searched: text in searched.anywhere]

    def _is_key(self, word: str) -> bool:
        return word in self.fields or word in self.states or word in KEYS


def _compares(key: str, value: str) -> Test:
    if key in ("before", "after"):
        moment = _moment(key, value)
        if key == "before":
            return lambda searched: searched.received_at < moment
        return lambda searched: searched.received_at >= moment
    octets = _octets(key, value)
    if key == "larger":
        return lambda searched: searched.size > octets
    return lambda searched: searched.size < octets


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


def folded(texts: Iterable[str | None]) -> str:
    """Case-folded, like the texts of `Searched`."""
    return "\n".join(text for text in texts if text).casefold()
