"""`rsmtp.lint`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._lint import content, header, html, structure
from rsmtp._lint.finding import Finding, Findings
from rsmtp._lint.rules import RULES
from rsmtp._lint.view import view

if TYPE_CHECKING:
    from rsmtp._lint.view import Broken

_CHECKS = (header.check, structure.check, content.check, html.check)


@public
def lint(
    message: rsmtp.typing.AnyMessage | rsmtp.CaughtMessage | bytes | bytearray | memoryview,
    *,
    bulk: bool | None = None,
    ignore: Iterable[str] = (),
    rspamd: str | None = None,
    spamd: str | None = None,
) -> Findings:
    """What receivers and readers may object to in a message, before it is sent.

        for finding in rsmtp.lint(message):
            print(finding, finding.advice)

    Args:
        message: a message, what a catcher has caught, or octets. Octets are checked completely; a
            message that rsmtp has yet to send gets its Date, its Message-ID and its encodings only then.
        bulk: whether it is bulk mail, which must offer one-click unsubscribing. Default: true if it has
            List-Id, List-Unsubscribe, Feedback-ID, or Precedence: bulk.
        ignore: names of rules that don't count.
        rspamd: the URL of an rspamd that is asked for its score: "http://127.0.0.1:11333".
        spamd: host and port of a SpamAssassin's spamd that is asked: "127.0.0.1:783".

    Returns the findings, the gravest first; an empty list means that nothing was found. Nothing is sent,
    and only the two filters are asked over the network. docs/howto/lint.md lists the rules.

    Raises ValueError for a rule that does not exist, ConnectionError for a filter that does not answer.
    """
    ignored = _rules(ignore)
    seen = view(message, None if bulk is None else arguments.flag("bulk", bulk))
    broken: list[Broken] = []
    for check in _CHECKS:
        broken += check(seen)
    found = [_finding(*one) for one in broken if one[0] not in ignored]
    if rspamd is not None or spamd is not None:
        from rsmtp._lint import scores

        octets = scores.as_sent(seen.message) if seen.octets is None else seen.octets
        found += [
            Finding("spam-score", *told)
            for told in scores.ask(octets, rspamd, spamd)
            if "spam-score" not in ignored
        ]
    return Findings(found)


def _rules(ignore: Iterable[str]) -> set[str]:
    names = {ignore} if isinstance(ignore, str) else set(arguments.texts("ignore", ignore))
    for name in names:
        if name not in RULES:
            raise ValueError(f"ignore: there is no rule {name!r}{arguments.meant(name, RULES)}")
    return names


def _finding(rule: str, message: str, where: str) -> Finding:
    return RULES[rule].finding(rule, message, where)
