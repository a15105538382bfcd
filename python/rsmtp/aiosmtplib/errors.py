"""`aiosmtplib.errors`.

Where aiosmtplib is installed, these are its own classes, so that `except` works in both
directions: a program that was ported catches what a library raises that was not, and the
other way round. Where it is not installed, they are classes of the same shape. The error of
`rsmtp.errors` that an exception was made from is its `__cause__`, with everything that
it tells (`stage`, `enhanced_code`, `fates`, the last lines of the conversation).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__all__ = (
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
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "SMTPTimeoutError",
)


class SMTPException(Exception):
    """Base class of all of them."""

    def __init__(self, message: str, /) -> None:
        self.message = message
        self.args = (message,)


class SMTPServerDisconnected(SMTPException, ConnectionError):
    """The connection is gone, or was never made."""


class SMTPConnectError(SMTPException, ConnectionError):
    """No session with the server could be begun."""


class SMTPTimeoutError(SMTPException, TimeoutError):
    """The server did not answer in time; the connection is closed."""


class SMTPConnectTimeoutError(SMTPTimeoutError, SMTPConnectError):
    """The server did not answer in time while the client connected."""


class SMTPReadTimeoutError(SMTPTimeoutError):
    """A reply did not come in time."""


class SMTPNotSupported(SMTPException):
    """The server does not offer what was asked for. Nothing was sent."""


class SMTPResponseException(SMTPException):
    """The server refused. `code` and `message` are its reply; the code is -1 where the
    server did not speak SMTP."""

    def __init__(self, code: int, message: str, /) -> None:
        self.code = code
        self.message = message
        self.args = (code, message)


class SMTPConnectResponseError(SMTPResponseException, SMTPConnectError):
    """The server greeted with a refusal."""


class SMTPHeloError(SMTPResponseException):
    """The server refused EHLO or HELO."""


class SMTPDataError(SMTPResponseException):
    """The server refused the message."""


class SMTPAuthenticationError(SMTPResponseException):
    """The server refused the credentials."""


class SMTPSenderRefused(SMTPResponseException):
    """The server refused the sender."""

    def __init__(self, code: int, message: str, sender: str, /) -> None:
        self.code = code
        self.message = message
        self.sender = sender
        self.args = (code, message, sender)


class SMTPRecipientRefused(SMTPResponseException):
    """The server refused a recipient."""

    def __init__(self, code: int, message: str, recipient: str, /) -> None:
        self.code = code
        self.message = message
        self.recipient = recipient
        self.args = (code, message, recipient)


class SMTPRecipientsRefused(SMTPException):
    """The server refused every recipient: `recipients` has an exception for each."""

    def __init__(self, recipients: list[SMTPRecipientRefused], /) -> None:
        self.recipients = recipients
        self.args = (recipients,)


def _of_aiosmtplib() -> dict[str, type[Exception]]:
    """aiosmtplib's own classes. None of them where it is not installed, or lacks some:
    one family has one base."""
    try:
        theirs = importlib.import_module("aiosmtplib")
    except ImportError:
        return {}
    # A program that has put this package in aiosmtplib's place finds nothing here, yet.
    found = {name: vars(theirs).get(name) for name in __all__}
    return {name: cls for name, cls in found.items() if cls is not None} if all(found.values()) else {}


if not TYPE_CHECKING:  # they are of the same shape, and a type checker need not have them
    globals().update(_of_aiosmtplib())
