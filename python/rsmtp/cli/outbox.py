"""``rsmtp outbox``: what waits in a file, and what became of it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from types import FrameType

from rsmtp._mailer.servers import Server
from rsmtp.cli import exit_code, server, signing, web
from rsmtp.cli.exit_code import Stop
from rsmtp.cli.explain import advised, explain
from rsmtp.cli.help_text import HelpText
from rsmtp.cli.reading import expect_file
from rsmtp.cli.secret import with_password
from rsmtp.cli.send import heed_warnings, left_out
from rsmtp.cli.terminal import Style, harmless, tell_fates
from rsmtp.display.short import counted
from rsmtp.mailer import Mailer
from rsmtp.outbox import Changed, Entry, Outbox, OutboxError, looking
from rsmtp.outbox.looking import TROUBLE
from rsmtp.outbox.messages import states_of
from rsmtp.outbox.recipients import STATES

DESCRIPTION = """\
Send the messages in an outbox, and manage them. An outbox is a file that a program puts
messages into (rsmtp.Outbox).

  run      send the messages that are due; with --forever wait for more, until Ctrl-C or SIGTERM
  status   count the messages in each state
  show     show the given messages, or all; --state and --search narrow it down
  dead     show the messages that need a person's attention: dead, refused, unknown
  retry    queue messages again: the given ones, or all in a --state, or all that match a --search
           (dead and refused ones, if no --state is given). Those whose fate is unknown may then
           arrive twice: give their numbers, or --state unknown
  cancel   withdraw queued messages: the given ones, or by --state queued or --search
  purge    delete messages that were sent or cancelled a week ago; see --state and --older-than
  export   print all messages as JSON, one on each line
  serve    show the outbox as a web page, until Ctrl-C
"""

EXAMPLES = """\
examples:
  rsmtp outbox run mail.db --server smtp://ann@smtp.example.com --forever
  rsmtp outbox status mail.db
  rsmtp outbox show mail.db invoice/7         by its key, or its number
  rsmtp outbox retry mail.db 17 18
  rsmtp outbox retry mail.db --state dead --search 'to:example.net error:timed'
  rsmtp outbox purge mail.db --state dead --older-than 30
  rsmtp outbox serve mail.db                  on http://127.0.0.1:8026/
"""

_COLOURS = {"sent": "good", "queued": "bold", "sending": "bold", "cancelled": "dim"}
WEB_PORT = 8026


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    parser = commands.add_parser(
        "outbox",
        help=summary,
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n{exit_code.TABLE}",
        formatter_class=HelpText,
    )
    add_action(parser)
    parser.add_argument("file", metavar="FILE", help="the outbox")
    add_choices(parser)
    parser.add_argument(
        "--connections", metavar="N", type=int, help="run: number of sessions at the same time (default: 1)"
    )
    server.add_arguments(parser)
    signing.add_arguments(parser)
    parser.set_defaults(run=run)


def add_action(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=tuple(ACTIONS), metavar="ACTION", help=", ".join(ACTIONS))


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of the actions, other than the outbox and the server."""
    # Because of the default, argparse does not list it among missing arguments.
    parser.add_argument("which", metavar="MESSAGE", nargs="*", default=[], help="a number or a key")
    parser.add_argument(
        "--state",
        action="append",
        metavar="STATE",
        help=f"only messages in this state: {', '.join(STATES)}",
    )
    parser.add_argument(
        "--search",
        metavar="TEXT",
        help="only messages that match, as in the search of the page: words, from: to: subject: key: error: "
        "is:dead before:2026-11-26 larger:1M -word",
    )
    parser.add_argument("--older-than", metavar="DAYS", type=float, help="for purge (default: 7)")
    parser.add_argument("--forever", action="store_true", help="run: keep waiting for more messages")
    web.add_arguments(parser, WEB_PORT, "serve: ")
    parser.add_argument(
        "--allow-remote",
        action="store_true",
        help="serve: allow a --web-host that other machines can reach",
    )


# The actions that each choice applies to. An action must not ignore a choice: `purge` with a message's
# number would delete all the others.
_GOES_WITH = {
    "which": ("MESSAGE", ("show", "retry", "cancel", "export")),
    "state": ("--state", ("show", "retry", "cancel", "purge", "export")),
    "search": ("--search", ("show", "retry", "cancel", "export")),
    "older_than": ("--older-than", ("purge",)),
    "forever": ("--forever", ("run",)),
    "connections": ("--connections", ("run",)),
    "dkim_key": ("--dkim-key", ("run",)),
    "dkim_selector": ("--dkim-selector", ("run",)),
    "dkim_domain": ("--dkim-domain", ("run",)),
    "web_port": ("--web-port", ("serve",)),
    "web_host": ("--web-host", ("serve",)),
    "allow_remote": ("--allow-remote", ("serve",)),
}


def check(given: argparse.Namespace) -> None:
    """Raises Stop for a choice that does not apply to the action."""
    for name, (shown, actions) in _GOES_WITH.items():
        # 0 counts as a choice.
        chosen = getattr(given, name, None)
        is_made = chosen is not None and chosen is not False and chosen != []
        if is_made and given.action not in actions:
            raise Stop(
                exit_code.USAGE, f"{shown} does not go with {given.action}: it is for {', '.join(actions)}"
            )
    if given.which and (given.state or given.search is not None):
        raise Stop(exit_code.USAGE, "name the messages, or choose them by --state and --search: not both")


def run(given: argparse.Namespace) -> int:
    check(given)
    if given.action != "run":
        expect_file(given.file)
    with told(), Outbox(given.file, read_only=_only_looks(given)) as outbox:
        return ACTIONS[given.action](outbox, given)


def _only_looks(given: argparse.Namespace) -> bool:
    """Whether the action only reads the file, because the file is not writable."""
    return given.action in _LOOKING and not os.access(given.file, os.W_OK)


@contextlib.contextmanager
def told() -> Iterator[None]:
    try:
        yield
    except OutboxError as error:
        raise Stop(exit_code.NO_INPUT, str(error)) from None
    except KeyError as error:
        raise Stop(exit_code.USAGE, str(error.args[0])) from None
    except ValueError as error:
        raise Stop(exit_code.USAGE, str(error)) from None


def _send(outbox: Outbox, given: argparse.Namespace) -> int:
    target, dkim = with_password(server.from_arguments(given)), signing.from_arguments(given)
    connections = 1 if given.connections is None else given.connections
    with target.mailer(connections=connections, dkim=dkim) as mailer:
        return send_due(outbox, mailer, target.place, forever=given.forever)


def send_due(outbox: Outbox, mailer: Mailer, place: Server | None, *, forever: bool) -> int:
    """Sends the messages that are due, and prints their results."""
    heed_warnings()
    try:
        with _stopped_by_signals() as stop:
            ran = outbox.run(mailer, forever=forever, stop=stop)
    except OutboxError:
        raise
    except (OSError, ValueError) as error:
        raise Stop(exit_code.of(error), explain(error, place)) from None
    counts = ((name.replace("_", " "), count) for name, count in zip(ran._fields, ran, strict=True))
    line = ", ".join(f"{count:,} {name}" for name, count in counts if count)
    tell_fates(lambda: print(line or "nothing was due"))
    return exit_code.OK if ran.ok else exit_code.PROBLEMS


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """The first Ctrl-C or SIGTERM waits for the messages in flight; the second one interrupts."""
    stop = threading.Event()

    def handle(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        print("rsmtp: what is in flight is waited for; once more breaks off", file=sys.stderr)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _status(outbox: Outbox, given: argparse.Namespace) -> int:
    style = Style()
    counts = {state: count for state, count in outbox.status().items() if count}
    for state, count in counts.items():
        print(f"{style(_COLOURS.get(state, 'bad'), state.ljust(10))}{count:>10,}")
    if not counts:
        print("the outbox is empty")
    return exit_code.OK


def _chosen(outbox: Outbox, given: argparse.Namespace) -> Iterator[Entry]:
    if given.which:
        return (outbox.get(_named(outbox, which)) for which in given.which)
    if given.search is None:
        return outbox.entries(given.state)
    # They are shown in the order in which they were put.
    return map(outbox.get, sorted(_found(outbox, given, STATES)))


def _found(outbox: Outbox, given: argparse.Namespace, states: Sequence[str]) -> Iterator[int]:
    """The numbers of the messages that --state and --search choose, newest first. `states`: the default."""
    chosen = states_of(given.state or states, STATES)
    if given.search is None:
        return looking.numbers(outbox._database, chosen)
    # Loaded here, because the page's modules take time to load.
    from rsmtp._web.answer import Refusal
    from rsmtp.outbox_page.searching import fits

    if not given.search.strip():
        raise Stop(exit_code.USAGE, "--search: it is empty")
    try:
        return looking.numbers(outbox._database, chosen, fits(given.search, whole=True))
    except Refusal as refusal:
        raise Stop(exit_code.USAGE, f"--{refusal.problem}") from None


def _named(outbox: Outbox, which: str) -> int | str:
    """A key may look like a number, so keys are tried first."""
    with contextlib.suppress(KeyError):
        return outbox.get(which).id
    return int(which) if which.isdecimal() and which.isascii() else which


def _show(outbox: Outbox, given: argparse.Namespace) -> int:
    style = Style()
    for entry in _chosen(outbox, given):
        _line(style, entry)
        if given.which:
            for event in outbox.history(entry.id):
                words = f"{event.words} ({event.server})" if event.server else event.words
                for number, line in enumerate(words.split("\n")):
                    when = f"{event.at.astimezone():%Y-%m-%d %H:%M:%S}" if number == 0 else ""
                    print(f"    {when:<19}  {event.what if number == 0 else '':<10}{harmless(line)}")
    return exit_code.OK


def _line(style: Style, entry: Entry) -> None:
    to = entry.to_addrs[0] + (f" and {len(entry.to_addrs) - 1} more" if len(entry.to_addrs) > 1 else "")
    state = style(_COLOURS.get(entry.state, "bad"), entry.state.ljust(10))
    key = f"  [{harmless(entry.key)}]" if entry.key else ""
    print(f"{entry.id:>6}  {state}{harmless(to)}  {harmless(entry.subject)}{key}")
    for recipient in entry.receipt.recipients:
        if entry.state in TROUBLE and recipient.code:
            words = " ".join((recipient.text or "").split("\n"))
            print(f"        {harmless(recipient.address)}  {recipient.code} {harmless(words)}")
            for line in advised(recipient, " " * 10):
                print(line)
    if entry.receipt.options_left_out:
        print(f"        {left_out(entry.receipt)}")
    if entry.error:
        print(f"        {harmless(entry.error)}")


def _dead(outbox: Outbox, given: argparse.Namespace) -> int:
    style, any_there = Style(), False
    for entry in outbox.entries(TROUBLE):
        _line(style, entry)
        any_there = True
    return exit_code.PROBLEMS if any_there else exit_code.OK


def _retry(outbox: Outbox, given: argparse.Namespace) -> int:
    # A person who names a message, or this state, knows that it may arrive twice.
    change = partial(outbox.retry_all, unknown=bool(given.which) or "unknown" in (given.state or ()))
    return _change(outbox, given, change, ("retried", "queued"), ("refused", "dead"))


def _cancel(outbox: Outbox, given: argparse.Namespace) -> int:
    return _change(outbox, given, outbox.cancel_all, ("cancelled", "cancelled"), ("queued",))


def _change(
    outbox: Outbox,
    given: argparse.Namespace,
    change: Callable[[Iterable[int]], Changed],
    words: tuple[str, str],
    states: Sequence[str],
) -> int:
    """`words`: what is done with a message, and what it is then. `states`: those that --search alone
    chooses from."""
    verb, done = words
    if given.which:
        ids = dict.fromkeys(outbox.get(_named(outbox, which)).id for which in given.which)
        left = change(ids).left
        for id in (id for id in ids if id not in left):
            print(f"{done} {id}")
        if left:
            lines = (f"message {id} can't be {verb}: {why}" for id, why in left.items())
            raise Stop(exit_code.USAGE, "\n".join(lines))
        return exit_code.OK
    if not given.state and given.search is None:
        raise Stop(
            exit_code.USAGE, "name the messages by number or key, or choose them by --state or --search"
        )
    changed = change(_found(outbox, given, states))
    print(f"{done} {counted(changed.done, 'message')}")
    for why, count in Counter(changed.left.values()).items():
        print(f"left {counted(count, 'message')}: {why}")
    return exit_code.PROBLEMS if changed.left else exit_code.OK


def _purge(outbox: Outbox, given: argparse.Namespace) -> int:
    states = given.state or ("sent", "cancelled")
    count = outbox.purge(
        states, older_than=timedelta(days=7 if given.older_than is None else given.older_than)
    )
    print(f"deleted {counted(count, 'message')}")
    return exit_code.OK


def _export(outbox: Outbox, given: argparse.Namespace) -> int:
    for entry in _chosen(outbox, given):
        print(json.dumps(entry.to_dict()))
    return exit_code.OK


def _serve(outbox: Outbox, given: argparse.Namespace) -> int:
    # Loaded here, because a web server takes time to load and is seldom needed.
    from rsmtp.outbox_page import OutboxPage

    path = outbox._database.path

    def page(host: str, port: int) -> OutboxPage:
        return OutboxPage(path, host, port, allow_remote=given.allow_remote)

    web.stop_on_sigterm()
    with web.started(page, given, WEB_PORT) as served:
        # A signal may come as soon as the page's address is told.
        with contextlib.suppress(KeyboardInterrupt):
            print(f"{harmless(str(path))} is shown on {served.url} (Ctrl-C ends that)", flush=True)
            threading.Event().wait()
    return exit_code.OK


ACTIONS: dict[str, Callable[[Outbox, argparse.Namespace], int]] = {
    "run": _send,
    "status": _status,
    "show": _show,
    "dead": _dead,
    "retry": _retry,
    "cancel": _cancel,
    "purge": _purge,
    "export": _export,
    "serve": _serve,
}
_LOOKING = ("status", "show", "dead", "export", "serve")
