"""A message as JSON: what a broker carries."""

from __future__ import annotations

import base64
from typing import Any

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.outbox.content import Content, content_of, key_in


@public
def job(
    message: rsmtp.typing.Sendable, *, envelope: rsmtp.Envelope | None = None, key: str | None = None
) -> dict[str, Any]:
    """The message as it will be sent, for the argument of a task: text and numbers alone, which
    JSON can write. Date and Message-ID are fixed, attached files are read.

    A broker is no place for large attachments: put such a message into an outbox that the workers
    share, and give the task its number instead (`Outbox.put(message).id`).

    Args:
        message: a message, or `(from_addr, to_addrs, data)`.
        envelope: as for `Mailer.send`.
        key: by which it is known again, as "invoice/7": it is sent once, however many tasks have
            it. Default: the message's own (`rsmtp.merge(key=...)`), else the task's identifier.

    Raises ValueError or TypeError for a message that can't be sent as it is.
    """
    key = arguments.maybe_text("key", key_in(message) if key is None else key)
    content = content_of(message if envelope is None else (message, envelope))
    return {
        "from": content.sender,
        "to": content.recipients,
        "eml": base64.b64encode(content.octets).decode("ascii"),
        "options": content.options,
        "rendered": content.rendered,
        "key": key,
    }


def content_in(told: dict[str, Any]) -> Content:
    """What `job` has written. Only "from", "to" and "eml" are needed."""
    missing = [name for name in ("from", "to", "eml") if name not in told]
    if missing:
        raise ValueError(f"job: {', '.join(missing)} is missing: rsmtp.tasks.job(message) makes one")
    try:
        octets = base64.b64decode(told["eml"], validate=True)
    except (ValueError, TypeError):
        raise ValueError("job: eml is not base64 of a message: rsmtp.tasks.job(message) makes one") from None
    envelope = content_of((told["from"], told["to"], octets))
    options, rendered = told.get("options") or [], bool(told.get("rendered", False))
    return envelope._replace(options=options, rendered=rendered)
