"""Makes the exceptions of `rsmtp.errors` from what the engine and receipts tell. Loaded when there is one."""

from __future__ import annotations

import os
import socket as _socket
from collections.abc import Iterable, Sequence
from typing import Any

from rsmtp import errors
from rsmtp._common import hints
from rsmtp._common.standard import standard
from rsmtp.errors import Reply

TYPE_CHECKING = False
if TYPE_CHECKING:
    import smtplib as _std
else:
    _std = standard("smtplib")


def from_engine(kind: str, message: str, **facts: Any) -> BaseException:
    """The exception for an error of the engine."""
    reply = facts.pop("reply")
    facts["oauth_error"] = _json(facts.pop("oauth_error", None))
    os_error = facts.pop("os_error")
    advice = facts.pop("advice")
    error = _build(kind, hints.told(message, advice), reply, os_error, facts)
    return _tell(error, reply, {**facts, "_advice": advice})


def add_fates(raised: BaseException) -> None:
    """Gives an exception that kept a single message from every server the fates in the message's
    receipt."""
    receipt = getattr(raised, "receipt", None)
    if isinstance(raised, errors._Facts) and receipt is not None and not raised.fates:
        raised.fates = {recipient.address: recipient.fate for recipient in receipt.recipients}


def advised(error: errors.SMTPException, advice: str) -> errors.SMTPException:
    """The same error, with this kind of advice."""
    error._advice = advice
    _advise(error)
    return error


def at_server(error: errors.SMTPException, host: str) -> errors.SMTPException:
    """The same error, with its server, so that the hint can say what that provider requires."""
    error._server = host
    _advise(error)
    return error


def refusal(stage: str, **facts: Any) -> BaseException:
    """The exception for a refusal by the server at this stage."""
    reply = facts.pop("reply")
    facts["oauth_error"] = _json(facts.pop("oauth_error", None))
    refused = facts.pop("refused", None)
    code, text = reply or (0, b"")
    error: BaseException
    if stage == "rcpt":
        error = errors.SMTPRecipientsRefused(refused or {})
    elif stage == "mail":
        error = errors.SMTPSenderRefused(code, text, facts["address"])
    elif stage == "auth":
        error = errors.SMTPAuthenticationError(code, text)
    else:
        error = errors.SMTPDataError(code, text)
    return _tell(error, reply, {"stage": stage, **facts})


# This comes from the server, so only an object with a few strings is accepted.
_MOST_OCTETS, _MOST_FIELDS = 4000, 20


def _json(said: bytes | None) -> dict[str, str] | None:
    if said is None or len(said) > _MOST_OCTETS:
        return None
    import json

    try:
        fields = json.loads(said)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or len(fields) > _MOST_FIELDS:
        return None
    return {name: value if isinstance(value, str) else str(value) for name, value in fields.items()}


def tell_conversation(error: BaseException, path: Sequence[str], lines: Iterable[Any]) -> None:
    """Adds the conversation's path and last lines to an rsmtp error. `lines` are the last lines of
    the transcript."""
    from rsmtp.display.error import note, told_by

    if isinstance(error, errors._Facts) and isinstance(error, BaseException) and not error.path:
        error.path = tuple(path)
        error.last_words = told_by(lines) or _known(error)
        _advise(error)
        if told := note(error):
            error.add_note(told)


def raise_for_receipt(receipt: Any) -> None:
    """Raises the error in a receipt, unless all recipients got the message."""
    fates = {recipient.address: recipient.fate for recipient in receipt.recipients}
    refused = {r.address: r.reply for r in receipt.recipients if r.fate == "refused"}
    if refused:
        first = next(r for r in receipt.recipients if r.fate == "refused")
        whole = first.stage in ("mail", "data", "mail data", "end of data") and len(refused) == len(fates)
        raise refusal(
            first.stage if whole else "rcpt",
            reply=first.reply if whole else None,
            refused=refused,
            fates=fates,
            address=receipt.from_addr if first.stage == "mail" else None,
        )
    error = receipt.error
    if error is None:
        lost = "the connection was lost, and whether the message arrived is unknown"
        words = lost if "unknown" in fates.values() else "the message was not sent"
        error = errors.SMTPServerDisconnected(words)
    if isinstance(error, errors._Facts):
        error.fates = fates
        _advise(error)
    raise error


# The command of each stage, for a refusal in a conversation that was not recorded.
_ANSWERED = {"mail": "MAIL FROM:<{}>", "rcpt": "RCPT TO:<{}>", "data": "DATA"}


def _known(error: Any) -> tuple[str, ...]:
    """The end of a conversation of which only the reply was stored, for one message among many."""
    replies = error.recipients if isinstance(error, _std.SMTPRecipientsRefused) else {}
    if not isinstance(error, _std.SMTPResponseException) and not replies:
        return ()
    address, reply = next(iter(replies.items()), (error.address, None))
    reply = reply or (error.smtp_code, error.smtp_error)
    asked = _ANSWERED.get(error.stage or "")
    said = (f"S: {line}" for line in errors.reply_words(reply).splitlines()[:1])
    return (*([f"C: {errors.safe_text(asked.format(address))}"] if asked else []), *said)


def _advise(error: Any) -> None:
    """Updates the hint in the notes."""
    before = getattr(error, "__notes__", [])
    notes = [note for note in before if not note.startswith(_HINT)]
    hint = error.hint
    if hint and not hints.is_said(error):
        notes.insert(0, _HINT + hint)
    if notes != before:
        error.__notes__ = notes


_HINT = "hint: "


def _build(
    kind: str, message: str, reply: Reply | None, os_error: int | None, facts: dict[str, Any]
) -> BaseException:
    if kind == "refused" and reply:
        return _REFUSED.get(facts["stage"], errors.SMTPResponseException)(*reply)
    if kind == "protocol":
        code, text = reply or (-1, b"")
        words = f"{message}: {code} {errors.safe_text(text)}" if reply else message
        cls = errors.SMTPGreetingError if facts["stage"] == "greeting" else errors.SMTPProtocolError
        return cls(code, words.encode())
    if kind == "too large" and reply:
        return errors.SMTPSenderRefused(*reply, facts["address"] or "")
    if kind == "non-ascii address":
        address = facts["address"]
        start = next((i for i, c in enumerate(address) if not c.isascii()), 0)
        end = next((i for i, c in enumerate(address) if c == "@" and i > start), len(address))
        return errors.SMTPNonASCIIAddress("ascii", address, start, end, message)
    if kind in ("unreachable", "connection refused"):
        words = (
            f"{message} ({os.strerror(os_error)})"
            if os_error and os.strerror(os_error) not in message
            else message
        )
        cls_ = errors.SMTPConnectionRefused if kind == "connection refused" else errors.SMTPUnreachable
        error = cls_(words)
        error.errno = os_error
        return error
    if kind == "unreadable":
        unreadable = errors.SMTPContentError(message)
        unreadable.errno = os_error
        return unreadable
    if kind == "unknown host":
        return errors.SMTPHostNotFound(_socket.EAI_NONAME, message)
    if reply:
        message = f"{message}: {reply[0]} {errors.safe_text(reply[1])}"
    return _CLASSES.get(kind, errors.SMTPException)(message)


# Refusals of what is no part of a message, by their stage.
_REFUSED = {
    "greeting": errors.SMTPConnectError,
    "hello": errors.SMTPHeloError,
    "auth": errors.SMTPAuthenticationError,
}
_CLASSES: dict[str, type[errors.SMTPException]] = {
    "misuse": errors.SMTPStateError,
    "not supported": errors.SMTPNotSupportedError,
    "disconnected": errors.SMTPServerDisconnected,
    "timeout": errors.SMTPTimeoutError,
    "tls": errors.SMTPTLSError,
    "certificate": errors.SMTPCertificateError,
}


def _tell(error: BaseException, reply: Reply | None, facts: dict[str, Any]) -> BaseException:
    for name, value in facts.items():
        if value is not None:
            setattr(error, name, dict(value) if name == "fates" else value)
    if reply and not isinstance(error, errors.SMTPRecipientsRefused):
        error.code = reply[0]  # type: ignore[attr-defined]
        error.transient = errors.is_transient(reply[0])  # type: ignore[attr-defined]
    _advise(error)
    return error
