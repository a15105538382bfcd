"""Text parts: `email.mime.text`."""

from __future__ import annotations

from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest
from rsmtp.email._policybase import compat32
from rsmtp.email.mime.nonmultipart import MIMENonMultipart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.mime.text import MIMEText as Standard
    from typing import Any
else:
    Standard = late("email.mime.text", "MIMEText")

__all__ = ["MIMEText"]


@derived
class MIMEText(MIMENonMultipart, Standard):
    """A text/`_subtype` part. The default `_charset` is us-ascii if possible, otherwise utf-8."""

    def __init__(
        self, _text: str, _subtype: str = "plain", _charset: Any = None, *, policy: Any = None
    ) -> None:
        self._reset(compat32 if policy is None else policy)
        self._become_text(_text, _subtype, _charset)


__getattr__ = _rest.of(__name__)
