"""`message.protect()`: a protector signs and encrypts a message's content, octet for octet as it is
sent (RFC 1847); the message is put together around it, with its header inside too (RFC 9788)."""

from __future__ import annotations

import rsmtp
from rsmtp._common.arguments import flag, resent_prefix, wanted
from rsmtp._protect import entity
from rsmtp.email import message_from_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BY_DKIM = "dkim: the message can't be signed", "message: it can't be protected"


def protect(
    message: rsmtp.Message, protector: rsmtp.typing.Protector, *, sign: bool, encrypt: Any
) -> rsmtp.Message:
    signs, encrypts = flag("sign", sign), encrypt is not False
    for method in ("sign", "encrypt"):
        if isinstance(protector, type) or not callable(getattr(protector, method, None)):
            raise wanted(
                "protector",
                "an rsmtp.Smime or rsmtp.OpenPgp, or another object with sign and encrypt,",
                protector,
            )
    if not (signs or encrypts):
        raise ValueError("protect: neither sign nor encrypt is wanted, and so there is nothing to do")
    readers = _readers(message, encrypt) if encrypts else []
    fields, inner = entity.split(_rendered(message))
    fields += _added(message, protector, fields)
    outer = entity.hidden(fields) if encrypts else fields
    alone = _optional(protector, "inner_fields", _visible(message, readers)) if encrypts else []
    inner = entity.with_header(entity.for_signing(inner), fields, outer if encrypts else None, alone)
    if signs and encrypts and hasattr(protector, "sign_and_encrypt"):
        at_once: Any = protector
        inner = at_once.sign_and_encrypt(inner, readers)
    else:
        inner = protector.sign(inner) if signs else inner
        inner = protector.encrypt(inner, readers) if encrypts else inner
    # The default policy: no generator, the standard library's either, folds fields anew by it.
    protected = message_from_bytes(
        b"".join(outer) + _bcc(message, encrypts) + b"MIME-Version: 1.0\r\n" + inner,
    )
    protected.key = message.key
    return protected


def _optional(protector: Any, method: str, *arguments: Any) -> list[bytes]:
    """The fields that a protector adds, if it adds any."""
    return list(getattr(protector, method)(*arguments)) if hasattr(protector, method) else []


def _added(message: rsmtp.Message, protector: Any, fields: list[bytes]) -> list[bytes]:
    """Autocrypt's field tells the key of the one address in From, once."""
    senders = _addresses(message.get_all("From", []))
    if len(senders) != 1 or entity.has(fields, b"autocrypt"):
        return []
    return _optional(protector, "outer_fields", senders[0])


def _visible(message: rsmtp.Message, readers: list[str]) -> list[str]:
    """Those of the readers whom the others see."""
    seen = _recipients(message, "To", "Cc")
    return [each for each in readers if each in seen]


def _rendered(message: rsmtp.Message) -> bytes:
    """Completed and written as a Mailer does it, for a server that takes 7-bit lines."""
    try:
        rendered = message.sign({"*": None}, utf8=False)
    except ValueError as error:
        # Nothing is signed by DKIM here; what it lacks, a From that can be read, is lacking for this, too.
        raise ValueError(str(error).replace(*_BY_DKIM)) from None
    if isinstance(rendered, bytes):
        return rendered
    try:
        return rendered._in_seven_bits()  # pyright: ignore[reportPrivateUsage]
    except rsmtp.SMTPNotSupportedError as error:
        raise ValueError(f"message: what is protected has to be ASCII in short lines, and: {error}") from None


def _readers(message: rsmtp.Message, given: Any) -> list[str]:
    """The addresses for whom a message is encrypted. Each of them can read in it whose
    certificates were used, and so no Bcc may be among others."""
    if given is None or (isinstance(given, (int, float)) and given is not True):
        raise wanted("encrypt", "True, False or addresses", given)
    if given is not True:
        found = _addresses(rsmtp.Message(to=given).get_all("To", []))
    else:
        found = _recipients(message, "To", "Cc")
        if hidden := _recipients(message, "Bcc"):
            raise ValueError(
                f"message: it has Bcc ({', '.join(hidden)}), and a message that is encrypted for several "
                "tells each of them who the others are. Protect it without Bcc, and once more for each of "
                f"these alone: protect(..., encrypt={hidden[0]!r}), sent with "
                f"envelope=rsmtp.Envelope(sender, [{hidden[0]!r}]), because To still names the others"
            )
    if not found:
        raise ValueError(
            "encrypt: there is no address for which the message can be encrypted; it has none in To and Cc"
        )
    return found


def _recipients(message: rsmtp.Message, *names: str) -> list[str]:
    """Those in the fields of these names, as every sender takes them."""
    prefix = resent_prefix(message)
    return _addresses([value for name in names for value in message.get_all(prefix + name, [])])


def _addresses(values: list[Any]) -> list[str]:
    from rsmtp.email.utils import getaddresses

    return list(
        dict.fromkeys(address for _, address in getaddresses([str(one) for one in values]) if address)
    )


def _bcc(message: rsmtp.Message, encrypts: bool) -> bytes:
    """The field from which a sender takes addresses, and which it does not send."""
    hidden = [] if encrypts else _recipients(message, "Bcc")
    return f"{resent_prefix(message)}Bcc: {', '.join(hidden)}\r\n".encode() if hidden else b""
