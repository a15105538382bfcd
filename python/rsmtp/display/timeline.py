"""Where the time of a conversation was spent.

Each line of the transcript has one time. The interval between two lines is the wait for
the later one, so the waits add up to the total.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rsmtp._rsmtp import TranscriptLine

# What was waited for, with its label, in the order in which it happens.
KINDS = {
    "dns": "look-up of the name",
    "connect": "connecting",
    "tls": "TLS handshake",
    "server": "the server's answers",
    "client": "this program",
}
# How the engine's notes about these begin.
_NOTES = {
    "looked up": "dns",
    "trying": "connect",
    "connected to": "connect",
    "no connection to": "connect",
    "TLS": "tls",
}


@dataclass
class Row:
    """One command, reply or event; a reply of several lines is one."""

    direction: str
    state: str
    start: float
    end: float
    kind: str
    lines: list[str] = field(default_factory=list)

    @property
    def took(self) -> float:
        return self.end - self.start

    @property
    def crosses(self) -> bool:
        """Whether TLS started here."""
        return self.direction == "*" and self.kind == "tls"


def rows(transcript: Iterable[TranscriptLine]) -> list[Row]:
    made: list[Row] = []
    goes_on = False
    before: float | None = None
    for line in transcript:
        is_chunk = line.direction == "C" and line.text.upper().startswith("BDAT ")
        if goes_on and made[-1].direction == line.direction and not is_chunk:
            made[-1].lines.append(line.text)
            made[-1].end = line.at
        else:
            start = before if before is not None else _start(line)
            made.append(Row(line.direction, line.state, start, line.at, _kind(line), [line.text]))
        before = line.at
        goes_on = _goes_on(made[-1], line)
    return made


def duration(transcript: Sequence[TranscriptLine]) -> float:
    """Seconds from the first line to the last."""
    return transcript[-1].at - _start(transcript[0]) if transcript else 0.0


def _start(first: TranscriptLine) -> float:
    """The start time: 0 if the transcript begins with the connection, else the time of its first line."""
    return 0.0 if first.direction == "*" else first.at


def _goes_on(row: Row, line: TranscriptLine) -> bool:
    """Whether the next line of the same side belongs to the same row: a reply continues after a
    hyphen (RFC 5321 4.2.1), mail data until its end."""
    if line.direction == "S":
        return line.text[3:4] == "-"
    return line.direction == "C" and (line.state == "data" or row.lines[0].upper().startswith("BDAT "))


def path(transcript: Sequence[TranscriptLine], state: str | None = None) -> list[str]:
    """The states in the order in which they were reached, with repetitions; `state` is the last."""
    found: list[str] = []
    for name in [*(line.state for line in transcript), *([state] if state else [])]:
        if found[-1:] != [name]:
            found.append(name)
    return found


def totals(made: Iterable[Row]) -> dict[str, float]:
    """The seconds for each of KINDS that took any time."""
    sums = dict.fromkeys(KINDS, 0.0)
    for row in made:
        sums[row.kind] += row.took
    return {kind: time for kind, time in sums.items() if time > 0}


def _kind(line: TranscriptLine) -> str:
    if line.direction == "S":
        return "server"
    if line.direction == "*":
        return next((kind for start, kind in _NOTES.items() if line.text.startswith(start)), "server")
    return "client"
