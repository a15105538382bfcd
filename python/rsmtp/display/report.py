"""The results of one message or of many, with refused and unknown ones first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import rsmtp
from rsmtp.display import page
from rsmtp.display.short import clipped, counted, message, row_shown, seconds, visible

# The label of each fate, in order of importance, with its colour.
FATES = {
    "refused": ("refused", "bad"),
    "unknown": ("unknown: it may have arrived", "warn"),
    "not sent": ("not sent", "warn"),
    "suppressed": ("suppressed", "warn"),
    "sent": ("sent", "good"),
}
# The largest number of recipients in a table.
_TROUBLES, _SENT = 200, 50


def bundle(report: Any) -> page.Bundle:
    return {"text/plain": visible_lines(str(report)), "text/html": rich(report)}


def receipt_bundle(receipt: Any) -> page.Bundle:
    return {"text/plain": receipt_plain(receipt), "text/html": receipt_rich(receipt)}


def visible_lines(text: str) -> str:
    return "\n".join(visible(line) for line in text.splitlines())


def rich(report: Any) -> str:
    counts = {
        "refused": report.refused,
        "unknown": report.unknown,
        "not sent": report.not_sent,
        "suppressed": report.suppressed,
        "sent": report.sent,
    }
    if not report.suppressed:
        del counts["suppressed"]
    total = report.total
    speed = f"{counted(total, 'message')} in {seconds(report.seconds)}"
    rate = f", {report.rate:,.0f} a second" if total and report.seconds >= 0.001 else ""
    troubles = report.troubles
    fine = [receipt for receipt in report.receipts if receipt.ok]
    return page.whole(
        f"Report: {', '.join(f'{count} {fate}' for fate, count in counts.items())}",
        page.head("Report", f'<span class="soft">{speed}{rate}</span>'),
        _counts(counts, total),
        _table("Not sent to every recipient", troubles, _TROUBLES),
        page.details(f"Receipts of sent messages: {len(fine):,}", _table("Sent", fine, _SENT))
        if fine
        else "",
    )


def receipt_rich(receipt: Any) -> str:
    if receipt.ok:
        all_of_them = f"{'other ' if receipt.suppressed else ''}recipient"
        ok = page.chip(f"sent to every {all_of_them}" if receipt.sent else "suppressed", "good")
    else:
        ok = page.chip("not sent to every recipient", "bad")
    rows = [("number", f"{receipt.index:,}")] if receipt.index else []
    is_row = not (_is_ready(receipt.message) or hasattr(receipt.message, "get_content_type"))
    rows.append(("row" if is_row else "message", page.text(_what(receipt.message))))
    if not is_row:
        rows.append(("from", page.text(receipt.from_addr or "<>")))
    if receipt.server:
        rows.append(("server", page.text(receipt.server)))
    if receipt.queue_id:
        rows.append(("queued as", page.code(receipt.queue_id)))
    rows.append(("attempts", str(receipt.attempts)))
    if receipt.error is not None:
        rows.append(("error", f'<span class="bad">{page.text(receipt.error)}</span>'))
    return page.whole(
        f"Receipt {receipt.index}",
        page.head("Receipt", ok),
        page.facts("", rows).replace("<caption></caption>", '<caption class="hidden">The message</caption>'),
        _table("Recipients", [receipt], _TROUBLES, whole=True),
    )


def receipt_plain(receipt: Any) -> str:
    said = [visible(repr(receipt))]
    for one in _sorted(receipt.recipients):
        words = f": {f'{one.code} ' if one.code else ''}{' '.join(one.text.split())}" if one.text else ""
        said.append(f"  {one.fate:<9} {visible(one.address + words)}")
        if (advice := one.advice) is not None:
            said.append(f"  {'':<9} {advice}")
    return "\n".join(said)


def _counts(counts: dict[str, int], total: int) -> str:
    bar = "".join(
        f'<i class="fate-{FATES[fate][1]}" style="width:{count / total:.2%}"></i>'
        for fate, count in counts.items()
        if count
    )
    key = "".join(
        f'<li><b class="fate-{FATES[fate][1]}"></b>{count:,} {page.text(FATES[fate][0])}</li>'
        for fate, count in counts.items()
        if count or fate == "sent"
    )
    named = f'<ul class="key" aria-label="What became of the messages">{key}</ul>'
    return f'<div class="bars" aria-hidden="true">{bar}</div>{named}'


def _table(caption: str, receipts: Sequence[Any], most: int, *, whole: bool = False) -> str:
    """One row for each recipient. If the message is one of many, the row includes its number.
    Stage and advice are columns only if a recipient has them."""
    rows: list[list[str]] = []
    left_out = 0
    for receipt in receipts:
        for cells in _rows(receipt):
            if len(rows) < most:
                rows.append(cells)
            else:
                left_out += 1
    if not rows:
        return ""
    columns = ["no.", "recipient", "fate", "the server's words, or the error", "stage", "try again"]
    more = f'<p class="soft">and {left_out:,} more, in receipts</p>' if left_out else ""
    shown = [at for at in range(whole, 6) if at < 4 or any(row[at] for row in rows)]
    made = page.table(
        caption,
        [columns[at] for at in shown],
        [[row[at] for at in shown] for row in rows],
        [] if whole else [0],
    )
    return f'<div class="box outcomes">{made}{more}</div>'


def _rows(receipt: Any) -> Iterable[list[str]]:
    error = "" if receipt.error is None else rsmtp.errors.words(receipt.error)
    number = f"{receipt.index:,}"
    if not receipt.recipients:
        yield [
            number,
            page.text(_what(receipt.message)),
            _fate("not sent"),
            page.text(error),
            "",
            "",
        ]
    for one in _sorted(receipt.recipients):
        words = f"{page.code(one.code)} {page.text(clipped(one.text or '', 300))}" if one.code else ""
        if one.fate == "suppressed":
            words = page.text(clipped(one.text or "", 300))
        if (advice := one.advice) is not None:
            words += f'<div class="soft">{page.text(advice)}</div>'
        if not words and one.fate != "sent":
            words = page.text(error)
        again = "" if one.fate == "sent" else "may help" if one.transient else "not without a change"
        if one.fate == "suppressed":
            again = ""
        if one.fate == "unknown":
            again = "it may arrive twice"
        yield [number, page.text(one.address), _fate(one.fate), words, page.text(one.stage or ""), again]


def _sorted(recipients: Iterable[Any]) -> list[Any]:
    order = list(FATES)
    return sorted(recipients, key=lambda one: order.index(one.fate))


def _fate(fate: str) -> str:
    return f'<span class="{FATES[fate][1]}">{page.text(fate)}</span>'


def _what(given: Any) -> str:
    """A short description of the caller's own object."""
    if _is_ready(given):
        return f"a message from {given[0]}"
    return message(given) if hasattr(given, "get_content_type") else row_shown(given)


def _is_ready(given: Any) -> bool:
    """Whether this is (from_addr, to_addrs, data), and not a row with three columns."""
    return type(given) is tuple and len(given) == 3
