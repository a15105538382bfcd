"""Runs the same calls on the standard library's smtplib and on rsmtp.smtplib."""

import re
import smtplib as standard

from client.scripted import serve
from rsmtp import smtplib as ours

NAME = "client.example.org"


def both(script, calls, *, kind="SMTP", path=None, connect=True):
    """Runs `calls` (functions of a client) with each library against the same script.

    Gives what came of each call and what was on the wire: the standard library's
    first, ours second, ready to be compared.
    """
    return _run(standard, script, calls, kind, path, connect), _run(ours, script, calls, kind, path, connect)


def _run(library, script, calls, kind, path, connect):
    if path is not None:
        path = path.with_name(path.name + library.__name__)
    with serve(script, path=path) as server:
        client = getattr(library, kind)(local_hostname=NAME, timeout=20)
        try:
            came = []
            if connect:
                came.append(_outcome(lambda c: c.connect(server.host, server.port), client))
            came += [_outcome(call, client) for call in calls]
        finally:
            client.close()
        server.wait_for_end()
        return came, _in_one_case(server.heard.decode("latin-1"))


def _in_one_case(wire):
    """Ignores the case of commands (RFC 5321 section 2.4). The standard library's "mail FROM:"
    has become "mail from:" in later versions."""
    return re.sub(r"(?m)^(mail FROM|rcpt TO):", lambda found: found[0].lower(), wire)


def _outcome(call, client):
    try:
        return ("returned", call(client))
    except Exception as error:
        return ("raised", *described(error))


def described(error):
    """An exception as handlers see it: the nearest class of smtplib (or Python) and the
    attributes of that class."""
    cls = next(c for c in type(error).__mro__ if c.__module__ in ("smtplib", "builtins", "ssl"))
    names = ("smtp_code", "smtp_error", "sender", "recipients")
    return cls.__name__, {n: getattr(error, n) for n in names if hasattr(error, n)}
