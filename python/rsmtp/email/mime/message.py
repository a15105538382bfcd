"""Messages in messages: `email.mime.message`."""

from __future__ import annotations

import email.mime.message as _standard
from typing import Any

from rsmtp import _rsmtp
from rsmtp.email import _rest
from rsmtp.email.message import Message
from rsmtp.email.mime.nonmultipart import MIMENonMultipart

__all__ = ["MIMEMessage"]


class MIMEMessage(MIMENonMultipart, _standard.MIMEMessage):
    """A message/`_subtype` part around `_msg`. TypeError where that is no message."""

    def __init__(self, _msg: Any, _subtype: str = "rfc822", *, policy: Any = None) -> None:
        super().__init__("message", _subtype, policy=policy)
        if not (isinstance(_msg, _rsmtp.Message) or hasattr(_msg, "raw_items")):
            raise TypeError("Argument is not an instance of Message")
        Message.attach(self, _msg)
        self.set_default_type("message/rfc822")


__getattr__ = _rest.of(__name__)
