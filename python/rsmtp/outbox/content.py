"""The stored form of a message: its envelope, its octets, and a digest by which equal messages are
recognised."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any, NamedTuple, TypeAlias

from rsmtp._client import outgoing
from rsmtp._client.enveloped import OptionsAlone
from rsmtp._common import arguments
from rsmtp._rsmtp import DeliveryOptions, RenderedMessage, _envelope, _rendered

Options: TypeAlias = list[str] | dict[str, Any]

_END_OF_HEADER = b"\r\n\r\n"
# Header fields that differ each time a message is written.
_MADE = re.compile(rb"(?im)^(?:date|message-id):[^\n]*\n(?:[ \t][^\n]*\n)*")
_BOUNDARY = re.compile(rb'(?i)\bboundary="?([^"\s;]+)')
_MESSAGE_ID = re.compile(rb"(?im)^message-id:[ \t\r\n]*([^\r\n]+)")
_SUBJECT = re.compile(rb"(?im)^subject:([^\n]*\n(?:[ \t][^\n]*\n)*)")


class Content(NamedTuple):
    """A message that is ready to be sent, in its stored form."""

    sender: str
    recipients: list[str]
    #: The MAIL parameters, as texts. If there are delivery options: {"mail": texts, "delivery":
    #: `DeliveryOptions.to_dict()`}. Stored as JSON.
    options: Options
    octets: bytes
    #: May be re-encoded for a server without 8BITMIME: the octets were generated, not given by the
    #: caller.
    rendered: bool

    @property
    def message_id(self) -> str | None:
        found = _MESSAGE_ID.search(self._header)
        return found[1].decode("ascii", "replace").strip() if found else None

    @property
    def subject(self) -> str:
        found = _SUBJECT.search(self._header)
        if not found:
            return ""
        from rsmtp.display.reader import plain

        return plain(found[1].decode("utf-8", "replace"))

    @property
    def _header(self) -> bytes:
        header, _, _ = self.octets.partition(_END_OF_HEADER)
        return header + b"\r\n"

    def digest(self) -> bytes:
        """A digest that is equal for equal messages. Date, Message-ID and boundaries don't count: they
        change each time a program builds the message."""
        header, end, body = self.octets.partition(_END_OF_HEADER)
        text = _MADE.sub(b"", header + b"\r\n") + end + body
        for number, boundary in enumerate(dict.fromkeys(_BOUNDARY.findall(text))):
            text = text.replace(boundary, b"boundary-%d" % number)
        found = hashlib.sha256()
        for part in (self.sender, *sorted(self.recipients)):
            found.update(part.encode("utf-8", "surrogatepass") + b"\0")
        found.update(b"\0" + text)
        if isinstance(self.options, dict):
            found.update(b"\0" + json.dumps(self.options["delivery"], sort_keys=True).encode())
        return found.digest()


def content_of(item: Any, message_id: str | None = None) -> Content:
    """The stored form of a message, or of `(from_addr, to_addrs, data)`. A message without a Message-ID
    gets `message_id`. Raises what `Mailer.send` raises for a message that can't be sent as it is."""
    if type(item) is Content:
        return item
    message = message_in(item)
    if message_id is not None and hasattr(message, "_content_for_sending") and "Message-ID" not in message:
        message["Message-ID"] = message_id
    sender, recipients, data, options, delivery = outgoing.prepare(item)
    if not recipients:
        raise ValueError("to_addrs: the message has no recipients")
    sender, recipients = _envelope(sender, recipients)
    octets = bytes(data)
    both: Options = options if delivery is None else {"mail": options, "delivery": delivery.to_dict()}
    content = Content(sender, recipients, both, octets, isinstance(data, RenderedMessage))
    if message_id is not None and hasattr(message, "get_all") and content.message_id is None:
        content = content._replace(octets=f"Message-ID: {message_id}\r\n".encode() + octets)
    return content


def item_of(content: Content) -> Any:
    """A stored message in a form that its sender can send again, with the same delivery options."""
    sender, recipients, data, _, delivery = prepared(*content)
    plain = sender, recipients, data
    return plain if delivery is None else (plain, OptionsAlone(delivery))


def prepared(
    sender: str, recipients: list[str], options: Options, octets: bytes, rendered: bool
) -> outgoing.Prepared:
    """A stored message as the clients take it. What was generated may still be re-encoded."""
    mail, delivery = _read_options(options)
    is_binary = delivery is not None and delivery.binary
    data = _rendered(octets, [], "SMTPUTF8" in mail, is_binary) if rendered else octets
    return sender, recipients, data, mail, delivery


def message_in(item: Any) -> Any:
    """The message of a `(message, envelope)` pair, or the item itself."""
    return item[0] if isinstance(item, tuple) and len(item) == 2 else item


def key_of(item: Any, given: str | None = None) -> str | None:
    """The key that was given, or the message's own."""
    key = arguments.maybe_text("key", getattr(message_in(item), "key", None) if given is None else given)
    if key == "":
        raise ValueError("key: it is empty, and would stand for every message without a key")
    return key


def _read_options(options: Any) -> tuple[list[str], DeliveryOptions | None]:
    """The options of a `Content`. Raises ValueError for anything else."""
    delivery = None
    if isinstance(options, dict):
        if not isinstance(told := options.get("delivery"), dict):
            raise ValueError("options: no delivery options are in it")
        options, delivery = options.get("mail"), DeliveryOptions.from_dict(told)
    if not isinstance(options, list) or not all(isinstance(one, str) for one in options):
        raise ValueError("options: a list of texts is wanted")
    return options, delivery


def derived_message_id(secret: bytes, key: str, sender: str) -> str:
    """The Message-ID for this key (RFC 5322 section 3.6.4): always the same."""
    domain = sender.rpartition("@")[2]
    if not domain.isascii() or not domain:
        domain = "outbox.invalid"
    return f"<{hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()[:32]}@{domain}>"


class Stored:
    """A message of the outbox in a form that a mailer sends."""

    __slots__ = ("id", "prepared")

    def __init__(
        self, id: int, sender: str, recipients: list[str], options: Options, octets: bytes, rendered: bool
    ) -> None:
        self.id = id
        self.prepared = prepared(sender, recipients, options, octets, rendered)

    def _prepared_for_sending(self) -> Any:
        return self.prepared

    def _for_hooks(self) -> tuple[str, list[str], bytes]:
        """The message as a tuple, for `before_send`. The tuple can be sent as well."""
        sender, recipients, data, _, _ = self.prepared
        return sender, recipients, bytes(data)

    def __repr__(self) -> str:
        return f"<message {self.id} of the outbox>"
