"""What the engine's errors are called by aiosmtplib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rsmtp import errors as engine
from rsmtp.aiosmtplib import errors
from rsmtp.aiosmtplib.response import SMTPResponse, from_reply

# The refusals that differ by their names only. A class stands before its bases.
_REFUSALS: tuple[tuple[type[Exception], type[errors.SMTPResponseException]], ...] = (
    (engine.SMTPConnectError, errors.SMTPConnectResponseError),
    (engine.SMTPHeloError, errors.SMTPHeloError),
    (engine.SMTPAuthenticationError, errors.SMTPAuthenticationError),
    (engine.SMTPDataError, errors.SMTPDataError),
)


@contextmanager
def translated() -> Iterator[None]:
    """Raises aiosmtplib's exception for one of the engine's, which becomes its cause."""
    try:
        yield
    except engine.SMTPTLSError:
        # An `ssl.SSLError` is one with aiosmtplib, too.
        raise
    except engine.SMTPException as error:
        raise advised(called_by_aiosmtplib(error), error) from error


@contextmanager
def translated_while_connecting(hostname: str | None, port: int | None) -> Iterator[None]:
    """The same, while the connection is made and the server greets."""
    where = f"{hostname} on port {port}"
    try:
        yield
    except engine.SMTPTimeoutError as error:
        words = f"Timed out connecting to {where}"
        if error.stage == "greeting":
            words = "Timed out waiting for server ready message"
        raise advised(errors.SMTPConnectTimeoutError(words), error) from error
    except engine.SMTPConnectError as error:
        raise advised(called_by_aiosmtplib(error), error) from error
    except (OSError, engine.SMTPServerDisconnected) as error:
        failed = errors.SMTPConnectError(f"Error connecting to {where}: {error}")
        raise advised(failed, error) from error


def advised(theirs: errors.SMTPException, error: Exception) -> errors.SMTPException:
    """The hint is theirs, too; as a note it stands under the cause, and once is enough."""
    theirs.hint = getattr(error, "hint", None)  # type: ignore[attr-defined]
    return theirs


def called_by_aiosmtplib(error: engine.SMTPException) -> errors.SMTPException:
    if isinstance(error, engine.SMTPRecipientsRefused):
        return errors.SMTPRecipientsRefused(
            [
                errors.SMTPRecipientRefused(*from_reply(reply), address)
                for address, reply in error.recipients.items()
            ]
        )
    if isinstance(error, engine.SMTPSenderRefused):
        return errors.SMTPSenderRefused(*_reply_of(error), error.sender)
    if isinstance(error, engine.SMTPResponseException):
        theirs = next((name for ours, name in _REFUSALS if isinstance(error, ours)), None)
        return (theirs or errors.SMTPResponseException)(*_reply_of(error))
    if isinstance(error, engine.SMTPTimeoutError):
        return errors.SMTPReadTimeoutError(str(error))
    if isinstance(error, engine.SMTPServerDisconnected):
        return errors.SMTPServerDisconnected(str(error))
    if isinstance(error, engine.SMTPNotSupportedError):
        return errors.SMTPNotSupported(str(error))
    return errors.SMTPException(str(error))


def _reply_of(error: engine.SMTPResponseException) -> SMTPResponse:
    text = error.smtp_error
    return from_reply((error.smtp_code, text.encode() if isinstance(text, str) else text))
