"""`aiosmtplib.status`: where `SMTPStatus` was at home before."""

from rsmtp.aiosmtplib.typing import SMTPStatus

__all__ = ("SMTPStatus",)
