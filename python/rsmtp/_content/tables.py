"""Tables for people: as HTML that Outlook shows correctly, as text, and as a spreadsheet file."""

from __future__ import annotations

import csv
import datetime
import html
import io
import math
import numbers
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from rsmtp._common import arguments
from rsmtp._common.extras import library
from rsmtp._common.tracebacks import public
from rsmtp._content.values import plain

_FONT = (
    "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:14px;line-height:20px"
)
# Outlook only respects padding and borders of cells, and adds space of its own around tables.
_TABLE = f"border-collapse:collapse;mso-table-lspace:0pt;mso-table-rspace:0pt;{_FONT}"
_CELL = "padding:6px 12px;border:1px solid #d0d7de"
_HEAD = f"{_CELL};background-color:#f0f3f6;color:#1b1f24;font-weight:600"
# Characters that can't occur in a cell of a spreadsheet (XML 1.0).
_NOT_IN_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# A text that a spreadsheet would read as a formula; numbers and telephone numbers are not.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d\s().,/-]*\Z)")


def is_frame(value: Any) -> bool:
    """Whether this is a frame of pandas or polars, or a table of Arrow. Its type is asked, because a mock,
    say, has every attribute, and rows without end."""
    kind = type(value)
    has_rows = any(hasattr(kind, name) for name in ("itertuples", "iter_rows"))
    return (has_rows and hasattr(kind, "columns")) or (
        hasattr(kind, "column_names") and hasattr(kind, "to_pylist")
    )


@public
class Table:
    """A table made by `rsmtp.table`: markup that templates don't escape, and text as a `str`."""

    def __init__(
        self,
        names: list[str],
        rows: Iterable[Iterable[Any]],
        formats: Mapping[str, str | Callable[[Any], str]],
        limit: int | None,
        left_out: int = 0,
    ) -> None:
        self._names = names
        self._rows: list[list[str]] = []
        self._is_number = [True] * len(names)
        self._left_out = left_out
        ways = [formats.get(name) for name in names]
        for at, row in enumerate(rows):
            if limit is not None and at >= limit:
                self._left_out += 1
                continue
            values = [plain(value) for value in row]
            for column, value in enumerate(values):
                if not _is_missing(value) and not _is_number(value):
                    self._is_number[column] = False
            pairs = zip(values, ways, strict=True)
            self._rows.append([_shown(value, way) for value, way in pairs])

    def __html__(self) -> str:
        """The HTML, which templates insert without escaping."""
        sides = ["right" if number and self._rows else "left" for number in self._is_number]
        head = "".join(
            f'<th align="{side}" style="{_HEAD};text-align:{side}">{html.escape(name)}</th>'
            for name, side in zip(self._names, sides, strict=True)
        )
        rows = [
            "<tr>"
            + "".join(
                f'<td align="{side}" style="{_CELL};text-align:{side}">{html.escape(cell) or "&nbsp;"}</td>'
                for cell, side in zip(row, sides, strict=True)
            )
            + "</tr>"
            for row in self._rows
        ]
        if self._left_out:
            more = f'<td colspan="{len(self._names)}" style="{_CELL}">{self._more}</td>'
            rows.append(f"<tr>{more}</tr>")
        start = f'<table cellpadding="0" cellspacing="0" border="0" style="{_TABLE}">'
        return f"{start}<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"

    def __str__(self) -> str:
        """The table with aligned columns, for the text version of a message."""
        lines = [[_on_one_line(cell) for cell in row] for row in (self._names, *self._rows)]
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        texts = []
        for line in lines:
            cells = []
            for cell, width, number in zip(line, widths, self._is_number, strict=True):
                space = " " * (width - _width(cell))
                cells.append(space + cell if number and self._rows else cell + space)
            texts.append("  ".join(cells).rstrip())
        texts.insert(1, "  ".join("-" * width for width in widths))
        if self._left_out:
            texts.append(self._more)
        return "\n".join(texts)

    @property
    def _more(self) -> str:
        from rsmtp.display.short import counted

        return f"and {counted(self._left_out, 'more row')}"

    def __repr__(self) -> str:
        from rsmtp.display.short import counted

        return f"<Table of {counted(len(self._rows), 'row')}: {', '.join(self._names)}>"

    def _repr_html_(self) -> str:
        return self.__html__()


@public
def table(
    frame: Any,
    *,
    columns: Iterable[str] | None = None,
    index: bool | None = None,
    formats: Mapping[str, str | Callable[[Any], str]] | None = None,
    limit: int | None = None,
) -> Table:
    """A table for a mail: `rsmtp.Template(html="<p>Sales:</p>{{ sales }}")` with `sales=rsmtp.table(frame)`.

    Its HTML has every style in its cells, because Outlook and Gmail need that. Numbers are aligned to
    the right. In the text version of a message its columns are aligned with spaces. A frame that is a
    value of a template becomes a table automatically.

    Args:
        frame: of pandas or polars, a table of Arrow, or a list of dicts.
        columns: the columns to show, in this order. Default: all.
        index: show the index of a pandas frame. Default: only if it is more than row numbers.
        formats: by column, a format (`"{:,.2f}"`) or a function. Missing values are empty cells.
        limit: the largest number of rows; a line below says how many more there are.
    """
    arguments.maybe_count("limit", limit)
    arguments.maybe_flag("index", index)
    ways = formats or {}
    if not isinstance(ways, Mapping):
        raise arguments.wanted("formats", "a dict of columns and formats", formats)
    names, rows = _read(frame, index)
    if columns is not None:
        wanted = arguments.texts("columns", columns)
        for name in wanted:
            if name not in names:
                raise ValueError(f"columns: there is no {name!r}{arguments.meant(name, names)}")
        places = [names.index(name) for name in wanted]
        names, rows = wanted, ([row[place] for place in places] for row in map(list, rows))
    for name in ways:
        if name not in names:
            raise ValueError(f"formats: there is no column {name!r}{arguments.meant(name, names)}")
        if not isinstance(ways[name], str) and not callable(ways[name]):
            raise arguments.wanted(f"formats[{name!r}]", "a format, a str, or a function", ways[name])
    return Table(names, rows, ways, limit)


def file(name: str, frame: Any) -> bytes:
    """The content of a file with this name, for a frame."""
    end = os.path.splitext(name)[1].lower()
    if end in (".csv", ".tsv"):
        return _csv(frame, "," if end == ".csv" else "\t")
    if end == ".xlsx":
        return _xlsx(frame)
    raise ValueError(
        f"attachments: {name!r}: a frame becomes a file .csv, .tsv or .xlsx; others it writes itself, into "
        "an io.BytesIO that is attached"
    )


# -- reading ----------------------------------------------------------------------------------


def _read(frame: Any, index: bool | None) -> tuple[list[str], Iterable[Any]]:
    if hasattr(frame, "to_frame") and not hasattr(frame, "columns"):
        frame = frame.to_frame()  # a series of pandas or polars
    if hasattr(frame, "itertuples"):
        levels = list(frame.index.names)
        if index is None:
            index = any(name is not None for name in levels) or type(frame.index).__name__ != "RangeIndex"
        names = [_name(column) for column in frame.columns]
        if index:
            names = ["" if name is None else _name(name) for name in levels] + names
        return names, _of_pandas(frame, bool(index), len(levels))
    if hasattr(frame, "iter_rows"):
        return list(frame.columns), frame.iter_rows()
    if hasattr(frame, "column_names") and hasattr(frame, "to_pylist"):
        names = list(frame.column_names)
        return names, ([row[name] for name in names] for row in frame.to_pylist())
    if isinstance(frame, (list, tuple)) and all(isinstance(row, Mapping) for row in frame):
        names = list(dict.fromkeys(str(name) for row in frame for name in row))
        return names, ([row.get(name) for name in names] for row in frame)
    raise arguments.wanted("frame", "a frame of pandas or polars, or a list of dicts", frame)


def _of_pandas(frame: Any, index: bool, levels: int) -> Iterator[list[Any]]:
    for first, *rest in frame.itertuples(index=True, name=None):
        before = (list(first) if levels > 1 else [first]) if index else []
        yield before + rest


def _name(column: Any) -> str:
    return " / ".join(map(str, column)) if isinstance(column, tuple) else str(column)


# -- cells ------------------------------------------------------------------------------------


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Number) and not isinstance(value, bool)


def _shown(value: Any, way: str | Callable[[Any], str] | None) -> str:
    if _is_missing(value):
        return ""
    if isinstance(way, str):
        return way.format(value)
    if way is not None:
        return str(way(value))
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time() and value.tzinfo is None
        return f"{value.date()}" if is_day else value.isoformat(" ", "seconds")
    return str(value)


def _on_one_line(cell: str) -> str:
    return " ".join(cell.split())


def _width(text: str) -> int:
    """The width in columns of a terminal."""
    if text.isascii():
        return len(text)
    import unicodedata

    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


# -- files ------------------------------------------------------------------------------------


def _harmless(value: Any) -> Any:
    """A value that a spreadsheet does not evaluate as a formula, but shows as text (CWE-1236)."""
    value = plain(value)
    if _is_missing(value):
        return ""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _csv(frame: Any, delimiter: str) -> bytes:
    names, rows = _read(frame, None)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow([_harmless(name) for name in names])
    writer.writerows([_harmless(value) for value in row] for row in rows)
    text = out.getvalue()
    # Spreadsheets recognise UTF-8 by its byte order mark.
    return text.encode() if text.isascii() else b"\xef\xbb\xbf" + text.encode()


def _xlsx(frame: Any) -> bytes:
    openpyxl, cells, styles = (
        library(name, "excel", "an attachment .xlsx")
        for name in ("openpyxl", "openpyxl.cell", "openpyxl.styles")
    )
    names, rows = _read(frame, None)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")
    sheet.freeze_panes = "A2"

    def cell(value: Any) -> Any:
        value = plain(value)
        if _is_missing(value):
            return None
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            value = value.isoformat(" ", "seconds")  # a spreadsheet has no time zones
        if isinstance(value, (bool, datetime.date, datetime.time, datetime.timedelta)) or _is_number(value):
            return value
        made = cells.WriteOnlyCell(sheet, _NOT_IN_XML.sub("", str(value))[:32_767])
        made.data_type = "s"  # text, even if it begins with =
        return made

    head = [cell(name) for name in names]
    for one in head:
        one.font = styles.Font(bold=True)
    sheet.append(head)
    for row in rows:
        sheet.append([cell(value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
