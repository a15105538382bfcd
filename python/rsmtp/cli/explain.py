"""Explains an error of a conversation for users of the command line: what went wrong, and what
to do. There is no traceback."""

from rsmtp._mailer.servers import Server
from rsmtp._rsmtp import Recipient
from rsmtp.cli.terminal import harmless

_WIDTH = 96

# The prefix that OpenSSL's messages have, and ours too, because scripts may look for it.
_FOR_SCRIPTS = "certificate verify failed: "


def explain(error: BaseException, server: Server | None = None) -> str:
    """One or two sentences. Without a server, they don't mention `rsmtp check` for it."""
    import re

    from rsmtp import errors
    from rsmtp._common import hints

    words = re.sub(r"^\[Errno -?\d+\] ", "", errors.words(error)).removeprefix(_FOR_SCRIPTS)
    return harmless(hints.at_a_terminal(error, words, server.host if server else None))


def advised(recipient: Recipient, indent: str) -> list[str]:
    """Lines that say what the refusal of this recipient means, and what to do. Empty if that is unknown."""
    return wrapped(str(recipient.advice or ""), indent)


def wrapped(text: str, indent: str) -> list[str]:
    if not text:
        return []
    import textwrap

    # Addresses are not split across lines.
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
