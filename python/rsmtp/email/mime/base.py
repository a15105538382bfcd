"""Parts of any type: `email.mime.base`."""

from __future__ import annotations

from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest
from rsmtp.email._policybase import compat32
from rsmtp.email.message import Message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.mime.base import MIMEBase as Standard
    from typing import Any
else:
    Standard = late("email.mime.base", "MIMEBase")

__all__ = ["MIMEBase"]


@derived
class MIMEBase(Message, Standard):
    """A part of type `_maintype/_subtype`; keyword arguments become parameters."""

    def __init__(self, _maintype: str, _subtype: str, *, policy: Any = None, **_params: Any) -> None:
        self._reset(compat32 if policy is None else policy)
        self._become_part(str(_maintype), _subtype, _params)


__getattr__ = _rest.of(__name__)
