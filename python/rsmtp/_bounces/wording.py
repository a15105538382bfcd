"""What a report says for people about one of its recipients."""

from __future__ import annotations

import itertools
import re

# Octets and lines that are looked at, octets of a line, and lines that belong to an address.
_MOST, _MOST_LINES, _LONGEST_LINE, _BEHIND = 100_000, 2_000, 1_000, 8
# Where the returned message begins.
_COPY = re.compile(
    r"^[-\t >*|=]*(?:-{3}[\t ]*below|(?:the )?original (?:message|mail)(?! was received)"
    r"|a copy of|copy of (?:the|your)|(?:here|this) is a copy|message (?:header|text) follows"
    r"|header of the source|unsent message|returned mail|return-path:|received:|message removed)",
    re.I | re.M,
)
_REPLY = re.compile(r"[\s<]*[45]\d\d[ -]")
# Of another recipient: its address begins the line.
_ANOTHER = re.compile(r"\s*(?:\*\s*|recipient:\s*)?<?[^\s<>@]+@[^\s<>@]+>?\s*:?(?:\s|\Z)", re.I)


def lines_of(text: str) -> list[str]:
    """The lines before the returned message."""
    text = text[:_MOST].replace("\r\n", "\n")
    if (copy := _COPY.search(text)) is not None:
        text = text[: copy.start()]
    return [line[:_LONGEST_LINE] for line in text.split("\n", _MOST_LINES)[:_MOST_LINES]]


def copy_in(text: str) -> str:
    """What is behind these lines."""
    text = text[:_MOST].replace("\r\n", "\n")
    copy = _COPY.search(text)
    return "" if copy is None else text[copy.start() :]


def reply_of(address: str, lines: list[str]) -> str | None:
    """A server's reply, or what its program says, in "address: 550 No such user", which may go on in the
    next lines."""
    folded = address.lower()
    for number, line in enumerate(lines):
        before, colon, reply = line.strip().partition(":")
        if colon and before.strip("<> ").lower() == folded:
            rest = itertools.takewhile(str.strip, lines[number + 1 : number + 1 + _BEHIND])
            found = itertools.takewhile(lambda more: not _ANOTHER.match(more), rest)
            return " ".join(" ".join([reply, *found]).split())[:1_000] or None
    return None


def said_of(address: str, lines: list[str]) -> str:
    """The lines in which the address stands, and those behind them; where it stands nowhere, all that
    is said."""
    folded = address.lower()
    named = [number for number, line in enumerate(lines) if folded in line.lower()]
    if not named:
        return " ".join("\n".join(lines[:1_000])[:1_000].split())
    # At the end of a transcript a server's reply says more than the list before it.
    replies = (number for number in named if number > named[0] + _BEHIND and _REPLY.match(lines[number]))
    at = next(replies, named[0])
    found = [lines[at]]
    for line in lines[at + 1 : at + 1 + _BEHIND]:
        if _ANOTHER.match(line) and folded not in line.lower():
            break
        found.append(line)
    return " ".join(" ".join(found).split())[:1_000]
