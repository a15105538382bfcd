"""A message in a notebook: what its reader will see, and its source."""

from __future__ import annotations

import base64
from typing import Any

from rsmtp.display import page, reader
from rsmtp.display.frame import frame
from rsmtp.display.short import clipped, octets, visible
from rsmtp.display.short import message as one_line

# An image above it is not put into the page; nor is more of the source and the text.
_IMAGE = 5_000_000
_SOURCE = 20_000
_TEXT = 20_000
_LINES = 30
# So much of a field: of sixty recipients the first.
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
    message: Any, reading: reader.Reading | None = None, *, before: str = "", source: bytes | None = None
) -> str:
    """`before` is HTML that stands above the header; `source`, where it is known, the octets."""
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
        _bodies(reading, title),
        _attachments(reading),
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


def _bodies(reading: reader.Reading, title: str) -> str:
    made = [
        frame(reader.with_images(one, lambda cid: _url(reading, cid)), f"The message {title}")
        for one in reading.pages
    ]
    texts = [
        f'<div class="box mail" tabindex="0"><pre>{page.lines(text[:_TEXT])}{_rest(text, _TEXT)}</pre></div>'
        for text in reading.texts
    ]
    if made and texts:
        made.append(page.details("The same as text, for readers without HTML", "".join(texts)))
    else:
        made += texts
    return "".join(made) or '<p class="soft">(no text)</p>'


def _url(reading: reader.Reading, cid: str) -> str | None:
    image = reading.shown.get(cid)
    if image is None or not image.kind.startswith("image/") or len(image.data) > _IMAGE:
        return None
    return f"data:{image.kind};base64,{base64.b64encode(image.data).decode()}"


def _attachments(reading: reader.Reading) -> str:
    if not reading.attachments:
        return ""
    rows = [
        [page.text(_name(one)), page.text(one.kind), octets(len(one.data))] for one in reading.attachments
    ]
    count = len(rows)
    caption = f"{count} attachment{'' if count == 1 else 's'}"
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
    shown = f"<pre>{page.lines(text[:_SOURCE])}{_rest(text, _SOURCE)}</pre>"
    return page.details(f"Source, {octets(len(source))}", shown)


def _rest(text: str, shown: int) -> str:
    return (
        f'\n<span class="soft">... ({len(text) - shown:,} more characters)</span>'
        if len(text) > shown
        else ""
    )
