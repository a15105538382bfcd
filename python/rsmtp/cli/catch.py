"""``rsmtp catch``: a local server that prints what arrives, and shows it in a web page."""

import argparse
import contextlib
import errno
import os
import queue
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rsmtp import Catcher
from rsmtp._rsmtp import CaughtConversation, CaughtMessage
from rsmtp.cli import catch_text, returns, web
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.one_name import one_name
from rsmtp.cli.terminal import harmless
from rsmtp.display.short import counted

if TYPE_CHECKING:
    from rsmtp.inbox import Inbox
    from rsmtp.inbox.folder import Folder
    from rsmtp.inbox.forward import Forwarder

EXAMPLES = """\
examples:
  rsmtp catch                              on port 1025, its web page on port 8025
  rsmtp catch --no-web --conversation      in the terminal only, with the conversations
  rsmtp catch --port 2525 --tls none       plaintext only
  rsmtp catch --store mail                 stores what it catches in the folder "mail"
  rsmtp catch --username ann --password x  accepts this login only
  rsmtp catch --lmtp --bounces mail.db     marks what comes back in an outbox
  rsmtp catch --forward '*@example.com' --via smtp://ann@smtp.example.com
                                           forwards their mail, with the password in RSMTP_PASSWORD
"""

WEB_PORT = 8025


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    parser = commands.add_parser(
        "catch",
        help=summary,
        description="Run a local mail server that accepts any mail, prints it, shows it on a web page, "
        "and delivers none of it.",
        epilog=EXAMPLES,
        formatter_class=HelpText,
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=1025, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--tls", choices=["starttls", "implicit", "none"], default="starttls")
    parser.add_argument("--lmtp", action="store_true", help="speak LMTP (RFC 2033) instead of SMTP")
    parser.add_argument(
        "--username",
        "--user",
        action=one_name,
        metavar="NAME",
        help="the only name that may log in (default: on loopback, any name with any password)",
    )
    password = parser.add_mutually_exclusive_group()
    password.add_argument("--password", help="the only password accepted (default: any, or a random one)")
    password.add_argument(
        "--password-from-env",
        metavar="VARIABLE",
        help="environment variable that holds the password; it is not shown then",
    )
    parser.add_argument("--require-auth", action="store_true", help="accept mail only after AUTH")
    parser.add_argument("--conversation", action="store_true", help="also print the conversation")
    parser.add_argument(
        "--keep",
        type=int,
        default=1000,
        metavar="N",
        help="how many messages to keep (default: %(default)s)",
    )
    parser.add_argument(
        "--store",
        metavar="FOLDER",
        help="also store the messages in this folder, and show those of earlier runs",
    )
    parser.add_argument(
        "--forward",
        action="append",
        default=[],
        metavar="PATTERN",
        help="forward mail for these recipients through --via: *@example.com; can be repeated",
    )
    parser.add_argument(
        "--via", metavar="URL", help="the server that --forward uses: smtp://user@host (see Mailer)"
    )
    parser.add_argument(
        "--bounces",
        metavar="OUTBOX",
        help="read what arrives as bounces and complaints about this outbox's mail: mark the recipients "
        "there, and suppress those that should get no more",
    )
    returns.add_verp(parser)
    parser.add_argument(
        "--new-authority",
        action="store_true",
        help="use a new certificate authority for this run, not the one that is kept between runs",
    )
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="allow a --host or --web-host that other machines can reach",
    )
    parser.add_argument("--no-web", action="store_true", help="no web page")
    web.add_arguments(parser, WEB_PORT)


def run(given: argparse.Namespace) -> int:
    """Runs until Ctrl-C or SIGTERM."""
    password = given.password
    if given.password_from_env is not None:
        password = os.environ.get(given.password_from_env)
        if password is None:
            return complain(f"the environment variable {given.password_from_env} is not set")
    if given.via is not None and not given.forward:
        return complain("--via needs --forward PATTERN, which says what mail is forwarded")
    if given.verp is not None and given.bounces is None:
        return complain(
            "--verp says whose reports are marked in an outbox, which --bounces names: it is missing"
        )
    verp = returns.verp_from(given)
    if given.keep < 1:
        return complain(f"--keep {given.keep}: it has to be a number greater than 0")
    web.stop_on_sigterm()
    try:
        catcher = start(given, password)
    except (OSError, ValueError, OverflowError) as error:
        number = error.errno if isinstance(error, OSError) else None
        words = os.strerror(number) if number else str(error).replace("allow_remote=True", "--allow-remote")
        taken = number == errno.EADDRINUSE
        advice = " (--port 0 takes a free one)" if taken else ""
        return complain(f"can't listen on {given.host}:{given.port}: {words}{advice}")
    count = 0
    with contextlib.ExitStack() as stack:
        stack.enter_context(catcher)
        try:
            folder = None if given.store is None else open_folder(catcher, given.store)
        except OSError as error:
            return complain(f"--store {harmless(given.store)}: {error.strerror or error}")
        try:
            forwarding = stack.enter_context(Forwarding(forwarder(given))) if given.forward else None
        except (ValueError, TypeError) as error:
            return complain(f"--via: {error}")
        outbox = None if given.bounces is None else stack.enter_context(returns.outbox_of(given.bounces))
        try:
            inbox = None if given.no_web else stack.enter_context(serve_web(catcher, given, folder))
        except ValueError as error:
            return complain(f"{error} (use --no-web to do without it)")
        try:
            shown = {message.number for message in catcher.messages}
            print(catch_text.introduction(catcher, inbox, given, password), flush=True)
            if shown:
                kept = f"{counted(len(shown), 'message')} from an earlier run"
                print(f"{kept} in {harmless(given.store)}\n", flush=True)
            for come in arriving(catcher, folder, shown):
                if isinstance(come, CaughtConversation):
                    print(catch_text.of_connection(come, conversation=given.conversation), end="", flush=True)
                    continue
                count += 1
                print(catch_text.of_message(come, conversation=given.conversation), flush=True)
                if outbox is not None:
                    print(f"{harmless(catch_text.of_bounce(outbox.bounced(come, verp=verp)))}\n", flush=True)
                if forwarding is not None:
                    forwarding.put(come)
        except KeyboardInterrupt:
            if folder is not None:
                folder.update()
            print(f"\n{counted(count, 'message')} caught. Bye.")
        except BrokenPipeError:
            # The program that reads our output has ended. Python must not try to flush at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except OSError as error:
            return complain(f"--store {harmless(given.store or '')}: {error.strerror or error}")
    return 0


def start(given: argparse.Namespace, password: str | None) -> Catcher:
    """The catcher, listening. Raises the OSError and ValueError of `Catcher`."""
    # If a name or a password is given, only that login is accepted. The same goes for an
    # address that other machines can reach.
    any_login = given.username is None and password is None and not given.allow_remote
    authority = None
    loopback = given.host in ("localhost", "::1") or given.host.startswith("127.")
    if given.tls != "none" and not given.new_authority and not given.allow_remote and loopback:
        authority = state_folder()
    return Catcher(
        given.host,
        given.port,
        tls=given.tls,
        protocol="lmtp" if given.lmtp else "smtp",
        username=given.username,
        # The printed script uses this one; any other works too.
        password="any" if any_login else password,
        any_login=any_login,
        require_auth=given.require_auth,
        authority=authority,
        keep=given.keep,
        allow_remote=given.allow_remote,
    )


def state_folder() -> str | None:
    """The folder of the certificate authority, which is kept so that a client has to trust it only
    once. None if nothing can be stored, for a user without a home directory for example."""
    home = Path("~").expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(home / "Library" / "Application Support")
    else:
        base = os.environ.get("XDG_STATE_HOME") or str(home / ".local" / "state")
    folder = Path(base) / "rsmtp"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return str(folder / "authority") if os.access(folder, os.W_OK) else None


def open_folder(catcher: Catcher, path: str) -> "Folder":
    from rsmtp.inbox.folder import Folder

    folder = Folder(catcher, path)
    return folder.restore(lambda words: print(f"rsmtp catch: {harmless(words)}", file=sys.stderr))


def forwarder(given: argparse.Namespace) -> "Forwarder":
    """Raises ValueError for a URL that is not valid."""
    from rsmtp import Mailer
    from rsmtp.inbox.forward import Forwarder

    return Forwarder(Mailer(given.via, password=os.environ.get("RSMTP_PASSWORD")), given.forward)


class Forwarding:
    """Forwards messages in a thread, so that a slow server does not delay anything else."""

    def __init__(self, forwarder: "Forwarder") -> None:
        self._forwarder = forwarder
        self._waiting: queue.SimpleQueue[CaughtMessage | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="rsmtp-forward", daemon=True)

    def put(self, message: CaughtMessage) -> None:
        if self._forwarder.matching(message):
            self._waiting.put(message)

    def _run(self) -> None:
        while (message := self._waiting.get()) is not None:
            for one in self._forwarder.forward(message):
                said = f": {one.words}" if one.words else ""
                print(harmless(f"message {message.number} to {one.address}: {one.fate}{said}"), flush=True)

    def __enter__(self) -> "Forwarding":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._waiting.put(None)
        self._thread.join(timeout=10)
        if self._thread.is_alive():
            print("rsmtp catch: not every message was forwarded", file=sys.stderr)


def serve_web(catcher: Catcher, given: argparse.Namespace, folder: "Folder | None") -> "Inbox":
    """The web page, listening."""
    # Loaded here, because a web server takes time to load and may not be wanted.
    from rsmtp.inbox import Inbox

    def page(host: str, port: int) -> Inbox:
        return Inbox(
            catcher,
            host,
            port,
            allow_remote=given.allow_remote,
            # A password from the environment is a secret; others are shown.
            show_password=given.password_from_env is None,
            tags=None if folder is None else folder.tags,
        )

    return web.started(page, given, WEB_PORT)


def complain(problem: str) -> int:
    print(f"rsmtp catch: {problem}", file=sys.stderr)
    return 2


def arriving(
    catcher: Catcher, folder: "Folder | None", shown: set[int]
) -> Iterator[CaughtMessage | CaughtConversation]:
    """Yields each message once, as it arrives, except those that were shown before, and each
    connection that ended without one. Raises OSError if the folder can't be written."""
    ended: set[int | None] = set()
    # Addresses of clients that delivered a message: a message does not have its connection's number.
    brought: set[str] = set()
    while True:
        # Counted before looking, so that nothing in between is missed. A connection that has
        # ended has delivered all its messages, so connections are read before messages.
        changes, connections = catcher.changes, catcher.conversations
        messages = catcher.messages
        if folder is not None:
            folder.update()
        for message in messages:
            if message.number not in shown:
                brought.add(message.peer)
                yield message
        shown = {message.number for message in messages}
        over = {connection.number for connection in connections if connection.closed}
        new = over - ended
        for connection in connections:
            if connection.number in new:
                if connection.peer not in brought:
                    yield connection
                brought.discard(connection.peer)
        ended = over
        catcher.wait_for_change(changes, timeout=3600)
