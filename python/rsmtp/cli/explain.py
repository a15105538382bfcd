"""An error of a conversation as a person at a terminal wants it: what went wrong,
and what to do here. No traceback."""

import textwrap

from rsmtp._mailer.servers import Server
from rsmtp._rsmtp import Recipient
from rsmtp.cli.terminal import harmless

_WIDTH = 96

# What stands before ours in the words of OpenSSL, which scripts may look for.
_FOR_SCRIPTS = "certificate verify failed: "


def explain(error: BaseException, server: Server | None = None) -> str:
    """One or two sentences; without a server, nothing about looking at it."""
    import re

    from rsmtp import errors
    from rsmtp._common import hints

    words = re.sub(r"^\[Errno -?\d+\] ", "", errors.words(error)).removeprefix(_FOR_SCRIPTS)
    return harmless(hints.at_a_terminal(error, words, server.host if server else None))


def advised(recipient: Recipient, indent: str) -> list[str]:
    """What the refusal of this recipient means, and what to do: lines, none where nothing is known."""
    return wrapped(str(recipient.advice or ""), indent)


def wrapped(text: str, indent: str) -> list[str]:
    # An address is not broken.
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
