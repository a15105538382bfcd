"""What the engine's errors are called by aiosmtplib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rsmtp import errors as engine
from rsmtp._common import hints
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
    do = _DO.get(getattr(error, "_advice", None) or "", "").lstrip(".,:; ")
    hint = f"{do[:1].upper()}{do[1:]}." if do else getattr(error, "hint", None)
    theirs.hint = hint  # type: ignore[attr-defined]
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
        return errors.SMTPReadTimeoutError(_words(error))
    if isinstance(error, engine.SMTPServerDisconnected):
        return errors.SMTPServerDisconnected(_words(error))
    if isinstance(error, engine.SMTPNotSupportedError):
        return errors.SMTPNotSupported(_words(error))
    return errors.SMTPException(_words(error))


# What to do, where aiosmtplib's users do it by another name.
_DO = {
    "encrypt": ": use TLS (start_tls=True or use_tls=True); rsmtp.AsyncSmtpClient sends it all the same, "
    'with tls="none" and allow_plaintext_auth=True',
    "hear the reply": ": its reply comes first",
    "shake hands": ": await starttls()",
    "do without chunking": "; rsmtp.AsyncSmtpClient has chunking=False",
    "begin with tls": "; say use_tls=True",
    "match the port": ". A port for STARTTLS (587, 25) takes start_tls=True, a port for implicit TLS (465) "
    "takes use_tls=True",
}


def _words(error: engine.SMTPException) -> str:
    """The error's message; what it advises by aiosmtplib's names."""
    advice = error._advice
    if advice is None or advice not in _DO:
        return str(error)
    said = hints.TABLE[advice].said
    told = str(error)
    return told.removesuffix(said) + _DO[advice] if told.endswith(said) else told


def _reply_of(error: engine.SMTPResponseException) -> SMTPResponse:
    text = error.smtp_error
    return from_reply((error.smtp_code, text.encode() if isinstance(text, str) else text))
