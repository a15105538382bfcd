"""What to do about an error: decided here, for the library's exceptions (`error.hint`, and a
note under the traceback), for notebooks and for the command line."""

from __future__ import annotations

from rsmtp import _rsmtp, errors

_LATER = "The same may work later."
_LOGIN = "Check user name and password; with two-factor login, most providers want an app password."
_PORTS = (
    "587 is submission with STARTTLS, 465 submission with TLS from the first octet, 25 is between servers"
)


def hint(error: errors._Facts) -> str | None:
    """One or two sentences; None where nothing is known that the error itself does not say."""
    if "unknown" in error.fates.values():
        return "The message may have arrived: ask the recipient before it is sent again."
    if "Server not connected" in str(error):
        return None  # It was closed before: what closed it is in the error's own words.
    return _of_kind(error) or (_LATER if error.transient else None)


def _of_kind(error: errors._Facts) -> str | None:
    match error:
        case errors.SMTPAuthenticationError(transient=False):
            return _LOGIN
        case errors.SMTPConnectionRefused():
            return "Nothing listens on that port; `rsmtp check` tells what is there."
        case errors.SMTPHostNotFound():
            return "Check the spelling of the host name, and the network."
        case errors.SMTPTimeoutError(stage="connect"):
            return "Some networks block mail ports; `rsmtp check` tells what is there."
        case errors.SMTPNotSupportedError() if "STARTTLS" in str(error):
            return (
                'Try port 465: smtps://, or tls="implicit". Without TLS (tls="none", or ?tls=none), '
                "others on the way can read everything."
            )
        case errors.SMTPNotSupportedError() if "AUTH" in str(error):
            return f"The server may offer its login on another port, or after STARTTLS only: {_PORTS}."
        case errors.SMTPTLSError() | errors.SMTPTimeoutError():
            # The engine knows more than the class tells.
            return error._advice
        case errors.SMTPGreetingError():
            return f"What answers there may be no mail server; check host and port: {_PORTS}."
        case errors.SMTPHeloError(transient=False):
            return "Name this client as the server wants it: local_hostname=."
        case errors.SMTPConnectError(transient=False):
            return "The server does not want this client: its words say why (often a blocklist)."
        case errors.SMTPContentError():
            return "No recipient has the message: send it again."
        case errors.SMTPNonASCIIAddress():
            return (
                "Use an address in ASCII: a domain in another script works, what stands before the @ may not."
            )
        case _ if error.code == _rsmtp.LOGIN_REQUIRED:
            return "Log in first: the server takes mail only from users that it knows."
        case errors.SMTPSenderRefused(code=_rsmtp.EXCEEDED_STORAGE):
            return "Make the message smaller: a link in place of an attachment."
        case errors.SMTPSenderRefused(transient=False):
            return "Send as the address of the login, or as one that the server knows."
        case errors.SMTPRecipientsRefused(transient=False) if "relay" in errors.words(error).lower():
            return f"The server passes mail on only for clients that it knows: log in ({_PORTS})."
    return None
