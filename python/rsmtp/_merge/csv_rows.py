"""Rows of CSV files written by spreadsheets."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Iterator
from typing import Any

from rsmtp._common import arguments
from rsmtp._content.template import check_names

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_DELIMITERS = ",;\t|"


class CsvRows:
    """The rows below the header line. Each is read when it is asked for, and again when they are all
    asked for again."""

    def __init__(self, path: str | os.PathLike[str], encoding: str | None, delimiter: str | None) -> None:
        self.path = os.fspath(path)
        if encoding is not None:
            try:
                codecs.lookup(arguments.text("encoding", encoding))
            except LookupError:
                raise ValueError(f"encoding: {encoding!r} is unknown to Python") from None
        if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
            raise ValueError(f"delimiter: one character is wanted, not {delimiter!r}")
        try:
            with open(self.path, "rb") as file:
                start = file.read(4)
        except OSError as error:
            raise arguments.not_opened("rows", error) from None
        found = next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8")
        self._is_guessed, self._encoding = encoding is None, encoding or found
        with self._open() as file:
            header = file.readline()
            if not header.strip():
                raise ValueError(f"rows: {self.path}: its first line, which names the columns, is empty")
            self._delimiter = delimiter or _delimiter(header)
            file.seek(0)
            try:
                self.names = [name.strip() for name in next(self._reader(file))]
            except csv.Error as wrong:
                raise ValueError(
                    f"rows: {self.path}: the names of its columns can't be read: {wrong}"
                ) from None
        check_names(f"rows: {self.path}", [name for name in self.names if name])

    def _open(self) -> io.TextIOWrapper:
        # A row that can't be decoded is one bad row, and does not stop the merge.
        return open(self.path, encoding=self._encoding, errors="surrogateescape", newline="")

    def _reader(self, file: io.TextIOWrapper) -> Any:
        # Strict: a quotation mark that is never closed would take the rows behind it into its cell.
        return csv.reader(file, delimiter=self._delimiter, strict=True)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Each row with its position."""
        with self._open() as file:
            reader = self._reader(file)
            next(reader, None)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader, None)
                except csv.Error as wrong:
                    lost = (
                        ""
                        if reader.line_num == line
                        else f", nor can what follows, to line {reader.line_num}"
                    )
                    yield f"line {line}", ValueError(f"it can't be read: {wrong}{lost}")
                    continue
                if cells is None:
                    return
                if cells and any(cell.strip() for cell in cells):
                    yield f"line {line}", self._row(cells)

    def _row(self, cells: list[str]) -> dict[str, str] | Exception:
        # Spreadsheets write empty cells at the end of a line, and leave them out.
        while len(cells) > len(self.names) and not cells[-1]:
            cells.pop()
        if len(cells) != len(self.names):
            return ValueError(f"it has {len(cells)} cells, and {len(self.names)} columns are named")
        for name, cell in zip(self.names, cells, strict=True):
            if not cell.isascii() and arguments.has_surrogates(cell):
                return ValueError(f"{name!r} is not in {self._encoding}: {cell!a}{self._advice()}")
        return dict(zip(self.names, cells, strict=True))

    def _advice(self) -> str:
        return "; a spreadsheet of Windows may write encoding='cp1252'" if self._is_guessed else ""


def _delimiter(header: str) -> str:
    """The delimiter between the column names."""
    bare = "".join(header.split('"')[::2])
    found = max(_DELIMITERS, key=bare.count)
    return found if found in bare else ","
