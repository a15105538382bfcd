"""Enclosed messages: `email.mime.message`."""

from __future__ import annotations

from rsmtp import _rsmtp
from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest
from rsmtp.email.message import Message
from rsmtp.email.mime.nonmultipart import MIMENonMultipart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.mime.message import MIMEMessage as Standard
    from typing import Any
else:
    Standard = late("email.mime.message", "MIMEMessage")

__all__ = ["MIMEMessage"]


@derived
class MIMEMessage(MIMENonMultipart, Standard):
    """A message/`_subtype` part around `_msg`. Raises TypeError if that is not a message."""

    def __init__(self, _msg: Any, _subtype: str = "rfc822", *, policy: Any = None) -> None:
        super().__init__("message", _subtype, policy=policy)
        if not (isinstance(_msg, _rsmtp.Message) or hasattr(_msg, "raw_items")):
            raise TypeError("Argument is not an instance of Message")
        Message.attach(self, _msg)
        self.set_default_type("message/rfc822")


__getattr__ = _rest.of(__name__)
