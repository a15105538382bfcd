"""The search language of outboxes."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from rsmtp._web.search import Language, Searched, folded
from rsmtp.outbox.looking import Row
from rsmtp.outbox.recipients import STATES

LANGUAGE: Final = Language(
    fields=("from", "to", "subject", "message-id", "key", "server", "error"),
    states={"is": {state: state for state in STATES}},
)


def fits(text: str, *, whole: bool = False) -> Callable[[Row], bool] | None:
    """Whether a message matches this search. None: every message does. `whole` and errors are those of
    `Language.parse`."""
    tests = LANGUAGE.parse(text, whole=whole)
    if not tests:
        return None

    def fits(row: Row) -> bool:
        searched = _searched(row)
        return all(test(searched) for test in tests)

    return fits


def _searched(row: Row) -> Searched:
    fields = {
        "from": folded([row.from_addr]),
        "to": folded(row.to_addrs),
        "subject": folded([row.subject]),
        "message-id": folded([row.message_id]),
        "key": folded([row.key]),
        "server": folded([row.server]),
        "error": folded([row.error]),
    }
    return Searched(
        anywhere=folded([*fields.values(), str(row.id)]),
        fields=fields,
        states=frozenset([row.state]),
        received_at=datetime.fromtimestamp(row.created, UTC),
        size=row.size,
    )
