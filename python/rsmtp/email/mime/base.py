"""Parts of any type: `email.mime.base`."""

from __future__ import annotations

import email.mime.base as _standard
from typing import Any

from rsmtp.email import _rest
from rsmtp.email._policybase import compat32
from rsmtp.email.message import Message

__all__ = ["MIMEBase"]


class MIMEBase(Message, _standard.MIMEBase):
    """A part of type `_maintype/_subtype`; keyword arguments become parameters."""

    def __init__(self, _maintype: str, _subtype: str, *, policy: Any = None, **_params: Any) -> None:
        self._reset(compat32 if policy is None else policy)
        self._become_part(_maintype, _subtype, _params)


__getattr__ = _rest.of(__name__)
