"""The exceptions. Every class derives from the class with the same name in the standard
library's `smtplib`, so that existing handlers still catch it. It has the same constructor and
the same text, and adds attributes for programs: `stage`, `code`, `enhanced_code`, `address`,
`transient` and, for a message under way, the `fates` of its recipients. `words(error)` is
the text for people.

This module loads `smtplib` and its imports. A run without errors needs neither. So the
package writes `rsmtp.errors.X`, which loads this module when an error is raised or caught, and
does not import it.
"""

from __future__ import annotations

import socket as _socket
import ssl as _ssl
from collections.abc import Mapping, Sequence
from typing import Any

from rsmtp._common.standard import standard
from rsmtp._rsmtp import enhanced_code, severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    import smtplib as _std
else:
    _std = standard("smtplib")

Reply = tuple[int, bytes]

__all__ = [
    "SMTPAuthenticationError",
    "SMTPCertificateError",
    "SMTPConnectError",
    "SMTPConnectionRefused",
    "SMTPContentError",
    "SMTPDataError",
    "SMTPException",
    "SMTPGreetingError",
    "SMTPHeloError",
    "SMTPHostNotFound",
    "SMTPNonASCIIAddress",
    "SMTPNotSupportedError",
    "SMTPProtocolError",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "SMTPStateError",
    "SMTPTLSError",
    "SMTPTimeoutError",
    "SMTPUnreachable",
]


class _Facts:
    """The attributes of all rsmtp's errors.

    stage: the stage of the conversation, such as "auth", "rcpt" or "end of data".
    code: the reply code, or None if there was no reply.
    enhanced_code: for example "5.1.1" (RFC 3463), if the server gave one.
    address: the address that the error is about.
    transient: whether the same request may succeed later, unchanged.
    fates: for each recipient of a message that was under way, one of "sent",
        "refused", "unknown" (lost after the end of mail data) and "not sent".
    path: the states that the conversation went through, the latest one last.
    last_words: the last lines of the conversation, as "C: ..." and "S: ...", with secrets masked.
    hint: what to do, if that is known; otherwise None.

    The hint, the path and the last words are also notes under the error's traceback.
    """

    stage: str | None = None
    code: int | None = None
    enhanced_code: str | None = None
    address: str | None = None
    transient: bool = False
    fates: Mapping[str, str] = {}
    path: Sequence[str] = ()
    last_words: Sequence[str] = ()
    # The kind of advice, if it is more specific than that of the class: a key of `hints.TABLE`.
    _advice: str | None = None
    # The server's name, with or without its port, if it is known.
    _server: str | None = None

    @property
    def hint(self) -> str | None:
        from rsmtp._common import hints

        return hints.hint(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: a summary of what happened."""
        from rsmtp.display import error

        return error.bundle(self)


class SMTPException(_Facts, _std.SMTPException):
    """Base class of all errors in a conversation: `except rsmtp.SMTPException` catches each of them.

    `transient` says whether the same request may succeed later, `hint` what to do, `fates` whether
    recipients have the message already.
    """


class SMTPNotSupportedError(SMTPException, _std.SMTPNotSupportedError):
    """The server does not offer the extension that the request needs. Nothing was sent.

    Typical causes: a login before STARTTLS or at a port that takes none, a delivery option that the
    server lacks, 8-bit content that is signed and must not be re-encoded. The message names the
    extension; `rsmtp check HOST` lists those that are offered. For delivery options,
    `Envelope(if_offered=True)` goes without them where their RFCs allow it.
    """


class SMTPStateError(SMTPException):
    """The request is not legal in the session's state. Nothing was sent.

    A mistake in the order of calls, such as RCPT before MAIL, or a second login. `path` shows the
    states that the session went through.
    """


class SMTPContentError(SMTPException):
    """The content of the message could not be read while it was being sent. No recipient has it.

    An attached file was changed, moved or truncated meanwhile: attach a copy, or its octets, and send
    the message again. `errno` is the operating system's number, if there is one; an exception of a
    file object is the cause.
    """

    def __reduce__(self) -> Any:
        return type(self), self.args, {**vars(self), "errno": self.errno}


class SMTPServerDisconnected(SMTPException, _std.SMTPServerDisconnected):
    """The connection was lost, or was never made.

    Typical causes: the server restarted or closed an idle connection, a firewall, a port that speaks
    TLS from the first octet. Look at `fates` before sending again: a recipient who is "unknown" may
    have the message.
    """


class SMTPTimeoutError(SMTPServerDisconnected, TimeoutError):
    """The server did not answer in time.

    The session is closed, because a late answer would be taken for the answer to a later command.
    `stage` says what was waited for: while connecting it is mostly a firewall that drops port 25, at
    the end of mail data a server that still scans the message, whose recipients are "unknown" then.
    `timeout=` gives it longer.

    At the stage "auth" it may also be that a callable did not return a password in time: nothing was
    sent, and the session can still be used.
    """


class SMTPUnreachable(SMTPException):
    """No connection could be made. `errno` is the operating system's number.

    Check host and port, then the network: many providers and networks block port 25, and 587 or 465
    are for submission.
    """

    def __reduce__(self) -> Any:
        return type(self), self.args, {**vars(self), "errno": self.errno}


class SMTPConnectionRefused(SMTPUnreachable, ConnectionRefusedError):
    """Nothing listens on that port: the server is not running, or the port is another one (587 and
    465 for submission, 25 between servers)."""


class SMTPHostNotFound(SMTPUnreachable, _socket.gaierror):
    """The host name has no address: it is misspelt, or the name server can't be reached."""


class SMTPTLSError(SMTPException, _ssl.SSLError):
    """The TLS handshake failed; nothing else was sent.

    Mostly the port expects the other way of beginning: `tls="implicit"` is for 465, `tls="starttls"`
    for 587 and 25. Otherwise server and client have no version or cipher in common.
    """

    def __str__(self) -> str:
        return str(self.args[-1]) if self.args else ""


class SMTPCertificateError(SMTPTLSError, _ssl.SSLCertVerificationError):
    """The server's certificate can't be trusted: its name, its chain or its dates.

    Connect by the name that the certificate has. For an authority of your own give its certificate,
    `TlsConfig(ca_file=...)`. Without the check, whatever stands on the way can read the password.
    """


class SMTPResponseException(SMTPException, _std.SMTPResponseException):
    """The server refused. `smtp_code` and `smtp_error` are its reply.

    A code from 400 to 499 is transient: try again later. From 500 on the same request is refused again:
    the server's text, `enhanced_code` and the hint say what has to change.
    """

    def __init__(self, code: int, msg: bytes | str) -> None:
        super().__init__(code, msg)
        self._tell(code, msg)

    def _tell(self, code: int, msg: bytes | str) -> None:
        self.code = code
        self.enhanced_code = _enhanced(code, msg)
        self.transient = is_transient(code)


class SMTPProtocolError(SMTPServerDisconnected, SMTPResponseException):
    """The server broke the protocol. The session is closed, because later replies can no longer be
    matched to their commands.

    Often something else listens on that port, or a proxy on the way changes the conversation:
    `last_words` shows it.
    """

    def __str__(self) -> str:
        return safe_text(self.smtp_error)


class SMTPConnectError(SMTPResponseException, _std.SMTPConnectError):
    """The server refused the connection in its greeting: it is too busy (421, try later), or takes no
    mail from this address (554), because it is on a blocklist, say."""

    stage = "greeting"


class SMTPGreetingError(SMTPProtocolError, SMTPConnectError):
    """The server's greeting is not an SMTP greeting: another service listens on that port."""


class SMTPHeloError(SMTPResponseException, _std.SMTPHeloError):
    """The server refused EHLO or HELO, mostly because it does not accept the name by which the client
    introduces itself: `local_hostname=` is to be a full host name that resolves to this machine."""

    stage = "hello"


class SMTPAuthenticationError(SMTPResponseException, _std.SMTPAuthenticationError):
    """The server refused the credentials.

    Besides a wrong password: Gmail wants an app password or a token, Microsoft 365 a token and SMTP AUTH
    switched on for the mailbox; 454 is a failure of the server, and transient. `oauth_error` is what it
    said of an access token, as {"status": "invalid_token", "scope": "https://mail.google.com/"} (RFC
    7628 3.2.2); empty where it said nothing. The hint says it, too.
    """

    stage = "auth"
    oauth_error: Mapping[str, str] = {}


class SMTPDataError(SMTPResponseException, _std.SMTPDataError):
    """The server refused the message, at DATA or at its end: it is too large (552), taken for spam or
    against a policy (550, 554), or the server can't store it now (451, 452: try later)."""


class SMTPSenderRefused(SMTPResponseException, _std.SMTPSenderRefused):
    """The server refused the sender. `sender` is the address.

    Mostly the account may not send in that name, a login is wanted first (530), the message is too large
    (552), or the sender's domain does not exist.
    """

    stage = "mail"

    def __init__(self, code: int, msg: bytes, sender: str) -> None:
        _std.SMTPSenderRefused.__init__(self, code, msg, sender)
        self._tell(code, msg)
        self.address = sender


class SMTPRecipientsRefused(SMTPException, _std.SMTPRecipientsRefused):
    """The server refused every recipient, so that nothing was sent.

    550 5.1.1 means that the mailbox does not exist: suppress it. "Relay access denied" means that the
    server wants a login, or is not the one for that domain. 450 and 451 may be greylisting: try later.
    `recipients` maps each address to (code, text), as what `sendmail` returns does. `code` and
    `enhanced_code` are those of all of them, if they agree.
    """

    stage = "rcpt"

    def __init__(self, recipients: dict[str, Reply]) -> None:
        super().__init__(recipients)
        # Other libraries raise this class with recipients of other types.
        replies = recipients.values() if isinstance(recipients, dict) else ()
        pairs = [reply for reply in replies if isinstance(reply, tuple) and len(reply) == 2]
        codes = {code for code, _ in pairs}
        self.transient = bool(codes) and all(map(is_transient, codes))
        if len(codes) == 1:
            self.code = codes.pop()
        enhanced = {_enhanced(code, text) for code, text in pairs}
        if len(enhanced) == 1:
            self.enhanced_code = enhanced.pop()
        if pairs and len(recipients) == 1:
            self.address = next(iter(recipients))


class SMTPNonASCIIAddress(_Facts, UnicodeEncodeError):
    """An address needs SMTPUTF8 (RFC 6531), and the server does not offer it. Nothing was sent.

    It is not ASCII before its "@": such a mailbox is reached by a server that offers SMTPUTF8 alone. A
    domain that isn't ASCII is no reason for this error, because it has an ASCII form.
    """


def words(error: BaseException) -> str:
    """The error as text for people; `str(error)` is a tuple or a dict, as in smtplib."""
    if isinstance(error, SMTPProtocolError):
        return str(error)
    if isinstance(error, _std.SMTPRecipientsRefused) and isinstance(error.recipients, dict):
        refused = error.recipients.items()
        return "; ".join(f"{who}: {reply_words(reply)}" for who, reply in refused) or "no recipients"
    if isinstance(error, _std.SMTPResponseException):
        said = reply_words((error.smtp_code, error.smtp_error))
        address = getattr(error, "address", None)
        return f"{said} ({address})" if address else said
    return str(error)


def reply_words(reply: Any) -> str:
    if isinstance(reply, tuple) and len(reply) == 2:
        return f"{reply[0]} {safe_text(reply[1])}"
    return str(reply)


def is_transient(code: object) -> bool:
    return isinstance(code, int) and severity(code) == "transient"


def _enhanced(code: object, text: object) -> str | None:
    text = text.encode() if isinstance(text, str) else text
    return enhanced_code(code, text) if isinstance(code, int) and isinstance(text, bytes) else None


def safe_text(text: object) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    # Control characters from the server must not reach terminals and logs.
    return "".join(
        f"\\x{ord(c):02x}" if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in " ".join(said.split("\n"))
    )
