"""Rows of whatever is a table: lists, frames of pandas and polars, tables of Arrow, cursors of databases,
CSV files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from rsmtp._common import arguments
from rsmtp._content.tables import is_frame
from rsmtp._content.template import as_row, check_names
from rsmtp._merge.csv_rows import CsvRows


class Rows:
    """Each row as a dict, or its error; with its position, if more is known than its number."""

    def __init__(self, given: Any, encoding: str | None = None, delimiter: str | None = None) -> None:
        self._given = given
        self._csv = None
        if isinstance(given, (str, os.PathLike)):
            path = os.fspath(given)
            if not isinstance(path, str) or not path.lower().endswith((".csv", ".tsv", ".txt")):
                raise ValueError(
                    f"rows: {path!r} is not the path of a CSV file; a spreadsheet is read by "
                    "pandas.read_excel(path)"
                )
            self._csv = CsvRows(path, encoding, delimiter)
            return
        for name, value in (("encoding", encoding), ("delimiter", delimiter)):
            if value is not None:
                raise ValueError(f"{name}: it is for CSV files, and the rows are {type(given).__name__}")
        if isinstance(given, (bytes, bytearray, type)) or (hasattr(given, "items") and not is_frame(given)):
            raise arguments.wanted("rows", "a list of dicts, a frame or the path of a CSV file", given)
        if hasattr(given, "collect") and hasattr(given, "lazy"):
            self._given = given = given.collect()  # a lazy frame of polars
        if not hasattr(given, "__iter__") and not hasattr(given, "fetchmany") and not is_frame(given):
            raise arguments.wanted("rows", "a list of dicts, a frame or the path of a CSV file", given)

    @property
    def source(self) -> str:
        return "" if self._csv is None else os.path.basename(self._csv.path)

    @property
    def count(self) -> int | None:
        """How many there are, where that is known before they are read."""
        if self._csv is not None or not hasattr(self._given, "__len__"):
            return None
        return len(self._given)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        if self._csv is not None:
            yield from self._csv
            return
        for row in _each(self._given):
            try:
                yield "", as_row(row)
            except Exception as wrong:
                yield "", wrong


def _each(given: Any) -> Iterator[Any]:
    if hasattr(given, "columns") and is_frame(given):
        names = [str(name) for name in given.columns]
        check_names("rows", names)
        pandas = hasattr(given, "itertuples")
        rows = given.itertuples(index=False, name=None) if pandas else given.iter_rows()
        for values in rows:
            yield dict(zip(names, values, strict=True))
    elif hasattr(given, "to_batches") and hasattr(given, "column_names"):  # a table of Arrow
        check_names("rows", given.column_names)
        for batch in given.to_batches():
            yield from batch.to_pylist()
    elif hasattr(given, "fetchmany") and getattr(given, "description", None):  # PEP 249
        names = [column[0] for column in given.description]
        check_names("rows", names)
        while several := given.fetchmany(500):
            for row in several:
                is_plain = isinstance(row, (tuple, list)) and not hasattr(row, "_asdict")
                yield dict(zip(names, row, strict=True)) if is_plain else row
    else:
        if hasattr(given, "fetchmany") and hasattr(given, "keys"):  # a result of SQLAlchemy
            check_names("rows", given.keys())
        elif hasattr(given, "fieldnames") and hasattr(given, "restkey"):  # a csv.DictReader
            check_names("rows", given.fieldnames or ())
        yield from given
