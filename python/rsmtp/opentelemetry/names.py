"""What spans and metrics are called: by OpenTelemetry's semantic conventions for messaging, servers,
networks, TLS and errors where they have a name, and as `smtp.` where they don't."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

    Attributes = dict[str, AttributeValue]

OPERATION_DURATION = "messaging.client.operation.duration"
SENT_MESSAGES = "messaging.client.sent.messages"
CONNECT_DURATION = "smtp.client.connect.duration"
#: The boundaries that the conventions advise for durations.
BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

SYSTEM = "messaging.system"
OPERATION = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
MESSAGE_ID = "messaging.message.id"
BATCH = "messaging.batch.message_count"
ADDRESS, PORT = "server.address", "server.port"
PROTOCOL, TRANSPORT = "network.protocol.name", "network.transport"
TLS_NAME, TLS_VERSION = "tls.protocol.name", "tls.protocol.version"
ERROR = "error.type"
STATUS = "smtp.status_code"
QUEUE_ID = "smtp.queue_id"
ATTEMPTS = "smtp.attempts"
RECIPIENTS = "smtp.recipient.count"
REFUSED = "smtp.recipient.refused_count"

MESSAGING: Attributes = {SYSTEM: "smtp", OPERATION_TYPE: "send"}


def place(host: str, port: int, path: str | None = None, *, lmtp: bool = False) -> Attributes:
    """Where a server is."""
    protocol = "lmtp" if lmtp else "smtp"
    if path is not None:
        return {ADDRESS: path, PROTOCOL: protocol, TRANSPORT: "unix"}
    return {ADDRESS: host, PORT: port, PROTOCOL: protocol, TRANSPORT: "tcp"}


def place_of(hop: Any) -> Attributes:
    """Of a mailer's server, folder or program."""
    if not hasattr(hop, "host"):
        return {ADDRESS: f"{hop.kind}:{hop.path or ''}"}
    return place(hop.host, hop.port, hop.path, lmtp=hop.lmtp)


def place_in(server: str | None, hops: Sequence[Any]) -> Attributes:
    """The server of a receipt, among those of its mailer; the first one where none was asked."""
    places = [place_of(hop) for hop in hops]
    named = (place for place in places if server in (place[ADDRESS], span_name("", place)[1:]))
    return next(named, places[0])


def span_name(operation: str, where: Attributes) -> str:
    return f"{operation} {where[ADDRESS]!s}" + (f":{where[PORT]!s}" if PORT in where else "")


def measured(where: Attributes, error: str | None) -> Attributes:
    """What metrics have of a place and of a failure."""
    found = {name: where[name] for name in (ADDRESS, PORT) if name in where}
    return found if error is None else found | {ERROR: error}


def error_type(raised: BaseException) -> str:
    kind = type(raised)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
