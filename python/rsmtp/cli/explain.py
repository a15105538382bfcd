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
    words = re.sub(r"^\[Errno -?\d+\] ", "", errors.words(error))
    hint = getattr(error, "hint", None) or ""
    check = f"; `rsmtp check {server.host}` tells" if server else ""
    hint = hint.replace("; `rsmtp check` tells", check) if server else hint.partition("; `rsmtp check`")[0]
    if hint.lower().rstrip(".") not in words.lower():
        words = f"{words.rstrip('.')}. {hint.rstrip('.')}."
    for programmers, ours in _FLAGS.items():
        words = words.replace(programmers, ours)
    return harmless(words)
