"""What receivers may object to, as an assertion."""

from __future__ import annotations

from collections.abc import Iterable

import rsmtp
from rsmtp._common.tracebacks import public
from rsmtp._lint.finding import Severity, summary
from rsmtp._lint.run import lint
from rsmtp.testing.messages import SentMessage


@public
def assert_no_findings(
    message: rsmtp.typing.AnyMessage | SentMessage | bytes,
    *,
    at_least: Severity = "warning",
    bulk: bool | None = None,
    ignore: Iterable[str] = (),
) -> None:
    """Raises AssertionError for a message that receivers may object to (`rsmtp.lint`).

        def test_the_welcome_mail(sent_messages):
            welcome("bob@example.com")
            assert_no_findings(sent_messages[0])

    Args:
        message: a message, one that has arrived, or octets.
        at_least: how grave a finding has to be: "error", "warning" or "hint".
        bulk, ignore: as `rsmtp.lint` takes them.
    """
    __tracebackhide__ = True
    octets = message.data if isinstance(message, SentMessage) else message
    found = lint(octets, bulk=bulk, ignore=ignore).at_least(at_least)
    if found:
        raise AssertionError(f"{summary(found)}\n{found}")
