"""An envelope in a notebook: the sender, the recipients, and the parameters of each command."""

from __future__ import annotations

from typing import Any

from rsmtp.display import page
from rsmtp.display.short import visible

# The largest number of recipients shown.
_MOST = 50
_BY_HEADER = "as the message's header says"


def bundle(envelope: Any) -> page.Bundle:
    return {"text/plain": plain(envelope), "text/html": rich(envelope)}


def plain(envelope: Any) -> str:
    lines = [f"MAIL  {_said(_sender(envelope), envelope.mail_options)}"]
    recipients, more = _recipients(envelope)
    lines += [f"RCPT  {_said(address, options)}" for address, options in recipients]
    if more:
        lines.append(f"      and {more:,} more")
    return "\n".join(visible(line) for line in lines)


def rich(envelope: Any) -> str:
    rows = [[page.text("MAIL"), page.text(_sender(envelope)), _codes(envelope.mail_options)]]
    recipients, more = _recipients(envelope)
    rows += [[page.text("RCPT"), page.text(address), _codes(options)] for address, options in recipients]
    if more:
        rows.append(["", page.text(f"and {more:,} more"), ""])
    chips = [page.chip("options where they are offered")] if envelope.if_offered else []
    if envelope.tls_optional:
        chips.append(page.chip("TLS-Required: No"))
    return page.whole(
        "Envelope",
        page.head("Envelope", *chips),
        page.table("Envelope", ["command", "address", "options"], rows),
    )


def _sender(envelope: Any) -> str:
    return _BY_HEADER if envelope.sender is None else envelope.sender or "<>"


def _recipients(envelope: Any) -> tuple[list[tuple[str, list[str]]], int]:
    """The first few of them, and how many more there are."""
    said = envelope.rcpt_options
    if envelope.addresses is None:
        return [(_BY_HEADER, said.get("", []))], 0
    shown = envelope.addresses[:_MOST]
    return [(address, said.get(address, [])) for address in shown], len(envelope.addresses) - len(shown)


def _said(address: str, options: list[str]) -> str:
    return " ".join([address, *options])


def _codes(options: list[str]) -> str:
    return " ".join(page.code(option) for option in options)
