"""The verbs of a client."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from opentelemetry import context
from opentelemetry.trace import set_span_in_context

from rsmtp.opentelemetry import names
from rsmtp.opentelemetry.instruments import SECOND, Instruments, fail
from rsmtp.opentelemetry.phases import phases

if TYPE_CHECKING:
    from rsmtp.opentelemetry.names import Attributes

#: Those that are watched. What one of them calls belongs to it.
VERBS = {
    "_rsmtp_arrive": "connect",
    "arrive": "connect",
    "connect": "connect",
    "starttls": "starttls",
    "login": "login",
    "sendmail": "send",
    "send_message": "send",
}


def watched(
    instruments: Instruments, operation: str, client: Any, steps: Generator[Any, Any, Any]
) -> Generator[Any, Any, Any]:
    """The steps, with a span around them."""
    connection, at, began = client._rsmtp_connection, _last(client), time.time_ns()
    span = instruments.start(operation, _place(client), began)
    token = context.attach(set_span_in_context(span))
    error: str | None = None
    try:
        result = yield from steps
        if operation == "send" and result:
            span.set_attribute(names.REFUSED, len(result))
        return result
    except GeneratorExit:
        raise
    except BaseException as raised:
        error = fail(span, raised)
        raise
    finally:
        context.detach(token)
        ended = time.time_ns()
        # Whereto a client connects is known when it has.
        where = _place(client)
        span.update_name(names.span_name(operation, where))
        span.set_attributes(where | _tls(client))
        if client._rsmtp_connection is not connection:
            at = 0.0
        if lines := [line for line in client._rsmtp_transcript if line.at > at]:
            # The last one has only just been said.
            zero = ended - int(lines[-1].at * SECOND)
            first = max(at, (began - zero) / SECOND)
            instruments.start_phases(span, zero, phases(lines, min(first, lines[0].at)))
        if operation == "connect":
            instruments.count_connect(where, (ended - began) / SECOND, error)
        elif operation == "send":
            instruments.count_send(where, (ended - began) / SECOND, error)
        span.end(ended)


def _last(client: Any) -> float:
    lines = client._rsmtp_transcript
    return lines[-1].at if lines else 0.0


def _place(client: Any) -> Attributes:
    path, port = client._rsmtp_there
    return names.place(client._host or "localhost", port, path, lmtp=client._rsmtp_speaks_lmtp)


def _tls(client: Any) -> Attributes:
    facts = client._rsmtp_tls
    return (
        {}
        if facts is None
        else {names.TLS_NAME: "tls", names.TLS_VERSION: facts.version.removeprefix("TLSv")}
    )
