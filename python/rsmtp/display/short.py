"""One-line descriptions for `repr`, and text that is safe to print in a terminal."""

from __future__ import annotations

from itertools import pairwise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

# How much of a header field, and how many parts, are included.
_WIDTH = 60
_PARTS = 4
LEFT_OUT = "..."


def visible(text: str) -> str:
    """The text with everything that could trick a terminal or a reader (escape sequences,
    bidirectional controls) replaced by visible escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def clipped(text: str, width: int = _WIDTH) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def ends(states: Sequence[str], most: int) -> list[str]:
    """A path cut to at most this many entries: LEFT_OUT replaces those in the middle."""
    return list(states) if len(states) <= most else [states[0], LEFT_OUT, *states[2 - most :]]


def counted(count: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def octets(count: int) -> str:
    """A size for people to read, in powers of ten."""
    for unit, size in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 999 * size else f"{count // size:,} {unit}"
    return f"{count} B"


def seconds(time: float) -> str:
    """A duration for people to read."""
    if time >= 100:
        return f"{time:,.0f} s"
    if time >= 1:
        return f"{time:.2f} s"
    milliseconds = time * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 100 else f"{milliseconds:.1f} ms"


def row_shown(row: Any) -> str:
    """A row of the caller's table, cut at its end, because the key is usually at its beginning."""
    import reprlib

    short = reprlib.Repr()
    short.maxstring = 100
    # reprlib shortens dictionaries and lists item by item, but does not know named tuples.
    named = isinstance(row, tuple) and type(row) is not tuple
    try:
        shown = repr(row) if named else short.repr(row)
    except Exception:
        shown = type(row).__name__
    return clipped(visible(shown), 100)


def message(given: Any) -> str:
    """`<Message 'Hello' from ann@example.org to bob@example.org (text/plain, report.pdf)>`.

    Never raises, because debuggers call it.
    """
    name = type(given).__name__
    try:
        return f"<{name}{_told(given)}>"
    except Exception as error:
        return f"<{name}, which can't be read: {type(error).__name__}>"


def _told(given: Any) -> str:
    from rsmtp.display import reader

    told = []
    if subject := reader.field(given, "Subject"):
        told.append(repr(clipped(visible(subject))))
    for word, field in (("from", "From"), ("to", "To")):
        if value := reader.field(given, field):
            told.append(f"{word} {clipped(visible(value))}")
    names = [
        clipped(visible(part.get_filename() or part.get_content_type()), 40) for part in reader.leaves(given)
    ]
    if len(names) > _PARTS:
        names[_PARTS:] = [f"{len(names) - _PARTS} more"]
    if names:
        told.append(f"({', '.join(names)})")
    return "".join(f" {one}" for one in told)


def transcript(lines: Any) -> str:
    """`<Transcript of 24 lines in 31.2 ms: connected -> ... -> authenticated>`"""
    if not lines:
        return "<Transcript, empty>"
    from rsmtp.display import timeline

    path = [lines[0].state]
    path += [after.state for before, after in pairwise(lines) if before.state != after.state]
    shown = path if len(path) <= 5 else [*path[:2], LEFT_OUT, *path[-2:]]
    told = f"{counted(len(lines), 'line')} in {seconds(timeline.duration(lines))}"
    return f"<Transcript of {told}: {' -> '.join(shown)}>"
