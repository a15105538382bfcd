"""``rsmtp merge``: a message for each row of a table."""

from __future__ import annotations

import argparse
from pathlib import Path

import rsmtp
from rsmtp.cli import exit_code, server, signing
from rsmtp.cli.compose import by_flag
from rsmtp.cli.exit_code import Stop
from rsmtp.cli.explain import explain
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.reading import not_read, octets_of
from rsmtp.cli.secret import with_password
from rsmtp.cli.send import heed_warnings
from rsmtp.cli.terminal import harmless, tell_fates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

DESCRIPTION = """\
Send a message for each row of a CSV file. Its first line names the columns; {{ name }} in
the template, and in --to and the others, is what stands in a column.

TEMPLATE is a folder with subject.txt and body.html, body.txt or body.md (see
docs/howto/templates.md), or one file: .html, .md or .txt.

A row that no message can be made from is reported with its number, and the others are sent.
--preview shows some messages and --dry-run lists every bad row, before anything is sent.
"""

EXAMPLES = """\
examples:
  rsmtp merge welcome/ list.csv --from ann@example.com --to '{{ email }}' --preview 3
  rsmtp merge welcome/ list.csv --from ann@example.com --to '{{ name }} <{{ email }}>' --dry-run
  rsmtp merge welcome/ list.csv --from ann@example.com --to '{{ email }}' --test-to ann@example.com \\
              --limit 2 --server smtp://ann@smtp.example.com
  rsmtp merge invoice.txt list.csv --from shop@example.com --to '{{ email }}' --subject 'Invoice {{ id }}' \\
              --attach 'invoices/{{ id }}.pdf' --key 'invoice/{{ id }}' --outbox mail.db --provider gmail
"""

# The help of the template's own arguments, by flag.
_FIELDS = {
    "from": "who sends it",
    "to": "who gets it: one address, as '{{ email }}' or '{{ name }} <{{ email }}>'",
    "cc": "who gets a copy",
    "bcc": "who gets a copy unseen by the others",
    "reply-to": "where answers go",
    "subject": "default: the template's",
    "unsubscribe": "https link that ends it, as 'https://example.com/u/{{ token }}'",
}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "merge",
        help=summary,
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n{exit_code.TABLE}",
        formatter_class=HelpText,
    )
    parser.add_argument("template", metavar="TEMPLATE", help="a folder, or a file")
    parser.add_argument("rows", metavar="LIST.csv", help="the table; - is standard input")
    group = parser.add_argument_group("message")
    for name, words in _FIELDS.items():
        group.add_argument(f"--{name}", dest=_argument(name), metavar="TEXT", help=words)
    group.add_argument(
        "--attach", action="append", metavar="FILE", help="such as 'invoices/{{ id }}.pdf'; can be repeated"
    )
    group.add_argument("--layouts", metavar="FOLDER", help="layouts and parts that several templates share")
    table = parser.add_argument_group("table")
    table.add_argument("--encoding", metavar="NAME", help="default: UTF-8, or as its byte order mark says")
    table.add_argument("--delimiter", metavar="CHAR", help="default: , ; tab or |, as in its first line")
    table.add_argument("--limit", type=int, metavar="N", help="only the first N rows")
    how = parser.add_argument_group("what is done")
    how.add_argument(
        "--preview",
        nargs="?",
        type=int,
        const=3,
        metavar="N",
        help="show the first N messages (default: 3); send nothing",
    )
    how.add_argument("--dry-run", action="store_true", help="list every bad row; send nothing")
    how.add_argument("--test-to", metavar="ADDRESS", help="send all of it to this address")
    how.add_argument(
        "--outbox", metavar="FILE", help="record what is sent: the same command again sends the rest"
    )
    how.add_argument(
        "--key", metavar="TEXT", help="identifies a row in the outbox, such as 'invoice/{{ id }}'"
    )
    server.add_arguments(parser)
    signing.add_arguments(parser)
    parser.set_defaults(run=run)


def _argument(flag: str) -> str:
    return "from_" if flag == "from" else flag.replace("-", "_")


def run(given: argparse.Namespace) -> int:
    if given.key is not None and given.outbox is None:
        raise Stop(exit_code.USAGE, "--key goes with --outbox, the file in which it is looked up")
    merge = _made(given)
    if given.preview is not None:
        return _previewed(merge, given.preview)
    if given.dry_run:
        return _tried(merge)
    return _sent(merge, given)


def _made(given: argparse.Namespace) -> rsmtp.Merge:
    fields = {name: getattr(given, name) for name in map(_argument, _FIELDS)}
    fields = {name: value for name, value in fields.items() if value is not None}
    if given.attach:
        fields["attachments"] = given.attach
    try:
        template = _template(given)
        return rsmtp.merge(
            template,
            _rows(given),
            key=given.key,
            limit=given.limit,
            test_to=given.test_to,
            **_table(given),
            **fields,
        )
    except OSError as error:
        raise not_read(error, rows="LIST.csv", attachments="--attach") from None
    except (ValueError, TypeError) as error:
        raise Stop(exit_code.USAGE, harmless(by_flag(error))) from None


def _template(given: argparse.Namespace) -> rsmtp.Template:
    path = Path(given.template)
    if path.is_dir():
        return rsmtp.Template.from_folder(path, layouts=given.layouts)
    if given.layouts is not None:
        raise ValueError("--layouts goes with a template that is a folder")
    kinds = {".html": "html", ".htm": "html", ".md": "markdown", ".txt": "text"}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        if not path.exists():
            raise Stop(
                exit_code.NO_INPUT, harmless(f"TEMPLATE: {given.template}: there is no such file or folder")
            )
        raise ValueError(f"TEMPLATE: {given.template!r} is no folder, and none of .html, .md and .txt")
    content: Any = path if kind != "text" else path.read_text(encoding="utf-8-sig")
    more: dict[str, Any] = {"text": "auto"} if kind == "html" else {}
    return rsmtp.Template(**{kind: content}, **more)


def _rows(given: argparse.Namespace) -> Any:
    if given.rows != "-":
        return Path(given.rows)
    # A dry run and the sending after it each read the rows once, so they are stored in a file.
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".csv", delete=False) as file:
        file.write(octets_of("-"))
    import atexit

    atexit.register(Path(file.name).unlink, missing_ok=True)
    return Path(file.name)


def _table(given: argparse.Namespace) -> dict[str, Any]:
    delimiter = "\t" if given.delimiter in ("tab", "\\t") else given.delimiter
    return {"encoding": given.encoding, "delimiter": delimiter}


def _previewed(merge: rsmtp.Merge, count: int) -> int:
    try:
        preview = merge.preview(count)
    except ValueError as error:
        raise Stop(exit_code.USAGE, f"--preview: {error}") from None
    print(preview)
    return exit_code.OK


def _tried(merge: rsmtp.Merge) -> int:
    run = merge.dry_run()
    for line in run._lines(None):
        print(harmless(line))
    return exit_code.OK if run.ok else exit_code.DATA


def _sent(merge: rsmtp.Merge, given: argparse.Namespace) -> int:
    target = server.from_arguments(given)
    dkim = signing.from_arguments(given)
    place, target = target.place, with_password(target)
    heed_warnings()
    more: dict[str, Any] = {}
    if given.outbox is not None:
        try:
            more["outbox"] = rsmtp.Outbox(given.outbox)
        except RuntimeError as error:
            raise Stop(exit_code.NO_INPUT, f"--outbox: {harmless(str(error))}") from None
    try:
        with target.mailer(**({} if dkim is None else {"dkim": dkim})) as mailer:
            report = mailer.send_all(merge, **more)
    except (OSError, ValueError) as error:
        told = getattr(error, "report", None)
        if told is not None and told.total:
            _tell(str(told).splitlines()[:1])
        raise Stop(exit_code.of(error), explain(error, place)) from None
    _tell(str(report).splitlines())
    return _code(report)


def _tell(lines: list[str]) -> None:
    tell_fates(lambda: print(*map(harmless, lines), sep="\n"))


def _code(report: rsmtp.Report) -> int:
    """The exit code of the worst fate."""
    if report.ok:
        return exit_code.OK
    if report.unknown:
        return exit_code.UNKNOWN_FATE
    if any(receipt.error is not None and hasattr(receipt.error, "faults") for receipt in report.troubles):
        return exit_code.DATA
    if any(one.transient for receipt in report.troubles for one in receipt.recipients):
        return exit_code.TRY_AGAIN
    return exit_code.NO_USER if report.refused else exit_code.DATA
