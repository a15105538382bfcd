"""``rsmtp catch``: a local server that prints what arrives, and shows it in a web page."""

import argparse
import contextlib
import email.message
import errno
import os
import signal
import sys
import textwrap
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rsmtp import Catcher
from rsmtp._rsmtp import CaughtMessage
from rsmtp._snippet import snippet

if TYPE_CHECKING:
    from rsmtp.inbox import Inbox

EXAMPLES = """\
examples:
  rsmtp catch                              on port 1025, its web page on port 8025
  rsmtp catch --no-web --conversation      in the terminal only, and all that was said
  rsmtp catch --port 2525 --tls none       plaintext only
  MAIL_PASSWORD=secret rsmtp catch --username ann --password-from-env MAIL_PASSWORD
"""

WEB_PORT = 8025
BODY_LINES = 20
WIDTH = 72


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "catch",
        help="run a local mail server that shows what arrives",
        description="Run a local mail server that takes any mail, prints it, shows it in a web page, "
        "and delivers it nowhere.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
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
        help="let --host and --web-host be ones that other machines can reach",
    )
    parser.add_argument("--no-web", action="store_true", help="no web page")
    parser.add_argument(
        "--web-port",
        type=int,
        metavar="PORT",
        help=f"the web page's port; 0 takes a free one (default: {WEB_PORT}, or a free one if that is taken)",
    )
    parser.add_argument(
        "--web-host",
        default="127.0.0.1",
        metavar="HOST",
        help="the web page's address (default: %(default)s); it has no login",
    )


def run(given: argparse.Namespace) -> int:
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
        words = getattr(error, "strerror", None) or error
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        advice = " (--port 0 takes a free one)" if taken else ""
        return complain(f"can't listen on {given.host}:{given.port}: {words}{advice}")
    count = 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(catcher)
        try:
            inbox = None if given.no_web else stack.enter_context(web(catcher, given))
        except (OSError, ValueError) as error:
            place = f"{given.web_host}:{WEB_PORT if given.web_port is None else given.web_port}"
            return complain(f"no web page on {place}: {error} (--no-web does without)")
        try:
            print(introduction(catcher, inbox, show_password=password is None), flush=True)
            for message in arriving(catcher):
                count += 1
                print(describe(message, conversation=given.conversation), flush=True)
        except KeyboardInterrupt:
            print(f"\n{count} message{'' if count == 1 else 's'} caught. Bye.")
        except BrokenPipeError:
            # Nobody reads us any more; Python must not try to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def web(catcher: Catcher, given: argparse.Namespace) -> "Inbox":
    """The web page, listening."""
    # A web server is much to load for a command that may not want one.
    from rsmtp.inbox import Inbox

    def on(port: int) -> Inbox:
        return Inbox(
            catcher,
            given.web_host,
            port,
            allow_remote=given.allow_remote,
            # A password that was chosen is a secret; a random one is an example.
            show_password=given.password_from_env is None,
        ).start()

    if given.web_port is not None:
        return on(given.web_port)
    try:
        return on(WEB_PORT)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return on(0)


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
        changes, messages = catcher.changes, catcher.messages
        yield from (message for message in messages if message.number not in shown)
        shown = {message.number for message in messages}
        catcher.wait_for_change(changes, timeout=3600)


def introduction(catcher: Catcher, inbox: "Inbox | None", *, show_password: bool) -> str:
    """Where it listens, how to log in, and a script that sends to it."""
    password = catcher.password if show_password else "(from the environment)"
    facts = [
        f"rsmtp catcher: {catcher.protocol.upper()} on {catcher.host}:{catcher.port}, TLS: {catcher.tls}",
        f"  username  {catcher.username}",
        f"  password  {password}",
    ]
    if catcher.ca_file is not None:
        facts.append(f"  CA file   {catcher.ca_file}")
    if inbox is not None:
        facts.append(f"  web page  {inbox.url}")
    script = textwrap.indent(snippet(catcher, show_password=show_password), "    ")
    return "\n".join([*facts, "", "Send it something:", "", script])


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
