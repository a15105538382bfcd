"""Parts that can't contain parts: `email.mime.nonmultipart`."""

from __future__ import annotations

from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest
from rsmtp.email.mime.base import MIMEBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.mime.nonmultipart import MIMENonMultipart as Standard
    from typing import Any
else:
    Standard = late("email.mime.nonmultipart", "MIMENonMultipart")

__all__ = ["MIMENonMultipart"]


@derived
class MIMENonMultipart(MIMEBase, Standard):
    """The base class of all parts to which nothing can be attached."""

    def attach(self, payload: Any) -> None:
        """Always raises MultipartConversionError."""
        from rsmtp.email import errors

        raise errors.MultipartConversionError("Cannot attach additional subparts to non-multipart/*")


__getattr__ = _rest.of(__name__)
