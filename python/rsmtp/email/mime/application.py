"""Data for programs: `email.mime.application`."""

from __future__ import annotations

from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest, encoders
from rsmtp.email.mime.nonmultipart import MIMENonMultipart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from email.mime.application import MIMEApplication as Standard
    from typing import Any
else:
    Standard = late("email.mime.application", "MIMEApplication")

__all__ = ["MIMEApplication"]


@derived
class MIMEApplication(MIMENonMultipart, Standard):
    """An application/`_subtype` part; keyword arguments become parameters.

    `_encoder` is called with the part and has to encode its payload; the default is base64.
    Raises TypeError if `_subtype` is None.
    """

    def __init__(
        self,
        _data: str | bytes,
        _subtype: str = "octet-stream",
        _encoder: Callable[[Any], object] = encoders.encode_base64,
        *,
        policy: Any = None,
        **_params: Any,
    ) -> None:
        if _subtype is None:
            raise TypeError("Invalid application MIME subtype")
        super().__init__("application", _subtype, policy=policy, **_params)
        self._take(_data, _encoder)


__getattr__ = _rest.of(__name__)
