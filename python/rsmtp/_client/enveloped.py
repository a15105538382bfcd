"""A message with an `rsmtp.Envelope`, for every client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rsmtp._client.outgoing import envelope_of, may_be_unencoded, prepare, prepare_for
from rsmtp._common import arguments
from rsmtp._rsmtp import DeliveryOptions

if TYPE_CHECKING:
    import rsmtp
    from rsmtp._client.outgoing import Prepared


def addressed(
    given: Any, from_addr: str | None, to_addrs: Any
) -> tuple[str | None, Any, DeliveryOptions | None]:
    """Sender and recipients, from the arguments or the envelope, and the envelope's options."""
    envelope = an_envelope(given)
    for name, argument, value in (
        ("sender", from_addr, envelope.sender),
        ("recipients", to_addrs, envelope.recipients),
    ):
        if argument is not None and value is not None:
            which = "from_addr" if name == "sender" else "to_addrs"
            raise ValueError(f"{which}: the envelope names its {name}, too: say it in one place")
    return (
        envelope._from if from_addr is None else from_addr,
        envelope.addresses if to_addrs is None else to_addrs,
        envelope._delivery,
    )


def prepare_enveloped(item: Any, given: Any) -> Prepared:
    """The same as `prepare`, for a message with its envelope."""
    envelope = an_envelope(given)
    if not hasattr(item, "get_all"):
        if not isinstance(item, tuple):
            # Octets have no header that could supply what the envelope lacks.
            for name, value in (("sender", envelope.sender), ("recipients", envelope.recipients)):
                if value is None:
                    kind = type(item).__name__
                    raise ValueError(f"{name}: the envelope names none, and {kind} has no header")
            item = (envelope.sender, envelope.addresses, item)
        elif envelope.sender is not None or envelope.recipients is not None:
            raise ValueError("envelope: (from_addr, to_addrs, data) names sender and recipients already")
        refuse_field(envelope)
        from_addr, to_addrs, content, options, _ = prepare(item)
        if hasattr(item[-1], "as_bytes"):
            content = may_be_unencoded(content, envelope._delivery)
        return from_addr, to_addrs, content, options, envelope._delivery
    item = with_field(item, envelope)
    if envelope.sender is None and envelope.recipients is None:
        sender, recipients, content, options, _ = prepare(item)
        return sender, recipients, may_be_unencoded(content, envelope._delivery), options, envelope._delivery
    return prepare_for(envelope_of(item, envelope._from, envelope.addresses), item, envelope._delivery)


def narrowed(item: Any, sender: str, recipients: list[str]) -> Any:
    """An item for a Mailer, from this sender to some of its recipients. An envelope keeps its options."""
    from rsmtp.envelope import Envelope

    message, envelope = item if isinstance(item, tuple) and len(item) == 2 else (item, Envelope())
    if isinstance(message, tuple):
        some = sender, recipients, message[2]
        return some if message is item else (some, envelope)
    return message, envelope._narrowed(sender, recipients)


class OptionsAlone:
    """The options of an envelope whose addresses are given separately."""

    sender = _from = recipients = addresses = None
    tls_optional = False

    def __init__(self, delivery: DeliveryOptions) -> None:
        self._delivery = delivery

    @classmethod
    def _from_dict(cls, told: dict[str, Any]) -> OptionsAlone:
        return cls(DeliveryOptions.from_dict(told))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._from_dict, (self._delivery.to_dict(),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OptionsAlone) and self._delivery == other._delivery

    def __repr__(self) -> str:
        return repr(self._delivery)


def an_envelope(given: Any) -> rsmtp.Envelope:
    if not hasattr(given, "_delivery"):
        raise arguments.wanted("envelope", "an rsmtp.Envelope", given)
    found: rsmtp.Envelope = given
    return found


def with_field(msg: Any, envelope: rsmtp.Envelope) -> Any:
    """The message with the field that an envelope asks for (RFC 8689 5). The caller's message is not
    changed."""
    if not envelope.tls_optional:
        return msg
    import copy

    sent = copy.copy(msg)
    del sent["TLS-Required"]
    sent["TLS-Required"] = "No"
    return sent


def refuse_field(envelope: rsmtp.Envelope) -> None:
    if envelope.tls_optional:
        raise ValueError(
            "tls_optional: it is a field of the message (TLS-Required: No), and ready data is sent as it is: "
            "write the field there"
        )
