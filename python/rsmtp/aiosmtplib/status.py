"""`aiosmtplib.status`: the former module of `SMTPStatus`."""

from rsmtp.aiosmtplib.typing import SMTPStatus

__all__ = ("SMTPStatus",)
