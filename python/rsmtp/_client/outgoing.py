"""Turns a message into an envelope and bytes, for every client."""

from __future__ import annotations

import rsmtp
from rsmtp._common import arguments
from rsmtp._rsmtp import (
    DeliveryOptions,
    RenderedMessage,
    _envelope_addresses,
    _ready,
    _rendered,
    needs_smtputf8,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    Prepared: TypeAlias = tuple[str, list[str], bytes | RenderedMessage, list[str], DeliveryOptions | None]

# The longest field whose addresses are cached, in characters, and the size of the cache.
_SHORT = 256
_MANY = 256
_KNOWN: dict[tuple[str, str, bool], tuple[str, ...]] = {}


class Paths:
    """The reverse-path and the forward-paths of a message, whatever its headers say."""

    __slots__ = ("recipients", "sender")

    def __init__(self, sender: str, recipients: list[str]) -> None:
        self.sender = sender
        self.recipients = recipients

    @property
    def needs_smtputf8(self) -> bool:
        addresses = (self.sender, *self.recipients)
        return any(needs_smtputf8(address) for address in addresses if not address.isascii())


def envelope_of(
    msg: Any, from_addr: str | None, to_addrs: rsmtp.typing.Recipients | None, *, like_smtplib: bool = False
) -> Paths:
    """The envelope according to the headers (RFC 5322 3.6.2, 3.6.3, 3.6.6). Raises ValueError for a
    message without a sender or a recipient. With `like_smtplib` a field may also contain addresses
    without a domain, and a message without recipients is accepted (smtplib raises
    SMTPRecipientsRefused later)."""
    if not hasattr(msg, "get_all"):
        raise TypeError(f"msg: a message is wanted, not {type(msg).__name__}; sendmail() takes text")
    prefix = arguments.resent_prefix(msg)
    # The fields of a message of ours were checked when they were set, and may be lists.
    ours = getattr(getattr(msg, "policy", None), "_family", None) == "modern"
    local = like_smtplib or ours
    if from_addr is None:
        # The value None is written as an empty field, and contains no address.
        sender = msg[f"{prefix}Sender"]
        if sender is None:
            sender = msg[f"{prefix}From"]
        if sender is None:
            raise ValueError(f"the message has no {prefix}From field, and no from_addr was given")
        from_addr = _addresses(f"{prefix}From", sender, local)[0]
    if to_addrs is None:
        # All fields of each name count, for example a second To.
        fields = [(prefix + name, msg.get_all(prefix + name) or ()) for name in ("To", "Bcc", "Cc")]
        to_addrs = [
            address
            for name, found in fields
            for field in found
            if field is not None
            for address in _addresses(name, field, local)
        ]
        if not to_addrs and (ours or not like_smtplib):
            raise _no_recipient(fields)
    return Paths(from_addr, recipients_of(to_addrs))


def _no_recipient(fields: Sequence[tuple[str, Sequence[Any]]]) -> ValueError:
    empty = [name for name, found in fields if found]
    to, bcc, cc = (name for name, _ in fields)
    what = f"no address in {' and '.join(empty)}" if empty else f"no {to}, {cc} or {bcc} field"
    return ValueError(f"the message has {what}, and no to_addrs was given")


def recipients_of(to_addrs: Any) -> list[str]:
    """One address or many, as a list. Accepts what smtplib does, and (name, address) in a list."""
    if isinstance(to_addrs, str):
        return [arguments.text("to_addrs", to_addrs)]
    if to_addrs is None or isinstance(to_addrs, (bytes, bytearray)) or not hasattr(to_addrs, "__iter__"):
        raise TypeError(f"to_addrs: a str or a list of them is wanted, not {type(to_addrs).__name__}")
    return [arguments.text("to_addrs", one_address("to_addrs", address)) for address in to_addrs]


def one_address(argument: str, address: Any) -> Any:
    """The address in (name, address). A tuple of two always has this meaning: the name may come
    from a form, and must not become a recipient."""
    if not isinstance(address, tuple):
        return address
    if len(address) == 2 and all(isinstance(part, str) for part in address):
        return address[1]
    raise TypeError(f"{argument}: a tuple is (name, address), not {address!r}: several addresses are a list")


def the_recipient(argument: str, pair: Any) -> Any:
    """The address in a (name, address) that is no item of a list. smtplib takes such a tuple for several
    recipients. Raises ValueError where both can be meant: no recipient may be lost, and a name from a
    form must not become one."""
    address = one_address(argument, pair)
    if "@" in pair[0] and pair[0] != address:
        try:
            needs_smtputf8(pair[0])
        except ValueError:
            return address
        raise ValueError(
            f"{argument}: {pair!r} can be two addresses, or a name and an address: several addresses are a "
            "list, and so is [(name, address)]"
        )
    return address


def addresses_in(name: str, text: str) -> tuple[str, ...]:
    """The addresses in a text; they may lack a domain. Raises ValueError, which names the field, for
    a text that is not a list of addresses (RFC 5322 3.4)."""
    return _addresses(name, text, local=True)


def options_of(argument: str, options: Sequence[str] | None) -> list[str]:
    """Parameters of MAIL or RCPT, as a list. None and "" are none, as for smtplib. Raises TypeError, which
    names the argument."""
    if options is None or (type(options) in (tuple, str) and not options):
        return []
    if isinstance(options, str) or not hasattr(options, "__iter__"):
        raise TypeError(f"{argument}: a list of options is wanted, not one {type(options).__name__}")
    return [arguments.text(argument, option) for option in options]


def _addresses(name: str, field: Any, local: bool) -> tuple[str, ...]:
    """The addresses of one field. An ambiguous field is refused: an address that only a lenient
    parser finds must not get mail, and no recipient may be lost."""
    if any(_is_invalid(defect) for defect in getattr(field, "defects", ())):
        return _read_with_defects(name, field, local)
    text = str(field)
    # Many messages have the same From. A long list is usually used once, so it is not cached.
    if len(text) > _SHORT:
        return _read(name, text, local)
    known = name, text, local
    if (found := _KNOWN.get(known)) is None:
        if len(_KNOWN) >= _MANY:
            _KNOWN.clear()
        found = _KNOWN[known] = _read(*known)
    return found


def _read(name: str, text: str, local: bool) -> tuple[str, ...]:
    found = tuple(_envelope_addresses(name, text, local))
    if not found and ("@" in text or name.endswith("From")):
        raise ValueError(f"{name}: there is no address in {text!r} (RFC 5322 3.4)")
    if "\ufffd" in text and any("\ufffd" in address for address in found):
        raise ValueError(f"{name}: an address in {text!r} has octets in it that are no text")
    return found


def _read_with_defects(name: str, field: Any, local: bool) -> tuple[str, ...]:
    """The addresses of a field in which the parser of an EmailMessage found something invalid and
    guessed. The guess must be the same as the addresses found here."""
    source = str(getattr(field, "_parse_tree", field))
    found = _read(name, source, local)
    specs = (address.addr_spec for address in getattr(field, "addresses", ()))
    # Since CPython 3.14 text behind an address is a mailbox of its own, which has no address.
    guess = tuple(spec for spec in specs if spec != "<>")
    if found != guess:
        raise ValueError(
            f"{name}: {source!r} is not an address or a list of them (RFC 5322 3.4): "
            f"{'; '.join(map(str, field.defects))}"
        )
    return found


def _is_invalid(defect: Any) -> bool:
    """Whether the addresses are in doubt. Obsolete syntax, or octets in a display name, don't count."""
    return any(cls.__name__ == "InvalidHeaderDefect" for cls in type(defect).__mro__)


def render(msg: Any, *, utf8: bool) -> bytes | RenderedMessage:
    """The content to send: the same as `as_bytes()`, with CRLF and without Bcc. For a message of
    ours, large bodies are encoded and files are read while it is sent. An 8-bit body of any message
    is re-encoded for a server that does not accept it."""
    if hasattr(msg, "_content_for_sending"):
        rendered: bytes | RenderedMessage = msg._content_for_sending(utf8=utf8)
        return rendered
    from rsmtp._client import stdlib_messages

    return stdlib_messages.render(msg, utf8=utf8)


def may_be_unencoded(
    content: bytes | RenderedMessage, delivery: DeliveryOptions | None
) -> bytes | RenderedMessage:
    """The content of a message, whose parts go out unencoded where BINARYMIME is asked for."""
    if delivery is not None and delivery.binary and isinstance(content, bytes):
        return _rendered(content, [], False, True)
    return content


def wants_smtputf8(msg: Any) -> bool:
    """Whether its policy writes fields in UTF-8 (RFC 6532)."""
    return bool(getattr(getattr(msg, "policy", None), "utf8", False))


def _is_signed_in_utf8(msg: Any) -> bool:
    """Whether its fields are to stay in UTF-8. Where the server is not known yet, others are written in
    ASCII."""
    return wants_smtputf8(msg) and ("DKIM-Signature" in msg or "ARC-Message-Signature" in msg)


def smtputf8_options(paths: Paths, content: bytes | RenderedMessage) -> list[str]:
    """The options of MAIL for addresses or fields in UTF-8 (RFC 6531 3.4)."""
    return list(_SMTPUTF8) if paths.needs_smtputf8 else field_options(content)


def field_options(content: bytes | RenderedMessage) -> list[str]:
    """The same, for the fields alone."""
    return list(_SMTPUTF8) if getattr(content, "_has_utf8_fields", False) else []


_SMTPUTF8 = ("SMTPUTF8", "BODY=8BITMIME")


def content_of(
    msg: rsmtp.typing.MessageData, delivery: DeliveryOptions | None = None
) -> bytes | RenderedMessage:
    """The content to send: a text is encoded in UTF-8, a message is rendered, bytes stay unchanged."""
    if isinstance(msg, (bytes, RenderedMessage)):
        return msg
    if isinstance(msg, str):
        return arguments.text("msg", msg).encode()
    if hasattr(msg, "as_bytes"):
        return may_be_unencoded(render(msg, utf8=_is_signed_in_utf8(msg)), delivery)
    try:
        # bytearray, mmap, array and others; `bytes(5)` would make five octets of a number.
        return bytes(memoryview(msg))
    except TypeError:
        raise TypeError(f"msg: bytes, str or a message is wanted, not {type(msg).__name__}") from None


def prepare(item: Any) -> Prepared:
    """Sender, recipients, content, MAIL options and delivery options of an item for a Mailer: a
    message, (from_addr, to_addrs, data), or either of them with an `rsmtp.Envelope`. Raises TypeError
    for anything else."""
    # The engine prepares plain messages itself, with the same result as the code below.
    if (plain := _ready(item)) is not None:
        return plain
    if isinstance(item, tuple):
        if len(item) == 2:
            if isinstance(item[1], (str, bytes, list)):
                raise TypeError(
                    "message: (from_addr, to_addrs, data) or (message, Envelope) is wanted, not a tuple of 2"
                )
            from rsmtp._client.enveloped import prepare_enveloped

            return prepare_enveloped(*item)
        if len(item) != 3:
            raise TypeError(f"message: (from_addr, to_addrs, data) is wanted, not a tuple of {len(item)}")
        from_addr, to_addrs, data = item
        if isinstance(to_addrs, tuple) and any(isinstance(address, str) for address in to_addrs):
            to_addrs = the_recipient("to_addrs", to_addrs)
        sender = arguments.text("from_addr", one_address("from_addr", from_addr))
        recipients = recipients_of(to_addrs)
        content = content_of(data)
        # For addresses alone, the engine asks for SMTPUTF8 itself.
        return sender, recipients, content, field_options(content), None
    if hasattr(item, "_prepared_for_sending"):
        # A message from an outbox was prepared when it was stored.
        ready: Prepared = item._prepared_for_sending()
        return ready
    if not hasattr(item, "get_all"):
        kind = type(item).__name__
        raise TypeError(f"message: a message or (from_addr, to_addrs, data) is wanted, not {kind}")
    return prepare_for(envelope_of(item, None, None), item)


def prepare_for(paths: Paths, item: Any, delivery: DeliveryOptions | None = None) -> Prepared:
    """The same as `prepare`, for a message whose envelope is not taken from its header."""
    utf8 = paths.needs_smtputf8 or _is_signed_in_utf8(item)
    content = may_be_unencoded(render(item, utf8=utf8), delivery)
    return paths.sender, paths.recipients, content, smtputf8_options(paths, content), delivery
