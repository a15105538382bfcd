"""What `rsmtp catch` prints: where it listens, what has arrived, and what has not."""

from __future__ import annotations

import email.message
import shlex
import textwrap
from typing import TYPE_CHECKING

from rsmtp import Catcher
from rsmtp._rsmtp import CaughtConversation, CaughtMessage
from rsmtp.cli.terminal import harmless
from rsmtp.display.short import counted
from rsmtp.inbox import trouble
from rsmtp.inbox.snippet import snippet

if TYPE_CHECKING:
    import argparse

    from rsmtp.inbox import Inbox
    from rsmtp.outbox import Bounced

_BODY_LINES = 20
_WIDTH = 72


def introduction(
    catcher: Catcher, inbox: Inbox | None, given: argparse.Namespace, password: str | None
) -> str:
    """Where it listens, how to log in, and what to paste into a script."""
    show_password = given.password_from_env is None
    facts = [
        f"rsmtp catcher: {catcher.protocol.upper()} on {catcher.host}:{catcher.port}, TLS: {catcher.tls}"
    ]
    if given.username is None and password is None and not given.allow_remote:
        facts.append("  login     any name with any password")
    else:
        shown = catcher.password if show_password else "(from the environment)"
        facts += [f"  username  {catcher.username}", f"  password  {shown}"]
    if catcher.ca_file is not None:
        facts.append(f"  CA file   {catcher.ca_file}")
    if inbox is not None:
        facts.append(f"  web page  {inbox.url}")
    script = textwrap.indent(snippet(catcher, show_password=show_password), "    ")
    return "\n".join([*facts, "", *_adaptation(catcher), "Or send a test message:", "", script])


def _adaptation(catcher: Catcher) -> list[str]:
    """What to change in a script that was written for a real server."""
    if catcher.protocol != "smtp":
        return []
    name = "SMTP_SSL" if catcher.tls == "implicit" else "SMTP"
    lines = [
        "In your script, change only this line (smtplib or rsmtp.smtplib):",
        "",
        f'    server = smtplib.{name}("{catcher.host}", {catcher.port})',
        "",
    ]
    if catcher.ca_file is not None:
        lines += [
            "rsmtp verifies certificates. To trust the catcher's, run the script like this:",
            "",
            f"    SSL_CERT_FILE={shlex.quote(catcher.ca_file)} python your_script.py",
            "",
        ]
    return lines


def of_message(message: CaughtMessage, *, conversation: bool) -> str:
    """The message as text for a terminal."""
    mail = message.email
    how = [counted(message.size, "octet"), message.tls.version if message.tls else "no TLS"]
    how.append(f"logged in as {message.username}" if message.username else "not logged in")
    lines = [
        f"-- message {message.number} ".ljust(_WIDTH, "-"),
        f"{message.mail_from or '<>'} -> {', '.join(message.rcpt_tos)}",
        f"{message.received_at.astimezone():%H:%M:%S}  {', '.join(how)}, from {message.peer}",
        "",
        *(f"{name}: {mail[name]}" for name in ("From", "To", "Cc", "Subject", "Date") if mail[name]),
        "",
        *_body(mail),
        *_attachments(mail),
    ]
    if conversation:
        lines += ["", *message.conversation.lines]
    return "\n".join(map(harmless, lines)) + "\n"


def of_connection(connection: CaughtConversation, *, conversation: bool) -> str:
    """Why a connection delivered no message: what broke it, or else the last refusal. A connection
    in which nothing was refused, such as that of `rsmtp check`, is shown only with its
    conversation."""
    timeline = connection.timeline
    why = trouble.of(timeline) or trouble.refusal(timeline)
    if why is None and not conversation:
        return ""
    lines = [
        f"-- connection {connection.number}, no message ".ljust(_WIDTH, "-"),
        f"from {connection.peer}, {connection.tls.version if connection.tls else 'no TLS'}",
    ]
    if why is not None:
        lines.append(why)
    if conversation:
        lines += ["", *connection.lines]
    return "\n".join(map(harmless, lines)) + "\n\n"


def _body(mail: email.message.EmailMessage) -> list[str]:
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ["(no text)"]
    try:
        lines = str(part.get_content()).splitlines()
    except (LookupError, ValueError, AssertionError):
        return ["(text that can't be decoded)"]
    left = len(lines) - _BODY_LINES
    return lines[:_BODY_LINES] + ([f"({left} more lines)"] if left > 0 else [])


def _attachments(mail: email.message.EmailMessage) -> list[str]:
    described = []
    for part in mail.walk():
        name = part.get_filename()
        if name is not None:
            size = len(part.get_payload(decode=True) or b"")
            described.append(f"[{part.get_content_type()} {name!r}, {counted(size, 'octet')}]")
    return ["", *described] if described else []


def of_bounce(bounced: Bounced | None) -> str:
    return "not a report about a message" if bounced is None else "; ".join(str(bounced).split("\n"))
