"""Parts that contain parts: `email.mime.multipart`."""

from __future__ import annotations

from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest
from rsmtp.email.mime.base import MIMEBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.mime.multipart import MIMEMultipart as Standard
    from typing import Any
else:
    Standard = late("email.mime.multipart", "MIMEMultipart")

__all__ = ["MIMEMultipart"]


@derived
class MIMEMultipart(MIMEBase, Standard):
    """A multipart/`_subtype` with the parts `_subparts`; keyword arguments become parameters.

    The default `boundary` is generated when the message is rendered.
    """

    def __init__(
        self,
        _subtype: str = "mixed",
        boundary: str | None = None,
        _subparts: Iterable[Any] | None = None,
        *,
        policy: Any = None,
        **_params: Any,
    ) -> None:
        super().__init__("multipart", _subtype, policy=policy, **_params)
        self._payload = []
        for part in _subparts or ():
            self.attach(part)
        if boundary:
            self.set_boundary(boundary)


__getattr__ = _rest.of(__name__)
