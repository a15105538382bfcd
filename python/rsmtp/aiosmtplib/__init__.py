"""aiosmtplib's names over the engine: `from rsmtp import aiosmtplib` ports a program.

What differs from aiosmtplib, and why, is in docs/asyncio.md. The modules of aiosmtplib
that its reference does not name (`auth`, `email`, `esmtp`, `protocol`) have no
counterpart: what they do, the engine does.
"""

from rsmtp.aiosmtplib.api import send
from rsmtp.aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPConnectResponseError,
    SMTPConnectTimeoutError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPReadTimeoutError,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
    SMTPTimeoutError,
)
from rsmtp.aiosmtplib.response import SMTPResponse
from rsmtp.aiosmtplib.smtp import SMTP
from rsmtp.aiosmtplib.typing import SMTPStatus, SMTPTokenGenerator

__all__ = (
    "SMTP",
    "SMTPAuthenticationError",
    "SMTPConnectError",
    "SMTPConnectResponseError",
    "SMTPConnectTimeoutError",
    "SMTPDataError",
    "SMTPException",
    "SMTPHeloError",
    "SMTPNotSupported",
    "SMTPReadTimeoutError",
    "SMTPRecipientRefused",
    "SMTPRecipientsRefused",
    "SMTPResponse",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "SMTPStatus",
    "SMTPTimeoutError",
    "SMTPTokenGenerator",
    "send",
)
