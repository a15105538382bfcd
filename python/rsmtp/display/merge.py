"""What a merge would send: its first messages, and the errors in its rows."""

from __future__ import annotations

from typing import Any

from rsmtp.display import message as one
from rsmtp.display import page, reader
from rsmtp.display.short import counted, row_shown, visible

# The largest number of errors shown.
_FAULTS = 200


def of_merge(merge: Any) -> page.Bundle:
    # Rows that can be iterated only once are not consumed by a display.
    if merge.count is None:
        return {"text/plain": repr(merge)}
    first = merge.preview(1)
    text = f"{merge!r}\n\n{text_of_preview(first.messages, merge.count)}" if len(first) else repr(merge)
    return {"text/plain": text, "text/html": _messages(repr(merge), first.messages, merge.count)}


def of_preview(messages: list[Any], count: int | None) -> page.Bundle:
    title = "The first message" if len(messages) == 1 else f"The first {counted(len(messages), 'message')}"
    return {
        "text/plain": text_of_preview(messages, count),
        "text/html": _messages(title, messages, count),
    }


def text_of_preview(messages: list[Any], count: int | None) -> str:
    said = []
    for message in messages:
        bad = _error(message)
        said.append(visible(f"{bad}") if bad is not None else one.plain(message, reader.read(message)))
    if _more(messages, count):
        said.append(f"({counted(_more(messages, count), 'more row')})")
    return f"\n\n{'-' * 60}\n\n".join(said)


def of_dry_run(run: Any) -> page.Bundle:
    faults = [[str(fault.number), page.text(_without_number(fault))] for fault in run.faults[:_FAULTS]]
    more = len(run.faults) - len(faults)
    twice = [[page.text(who), ", ".join(map(str, rows[:5]))] for who, rows in run.duplicates.items()]
    state = (
        page.chip("every row is good", "good") if run.ok else page.chip("not fit to be sent as it is", "bad")
    )
    return {
        "text/plain": str(run),
        "text/html": page.whole(
            "Dry run",
            page.head(f"{counted(run.count, 'message')} can be sent", state),
            page.table("Rows with faults", ["row", "fault"], faults, [0]) if faults else "",
            f'<p class="soft">and {more:,} more</p>' if more > 0 else "",
            page.table("In more than one row", ["address", "rows"], twice[:_FAULTS], []) if twice else "",
        ),
    }


def _messages(title: str, messages: list[Any], count: int | None) -> str:
    shown = []
    for message in messages:
        bad = _error(message)
        if bad is None:
            shown.append(one.rich(message))
        else:
            shown.append(
                page.whole(
                    f"Row {message.number}",
                    page.head(f"Row {message.number}", page.chip("no message", "bad")),
                    f"<p>{page.text(str(bad))}</p><p class='soft'>{page.text(row_shown(message.row))}</p>",
                )
            )
    more = _more(messages, count)
    rest = f'<p class="soft">and {counted(more, "more row")}</p>' if more else ""
    return page.whole(title, page.head(title), rest) + "".join(shown)


def _more(messages: list[Any], count: int | None) -> int:
    return 0 if count is None else max(0, count - len(messages))


def _error(item: Any) -> Exception | None:
    """Why a row has no message."""
    return getattr(item, "error", None) if hasattr(item, "number") else None


def _without_number(fault: Any) -> str:
    return f"{fault.where}: {'; '.join(fault.faults)}" if fault.where else "; ".join(fault.faults)
