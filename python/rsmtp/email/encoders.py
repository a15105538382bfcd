"""Transfer encodings for parts: `email.encoders`."""

from __future__ import annotations

import binascii

from rsmtp.email import _rest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["encode_7or8bit", "encode_base64", "encode_noop", "encode_quopri"]


def encode_base64(msg: Any) -> None:
    """Encode the payload in base64 and add Content-Transfer-Encoding (RFC 2045)."""
    native = getattr(msg, "_encode_base64", None)
    if native is not None:
        native()
        return
    data = msg.get_payload(decode=True)
    lines = [binascii.b2a_base64(data[at : at + 57]) for at in range(0, len(data), 57)]
    msg.set_payload(b"".join(lines).decode("ascii"))
    msg["Content-Transfer-Encoding"] = "base64"


def encode_quopri(msg: Any) -> None:
    """Encode the payload in quoted-printable, spaces and tabs too."""
    data = msg.get_payload(decode=True)
    encoded = binascii.b2a_qp(data, quotetabs=True).replace(b" ", b"=20")
    msg.set_payload(encoded.decode("ascii"))
    msg["Content-Transfer-Encoding"] = "quoted-printable"


def encode_7or8bit(msg: Any) -> None:
    """Set the encoding to "7bit" if the payload is ASCII, and otherwise to "8bit"."""
    data = msg.get_payload(decode=True)
    is_ascii = data is None or data.isascii()
    msg["Content-Transfer-Encoding"] = "7bit" if is_ascii else "8bit"


def encode_noop(msg: Any) -> None:
    """Leave the payload as it is."""


__getattr__ = _rest.of(__name__)
