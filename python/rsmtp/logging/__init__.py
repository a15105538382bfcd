"""Log records by mail: `rsmtp.logging.MailHandler`, for `logging.handlers.SMTPHandler`."""

from rsmtp.logging.handler import MailHandler

__all__ = ["MailHandler"]
