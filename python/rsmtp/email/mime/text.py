"""Text parts: `email.mime.text`."""

from __future__ import annotations

import email.mime.text as _standard
from typing import Any

from rsmtp.email import _rest
from rsmtp.email._policybase import compat32
from rsmtp.email.mime.nonmultipart import MIMENonMultipart

__all__ = ["MIMEText"]


class MIMEText(MIMENonMultipart, _standard.MIMEText):
    """A text/`_subtype` part; without a `_charset`, us-ascii if that will do, else utf-8."""

    def __init__(
        self, _text: str, _subtype: str = "plain", _charset: Any = None, *, policy: Any = None
    ) -> None:
        self._reset(compat32 if policy is None else policy)
        self._become_text(_text, _subtype, _charset)


__getattr__ = _rest.of(__name__)
