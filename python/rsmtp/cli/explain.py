"""An error of a conversation as a person at a terminal wants it: what went wrong,
and what to do here. No traceback."""

import re

from rsmtp import errors
from rsmtp.cli.terminal import harmless
from rsmtp.servers import Server

# The engine advises programmers; here are the flags for the same.
_FLAGS = {
    "TlsConfig(ca_file=...)": "--ca-file",
    ", or say which one with TlsConfig(server_name=...)": "",
    ", or say TlsConfig(server_name=...)": "",
    " (TlsConfig(client_certificate=...))": ", which can be given in Python only,",
    " (or from TlsConfig(minimum_version=...) on)": "",
    "for an older server pass an ssl.SSLContext that allows it as context=, knowing that old TLS": (
        "the server is too old, and its TLS"
    ),
    ", or pass an ssl.SSLContext that trusts it as context=": "",
    'takes tls="starttls"': "takes smtp://",
    'takes SMTP_SSL or tls="implicit"': "takes smtps://",
    'say SMTP_SSL or tls="implicit"': "say smtps:// or --tls implicit",
    "certificate verify failed: ": "",
}


def explain(error: BaseException, server: Server | None = None) -> str:
    """One or two sentences; without a server, nothing about looking at it."""
    words = harmless(re.sub(r"^\[Errno -?\d+\] ", "", errors.words(error)))
    for programmers, ours in _FLAGS.items():
        words = words.replace(programmers, ours)
    advice = _advice(error, server)
    return f"{words.rstrip('.')}. {advice}" if advice else words


def _advice(error: BaseException, server: Server | None) -> str:
    check = f"; `rsmtp check {server.host}` tells what is there." if server else "."
    match error:
        case errors.SMTPAuthenticationError():
            return "Check user name and password; with two-factor login, most providers want an app password."
        case errors.SMTPConnectionRefused():
            return f"Nothing listens on that port{check}"
        case errors.SMTPHostNotFound():
            return "Check the spelling of the host name, and the network."
        case errors.SMTPTimeoutError() if error.stage == "connect":
            return f"Some networks block mail ports{check}"
        case errors.SMTPNotSupportedError() if "STARTTLS" in str(error):
            return "Try smtps:// (port 465). With smtp://...?tls=none, others on the way can read everything."
        case _ if "unknown" in getattr(error, "fates", {}).values():
            return "The message may have arrived: ask the recipient before it is sent again."
        case _ if getattr(error, "transient", False):
            return "The same may work later."
    return ""
