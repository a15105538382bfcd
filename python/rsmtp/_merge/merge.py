"""`rsmtp.merge`: a message for each row of a table."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import rsmtp
from rsmtp._client.outgoing import prepare
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._content.kept_files import KeptFiles
from rsmtp._content.template import Filled, Template, check_arguments, words_of
from rsmtp._mailer.feeding import BadRow
from rsmtp._merge.looking import DryRun, Preview
from rsmtp._merge.rows import Rows
from rsmtp._merge.unlinked import unlinked

# Rows that are filled in together, and seconds that the first of them waits for the last.
_AT_ONCE = 256
_PATIENCE = 0.02


class RowError(ValueError):
    """A row that makes no message.

    `number` counts the rows from 1; `faults` are all errors in the row, each with its argument.
    """

    def __init__(self, number: int, where: str, faults: list[str]) -> None:
        self.number, self.where, self.faults = number, where, faults
        there = f" ({where})" if where else ""
        super().__init__(f"row {number}{there}: {'; '.join(faults)}")

    def __reduce__(self) -> Any:
        return RowError, (self.number, self.where, self.faults)


@public
class Merge:
    """The messages that `rsmtp.merge` makes. Each iteration makes them again, a few hundred at a time,
    if the rows can be read again.

    A row that makes no message gives a `BadRow` with the row's `number`, the `row` and the `error`.
    `send_all` reports it in a receipt, and sends the others.
    """

    def __init__(
        self,
        template: Template,
        rows: Rows,
        given: Mapping[str, Any],
        context: Mapping[str, Any],
        key: str | None,
        limit: int | None,
        test_to: Any,
    ) -> None:
        self._template, self._rows = template, rows
        self._limit, self._test_to = limit, test_to
        extra = {} if key is None else {_KEY: key}
        self._filled: Filled = template._filled(dict(given) | extra, context)
        self._is_keyed = key is not None

    def __iter__(self) -> Iterator[rsmtp.Message | BadRow]:
        rows = enumerate(itertools.islice(iter(self._rows), self._limit), start=1)
        files = KeptFiles()
        for batch in _batches(rows):
            good = [row for _, (_, row) in batch if not isinstance(row, Exception)]
            made = iter(self._filled.arguments_for(good))
            for number, (where, row) in batch:
                if isinstance(row, Exception):
                    yield _bad(number, where, None, [words_of(row)])
                else:
                    with files:
                        one = self._one(number, where, row, *next(made))
                    yield one

    def _one(
        self, number: int, where: str, row: dict[str, Any], given: dict[str, Any], faults: list[str]
    ) -> rsmtp.Message | BadRow:
        if not faults:
            try:
                key = given.pop(_KEY, None)
                if self._is_keyed and not key:
                    raise ValueError("key: it is empty")
                message = self._message(given)
                if any(_may_be_too_long(value) for name, value in given.items() if name not in _CONTENT):
                    # A field that no line can hold is a fault of its row, and not only of the message.
                    prepare(message)
                # A test's key would be that of the message itself, which an outbox then refuses.
                if key is not None and self._test_to is None:
                    message.key = key
                return message
            except Exception as raised:
                return _bad(number, where, row, [words_of(raised)], raised)
        return _bad(number, where, row, faults)

    def _message(self, given: dict[str, Any]) -> rsmtp.Message:
        if self._test_to is None:
            return rsmtp.Message(**given)
        given = unlinked(given)
        paths = {name: given.pop(name, None) for name in ("to", "cc", "bcc")}
        headers = given.get("headers") or {}
        meant = rsmtp.Message(**paths, headers=headers)
        who = ", ".join(str(meant[name]) for name in _WHO if name in meant)
        subject = f"[Test, for {who}] {given.get('subject', '')}".strip()
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        kept = [pair for pair in pairs if not _NAMES_RECIPIENTS.fullmatch(pair[0])]
        return rsmtp.Message(**(given | {"to": self._test_to, "subject": subject, "headers": kept}))

    @property
    def count(self) -> int | None:
        """The number of rows, if it is known before they are read."""
        known = self._rows.count
        return known if known is None or self._limit is None else min(known, self._limit)

    def preview(self, count: int = 3) -> Preview:
        """The first messages, to look at: nothing is sent. A notebook shows them, `print` their text."""
        arguments.whole("count", count, 1, 1000, "a number from 1 to 1000")
        return Preview(list(itertools.islice(iter(self), count)), self.count)

    def dry_run(self) -> DryRun:
        """Makes every message as for sending, but sends none, so that all faults are known before the
        first message goes out. This uses up rows that can be read only once."""
        return DryRun.of(self)

    def __repr__(self) -> str:
        from rsmtp.display.short import counted

        rows = counted(self.count, "row") if self.count is not None else "rows"
        source = f" of {self._rows.source}" if self._rows.source else ""
        test = f", all to {self._test_to}" if self._test_to is not None else ""
        return f"<Merge of {self._template!r} with {rows}{source}{test}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the first messages."""
        from rsmtp.display import merge

        return merge.of_merge(self)


class SizedMerge(Merge):
    """A merge of rows whose number is known."""

    def __len__(self) -> int:
        return self.count or 0


def _bad(number: int, where: str, row: Any, faults: list[str], cause: BaseException | None = None) -> BadRow:
    error = RowError(number, where, faults)
    error.__cause__ = cause
    return BadRow(number, row, error)


# Arguments that are no field of the header.
_CONTENT = {"text", "html", "markdown", "attachments", "calendar", "inline", "css", "inline_from"}
# Lines have at most 998 octets (RFC 5322 section 2.1.1), of which the rest of the field takes some.
_LONG = 500


def _may_be_too_long(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > _LONG
    if isinstance(value, (list, tuple)):
        return any(_may_be_too_long(one) for one in value)
    return isinstance(value, dict) and any(_may_be_too_long(one) for one in value.values())


# `headers` may name recipients, too. A message with Resent-Date goes to those of the Resent- fields (RFC 5322
# section 3.6.6).
_WHO = ("To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc")
_NAMES_RECIPIENTS = re.compile(r"to|cc|bcc|resent-.*", re.IGNORECASE)

# No argument of a message has such a name.
_KEY = "key="


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    """The rows in batches. Rows that have arrived don't wait for a slow source, and an error of the
    source is raised after them."""
    failed: BaseException | None = None
    while failed is None:
        batch = []
        begun = time.monotonic()
        try:
            for row in rows:
                batch.append(row)
                if len(batch) >= _AT_ONCE or time.monotonic() - begun > _PATIENCE:
                    break
            else:
                failed = StopIteration()
        except BaseException as raised:
            failed = raised
        if batch:
            yield batch
    if not isinstance(failed, StopIteration):
        raise failed


@public
def merge(
    template: Template | str | os.PathLike[str],
    rows: Any,
    *,
    key: str | None = None,
    limit: int | None = None,
    test_to: Any = None,
    context: Mapping[str, Any] | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    **more: Any,
) -> Merge:
    """A message for each row of a table: an iterable for `send_all`, `Outbox.put_all` and others.

        letters = rsmtp.merge(template, "customers.csv", from_="shop@example.com", to="{{ email }}")
        print(letters.dry_run())
        report = mailer.send_all(letters)

    Args:
        template: an `rsmtp.Template`, or the folder of one.
        rows: a list of dicts, of named tuples or of data classes; a frame of pandas or polars; a table of
            Arrow; a cursor of a database; the path of a CSV file, whose first line names the columns;
            any other iterable of such rows. They are read when they are needed.
        to, subject, attachments, ...: arguments of `Message`, for this merge. Texts in them are
            templates; functions are called with the row. `to="{{ email }}"` is always one address,
            whatever the row contains.
        key: identifies each message in an outbox, for example "invoice/{{ id }}". An interrupted merge
            continues where it stopped, and no message is sent twice.
        limit: use only this many of the first rows.
        test_to: all messages go to this address; the subject says who each is meant for. The links of
            `unsubscribe` lead nowhere, also in the texts: they would unsubscribe that person.
        context: values for all rows.
        encoding, delimiter: of a CSV file. Default: UTF-8, or what its first octets say; the one of
            comma, semicolon, tab and bar that separates its first line.

    A row that makes no message does not stop the merge: its receipt has its number and the error.
    `dry_run` finds such rows before anything is sent.

    Raises ValueError for a template that can't be compiled, OSError for a file that can't be read.
    """
    if isinstance(template, (str, os.PathLike)):
        if isinstance(template, str) and not os.path.exists(template):
            raise NotADirectoryError(
                f"template: there is no folder {template!r}; a text is given as rsmtp.Template(text)"
            )
        template = Template.from_folder(template)
    if not isinstance(template, Template):
        raise arguments.wanted("template", "an rsmtp.Template, or the folder of one,", template)
    if limit is not None:
        arguments.count("limit", limit)
    arguments.maybe_text("key", key)
    if test_to is not None:
        try:
            rsmtp.Message(to=test_to)
        except (TypeError, ValueError) as refused:
            raise arguments.passed_on("test_to", "to", refused) from None
    if context is not None and not isinstance(context, Mapping):
        raise arguments.wanted("context", "a dict of names and values", context)
    check_arguments("merge", more)
    table = Rows(rows, encoding, delimiter)
    kind = Merge if table.count is None else SizedMerge
    return kind(template, table, more, context or {}, key, limit, test_to)
