"""What a part of a conversation was about, and how long: from its lines and their times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rsmtp._rsmtp import TranscriptLine

# How the engine's notes begin.
_NOTES = {
    "looked up": "look-up",
    "trying": "connect",
    "connected to": "connect",
    "no connection to": "connect",
    "TLS": "tls",
}
_COMMANDS = {
    "EHLO": "hello", "HELO": "hello", "LHLO": "hello", "STARTTLS": "tls", "AUTH": "login",
    "MAIL": "mail", "RCPT": "mail", "RSET": "mail", "DATA": "data", "BDAT": "data", "QUIT": "quit",
}  # fmt: skip
# Before these a session is ready for mail.
OPENING = frozenset({"look-up", "connect", "greeting", "hello", "tls", "login"})


class Phase(NamedTuple):
    """`begin` and `end` in seconds, as the lines have them."""

    name: str
    begin: float
    end: float


def phases(lines: Sequence[TranscriptLine], begin: float = 0.0) -> list[Phase]:
    """In order: "look-up", "connect", "greeting", "hello", "tls", "login", "mail" (MAIL and RCPT),
    "data", and "answer", the wait for what the server says to the end of the message."""
    said = [place for place, line in enumerate(lines) if line.direction == "C" and line.text != "QUIT"]
    last = said[-1] if said else -1
    found: list[Phase] = []
    name = "greeting"
    for place, line in enumerate(lines):
        name = _name(line, name, is_last=place > last)
        if found and found[-1].name == name:
            found[-1] = found[-1]._replace(end=line.at)
        else:
            found.append(Phase(name, begin, line.at))
        begin = line.at
    return found


def _name(line: TranscriptLine, before: str, *, is_last: bool) -> str:
    """Of what the line is a part; `before` is that of the line before. `is_last`: the client has
    said all by then."""
    if line.direction == "*":
        return next((name for start, name in _NOTES.items() if line.text.startswith(start)), before)
    if line.direction == "C":
        # A line of the message may look like a command.
        return "data" if before == "data" else _COMMANDS.get(line.text.partition(" ")[0].upper(), before)
    if before in ("look-up", "connect"):
        return "greeting"
    return "answer" if before == "data" and is_last else before
