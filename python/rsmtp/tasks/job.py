"""A message as JSON, for a broker."""

from __future__ import annotations

import base64
from typing import Any

import rsmtp
from rsmtp._common.tracebacks import public
from rsmtp.outbox.content import Content, content_of, key_of


@public
def job(
    message: rsmtp.typing.Sendable, *, envelope: rsmtp.Envelope | None = None, key: str | None = None
) -> dict[str, Any]:
    """The message as it will be sent, as an argument for a task. It has only values that JSON can
    encode. Date and Message-ID are set, and attached files are read.

    A broker is not the place for large attachments: put such a message into an outbox that the workers
    share, and give the task its number instead (`Outbox.put(message).id`).

    Args:
        message: a message, or `(from_addr, to_addrs, data)`.
        envelope: as for `Mailer.send`.
        key: identifies the message, for example "invoice/7": it is sent once, however many tasks have
            it. Default: the message's own key (`rsmtp.merge(key=...)`), else the task's identifier.

    Raises ValueError or TypeError for a message that can't be sent as it is.
    """
    key = key_of(message, key)
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
    """Reads a dict from `job`. Only "from", "to" and "eml" are required."""
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
