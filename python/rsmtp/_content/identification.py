"""Message-IDs and threads (RFC 5322 section 3.6.4)."""

from __future__ import annotations

import re

import rsmtp
from rsmtp._common.arguments import text, wanted
from rsmtp._common.tracebacks import public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Of a longer thread the first and the latest ids are kept, because some servers refuse long fields.
_LONGEST_THREAD = 50


def message_ids(name: str, value: Any) -> list[str]:
    """The ids in an argument with this name: a text with one or several ids, or a list of such texts.
    Missing angle brackets are added."""
    if isinstance(value, (list, tuple)):
        return [one for item in value for one in message_ids(name, item)]
    if not isinstance(value, str):
        raise wanted(name, "a Message-ID or a list of them", value)
    found = [_message_id(name, one) for one in text(name, value).split()]
    if not found:
        raise ValueError(f"{name}: it is empty")
    return found


def _message_id(name: str, given: str) -> str:
    bare = given.removeprefix("<").removesuffix(">")
    if not re.fullmatch(r"[!-~]+@[!-~]+", bare) or re.search(r"[<>]", bare):
        raise ValueError(
            f"{name}: {given!r} is no Message-ID: something unique, @ and a domain are wanted, such as "
            "<2026-11-27.17@example.org> (RFC 5322 section 3.6.4)"
        )
    return f"<{bare}>"


@public
def thread_of(message: rsmtp.typing.AnyMessage) -> tuple[str, ...]:
    """The Message-IDs of the thread of a message, the oldest first and its own last.

        thread_of(mail)[0]  # the same for all messages of a thread that reference its first message

    The ids are read from References (or from In-Reply-To if there are no References) and Message-ID
    (RFC 5322 section 3.6.4). Anything in them that is not a Message-ID is left out. The tuple is
    empty for a message without these fields.
    """
    older = _ids_in(message, "References")
    if not older:
        # If there are several parents, it is unknown which one the thread continues.
        parents = _ids_in(message, "In-Reply-To")
        older = parents if len(parents) == 1 else []
    own = own_id(message)
    thread = list(dict.fromkeys(one for one in older if one != own))
    if own:
        thread.append(own)
    if len(thread) > _LONGEST_THREAD:
        thread = thread[:1] + thread[1 - _LONGEST_THREAD :]
    return tuple(thread)


def own_id(message: rsmtp.typing.AnyMessage) -> str | None:
    """The id in Message-ID."""
    return next(iter(_ids_in(message, "Message-ID")), None)


def _ids_in(message: rsmtp.typing.AnyMessage, name: str) -> list[str]:
    if not hasattr(message, "get_all"):
        raise wanted("message", "a message", message)
    values = message.get_all(name) or []
    return [one for value in values for one in re.findall(r"<[^<>\s]+>", str(value))]
