"""``rsmtp catch``: a local server in the terminal that prints what arrives."""

import argparse
import contextlib
import email.message
import os
import signal
import sys
import threading
from collections.abc import Iterator

from rsmtp import Catcher
from rsmtp._rsmtp import CaughtMessage

EXAMPLES = """\
examples:
  rsmtp catch                              a free choice of login, on port 1025
  rsmtp catch --port 2525 --tls none       plaintext only
  MAIL_PASSWORD=secret rsmtp catch --username ann --password-from-env MAIL_PASSWORD
"""

SNIPPET = """\
import smtplib, ssl

with smtplib.{client}({address}) as server:
{steps}
    server.sendmail("me@example.org", "you@example.org", "Subject: Hello\\n\\nIt works.\\n")
"""

BODY_LINES = 20
WIDTH = 72


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "catch",
        help="run a local mail server that shows what arrives",
        description="Run a local mail server that takes any mail, prints it, and delivers it nowhere.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=1025, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--tls", choices=["starttls", "implicit", "none"], default="starttls")
    parser.add_argument("--lmtp", action="store_true", help="speak LMTP (RFC 2033) and not SMTP")
    parser.add_argument("--username", metavar="NAME", help="the login's name (default: catcher)")
    parser.add_argument(
        "--password-from-env",
        metavar="VARIABLE",
        help="environment variable with the login's password (default: a random password)",
    )
    parser.add_argument("--require-auth", action="store_true", help="take mail only after AUTH")
    parser.add_argument("--conversation", action="store_true", help="print what was said, too")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="let --host be one that other machines can reach",
    )
    parser.set_defaults(run=catch)


def catch(given: argparse.Namespace) -> int:
    """Runs until Ctrl-C or SIGTERM."""
    password = None
    if given.password_from_env is not None:
        password = os.environ.get(given.password_from_env)
        if password is None:
            return complain(f"the environment variable {given.password_from_env} is not set")
    stop_on_sigterm()
    try:
        catcher = Catcher(
            given.host,
            given.port,
            tls=given.tls,
            protocol="lmtp" if given.lmtp else "smtp",
            username=given.username,
            password=password,
            require_auth=given.require_auth,
            allow_remote=given.allow_remote,
        )
    except (OSError, ValueError, OverflowError) as error:
        return complain(f"can't listen on {given.host}:{given.port}: {error}")
    with catcher:
        try:
            print(introduction(catcher, show_password=password is None), flush=True)
            for message in arriving(catcher):
                print(describe(message, conversation=given.conversation), flush=True)
        except KeyboardInterrupt:
            print(f"\n{catcher.count} messages caught. Bye.")
        except BrokenPipeError:
            # Nobody reads us any more; Python must not try to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def stop_on_sigterm() -> None:
    """A service manager's stop is an orderly end, like Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def complain(problem: str) -> int:
    print(f"rsmtp catch: {problem}", file=sys.stderr)
    return 2


def arriving(catcher: Catcher) -> Iterator[CaughtMessage]:
    """Each message once, as it arrives."""
    shown: set[int] = set()
    while True:
        # Counted before they are looked at: what comes in between is not missed.
        count, messages = catcher.count, catcher.messages
        yield from (message for message in messages if message.number not in shown)
        shown = {message.number for message in messages}
        with contextlib.suppress(TimeoutError):
            catcher.wait_for(count + 1, timeout=3600)


def introduction(catcher: Catcher, *, show_password: bool) -> str:
    """Where it listens, how to log in, and a script that sends to it."""
    password = catcher.password if show_password else "(from the environment)"
    facts = [
        f"rsmtp catcher: {catcher.protocol.upper()} on {catcher.host}:{catcher.port}, TLS: {catcher.tls}",
        f"  username  {catcher.username}",
        f"  password  {password}",
    ]
    if catcher.ca_file is not None:
        facts.append(f"  CA file   {catcher.ca_file}")
    return "\n".join([*facts, "", "Send it something:", "", snippet(catcher, show_password=show_password)])


def snippet(catcher: Catcher, *, show_password: bool) -> str:
    context = f"ssl.create_default_context(cafile={catcher.ca_file!r})"
    password = repr(catcher.password) if show_password else '"..."'
    address, steps = f"{catcher.host!r}, {catcher.port}", []
    if catcher.tls == "implicit":
        address += f", context={context}"
    if catcher.tls == "starttls":
        steps.append(f"    server.starttls(context={context})")
    steps.append(f"    server.login({catcher.username!r}, {password})")
    client = "SMTP_SSL" if catcher.tls == "implicit" else catcher.protocol.upper()
    text = SNIPPET.format(client=client, address=address, steps="\n".join(steps))
    return "\n".join(f"    {line}" if line else "" for line in text.splitlines()) + "\n"


def describe(message: CaughtMessage, *, conversation: bool) -> str:
    """The message as one reads it in a terminal."""
    mail = message.email
    how = [f"{message.size} octets", message.tls.version if message.tls else "no TLS"]
    how.append(f"logged in as {message.user}" if message.user else "not logged in")
    lines = [
        f"-- message {message.number} ".ljust(WIDTH, "-"),
        f"{message.mail_from or '<>'} -> {', '.join(message.rcpt_tos)}",
        f"{message.received_at.astimezone():%H:%M:%S}  {', '.join(how)}, from {message.peer}",
        "",
        *(f"{name}: {mail[name]}" for name in ("From", "To", "Cc", "Subject", "Date") if mail[name]),
        "",
        *body(mail),
        *attachments(mail),
    ]
    if conversation:
        lines += ["", *message.conversation.lines]
    return "\n".join(map(harmless, lines)) + "\n"


def body(mail: email.message.EmailMessage) -> list[str]:
    part = mail.get_body(("plain", "html"))
    if part is None:
        return ["(no text)"]
    try:
        lines = str(part.get_content()).splitlines()
    except (LookupError, ValueError, AssertionError):
        return ["(text that can't be decoded)"]
    left = len(lines) - BODY_LINES
    return lines[:BODY_LINES] + ([f"({left} more lines)"] if left > 0 else [])


def attachments(mail: email.message.EmailMessage) -> list[str]:
    described = []
    for part in mail.walk():
        name = part.get_filename()
        if name is not None:
            size = len(part.get_payload(decode=True) or b"")
            described.append(f"[{part.get_content_type()} {name!r}, {size} octets]")
    return ["", *described] if described else []


def harmless(line: str) -> str:
    """Foreign mail must not steer the terminal: control characters are shown."""
    return "".join(
        character if character.isprintable() or character == "\t" else ascii(character)[1:-1]
        for character in line
    )
