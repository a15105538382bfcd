"""What the refusals of receivers mean, and what to do about them.

    for recipient in mailer.send(message).recipients:
        if recipient.advice:
            print(recipient.address, recipient.advice.means, recipient.advice.do)

`ROWS` has all that is known, each with where that is written and when it was read. Of the rows that
fit a refusal, the one that asks for most is taken, and of several such the first: the receiver's own
words come before what its code means in general.
"""

from __future__ import annotations

import functools
import re

from rsmtp._common import arguments
from rsmtp.advice import filters, general, gmail, microsoft, others
from rsmtp.advice.row import Advice, Receiver, Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ROWS", "Advice", "Receiver", "find"]

#: All rows, those that ask for most first.
ROWS: Sequence[Advice] = sorted(
    (*gmail.ROWS, *microsoft.ROWS, *others.ROWS, *filters.ROWS, *general.ROWS),
    key=lambda row: (row.weight, row.has_detail),
    reverse=True,
)

# A server's words are of its making: so much of them is read.
_MOST = 4000
# No part of an IP address or of a version.
_ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)")


def find(
    code: int | None, text: str | bytes | None, address: str | None = None, server: str | None = None
) -> Advice | None:
    """What a refusal means. None where that is not known.

    Args:
        code: the reply code, as 550; None where the text alone is known.
        text: the server's words, or a bounce's diagnostic.
        address: of the recipient.
        server: that said it, as "mx.example.com" or "mx.example.com:25".
    """
    if code is not None:
        arguments.whole("code", code, 0, 999, "a reply code")
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    words = " ".join(arguments.text("text", text or "")[:_MOST].split())
    hosts = [(arguments.maybe_text("address", address) or "").rpartition("@")[2]]
    hosts.append((arguments.maybe_text("server", server) or "").partition(":")[0])
    refusal = Refusal(
        code,
        words,
        frozenset(_ENHANCED.findall(words)),
        tuple(host.lower().rstrip(".") for host in hosts if host),
    )
    return next((row for row, receiver, said in _patterns() if refusal.fits(row, receiver, said)), None)


@functools.cache
def _patterns() -> list[tuple[Advice, re.Pattern[str] | None, re.Pattern[str] | None]]:
    def made(pattern: str) -> re.Pattern[str] | None:
        return re.compile(pattern, re.IGNORECASE) if pattern else None

    return [(row, made(row.receiver.mark), made(row.words)) for row in ROWS]
