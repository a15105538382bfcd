"""A message in a notebook: what its reader will see, and its source."""

from __future__ import annotations

from typing import Any

from rsmtp.display import page, reader
from rsmtp.display.looks import looks, rest
from rsmtp.display.short import clipped, counted, octets, visible
from rsmtp.display.short import message as one_line

# No more of the source and the text is shown than this.
_SOURCE = 20_000
_TEXT = 20_000
_LINES = 30
# The length at which a field is cut, for example To with sixty recipients.
_FIELD = 400


def bundle(message: Any) -> page.Bundle:
    reading = reader.read(message)
    return {"text/plain": plain(message, reading), "text/html": rich(message, reading)}


def plain(message: Any, reading: reader.Reading) -> str:
    said = [one_line(message)]
    said += [f"{name}: {visible(value)}" for name, value in _shown(reading)]
    body = [line for text in reading.texts for line in text[:_TEXT].splitlines()]
    if not body and reading.pages:
        body = ["(HTML)"]
    more = [f"... ({len(body) - _LINES:,} more lines)"] if len(body) > _LINES else []
    said += ["", *(visible(line.expandtabs()) for line in body[:_LINES]), *more]
    if reading.attachments:
        said += [
            "",
            *(f"[{visible(_name(one))}, {one.kind}, {octets(len(one.data))}]" for one in reading.attachments),
        ]
    return "\n".join(said)


def rich(
    message: Any,
    reading: reader.Reading | None = None,
    *,
    before: str = "",
    after: str = "",
    source: bytes | None = None,
    remote: bool = False,
    is_open: bool = False,
) -> str:
    """`before` is HTML placed above the header, `after` below the mail. `source` is the octets of the
    message, if they are known. `remote` and `is_open` are as for `looks`."""
    reading = reading or reader.read(message)
    subject = next((value for name, value in reading.fields if name.lower() == "subject"), "")
    title = subject or "(no subject)"
    shown = [
        (name, _value(value) + (' <span class="soft">(never sent)</span>' if name == "Bcc" else ""))
        for name, value in _shown(reading)
        if name != "Subject"
    ]
    return page.whole(
        f"Message: {title}",
        page.head(title),
        before,
        page.facts("", shown).replace("<caption></caption>", '<caption class="hidden">Header</caption>'),
        looks(reading, title, remote=remote, is_open=is_open),
        after,
        _files("in the HTML", list(reading.shown.values())),
        _files("attached", reading.attachments),
        _all_fields(reading),
        _source(message, source),
    )


def _shown(reading: reader.Reading) -> list[tuple[str, str]]:
    by_rank = {name.lower(): rank for rank, name in enumerate(reader.SHOWN)}
    found = [(name, value) for name, value in reading.fields if name.lower() in by_rank]
    return sorted(
        ((reader.SHOWN[by_rank[name.lower()]], value) for name, value in found),
        key=lambda one: by_rank[one[0].lower()],
    )


def _value(value: str) -> str:
    more = ' <span class="soft">(all of it stands in the header below)</span>' if len(value) > _FIELD else ""
    return f"<bdi>{page.text(clipped(value, _FIELD))}</bdi>{more}"


def _files(where: str, files: list[reader.Attachment]) -> str:
    if not files:
        return ""
    rows = [[page.text(_name(one)), page.text(one.kind), octets(len(one.data))] for one in files]
    caption = f"{counted(len(rows), 'file')} {where}"
    return f'<div class="box files">{page.table(caption, ["name", "type", "size"], rows, [2])}</div>'


def _name(one: reader.Attachment) -> str:
    return one.name or "(no name)"


def _all_fields(reading: reader.Reading) -> str:
    rows = [(name, page.text(value)) for name, value in reading.fields]
    count = f"{len(rows)} field{'' if len(rows) == 1 else 's'}"
    return page.details(f"Header: all {count}", page.facts("", rows)) if rows else ""


def _source(message: Any, source: bytes | None) -> str:
    try:
        source = bytes(message) if source is None else source
    except (ValueError, LookupError, TypeError) as error:
        return page.details("Source", f'<p class="bad">It can\'t be written: {page.text(error)}</p>')
    text = source.decode("utf-8", "backslashreplace")
    shown = f"<pre>{page.lines(text[:_SOURCE])}{rest(text, _SOURCE)}</pre>"
    return page.details(f"Source, {octets(len(source))}", shown)
