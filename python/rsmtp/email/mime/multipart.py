"""Parts of parts: `email.mime.multipart`."""

from __future__ import annotations

import email.mime.multipart as _standard
from collections.abc import Iterable
from typing import Any

from rsmtp.email import _rest
from rsmtp.email.mime.base import MIMEBase

__all__ = ["MIMEMultipart"]


class MIMEMultipart(MIMEBase, _standard.MIMEMultipart):
    """A multipart/`_subtype` of `_subparts`; keyword arguments become parameters.

    Without a `boundary`, one is made up when the message is rendered.
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
