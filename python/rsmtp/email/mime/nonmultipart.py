"""Parts without parts: `email.mime.nonmultipart`."""

from __future__ import annotations

import email.mime.nonmultipart as _standard
from typing import Any

from rsmtp.email import _rest, errors
from rsmtp.email.mime.base import MIMEBase

__all__ = ["MIMENonMultipart"]


class MIMENonMultipart(MIMEBase, _standard.MIMENonMultipart):
    """The base of all parts that nothing can be attached to."""

    def attach(self, payload: Any) -> None:
        """Always raises MultipartConversionError."""
        raise errors.MultipartConversionError("Cannot attach additional subparts to non-multipart/*")


__getattr__ = _rest.of(__name__)
