"""``rsmtp send``: one message, and what became of it."""

from __future__ import annotations

import sys

from rsmtp._mailer.server_urls import is_scheme
from rsmtp._rsmtp import Receipt, _before_warning
from rsmtp.cli import compose, delivery, exit_code, server, signing
from rsmtp.cli.compose import Outgoing
from rsmtp.cli.exit_code import Stop
from rsmtp.cli.explain import advised, explain
from rsmtp.cli.secret import with_password
from rsmtp.cli.server import Target
from rsmtp.cli.terminal import Style, harmless, tell_fates
from rsmtp.display.short import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any, NoReturn

    from rsmtp.cli.plain import Declares

DESCRIPTION = """\
Send one message: one that is built from the flags, or a ready one from a file or from standard
input. It prints what became of every recipient, and the server's queue id.

The password comes from RSMTP_URL, from RSMTP_PASSWORD or from the keyring (pip install
'rsmtp[keyring]'; keyring set HOST USER), or you are asked for it. There is no argument for it,
because every user of the machine can read the arguments of a command.
"""

EXAMPLES = """\
examples:
  rsmtp send --server smtp://ann@smtp.example.com --from "Ann <ann@example.com>" \\
             --to bob@example.org --subject Report --text "See the file." --attach report.pdf
  rsmtp send --host localhost --port 1025 --tls none --from me@x.org --to you@x.org < text.txt
  rsmtp send --provider gmail --username ann@gmail.com --to bob@example.org --text "From my mailbox."
  rsmtp send message.eml                      with RSMTP_URL and RSMTP_PASSWORD set
  generate-mail | rsmtp send --envelope-from bounces@example.com -
  rsmtp send --to bob@example.org --text "Told." --notify success,failure --envid invoice/7
  rsmtp send --dry-run --from me@x.org --to you@x.org --html-file page.html --text "In short: ..."
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser], summary: str) -> None:
    from rsmtp.cli.help_text import HelpText

    parser = commands.add_parser(
        "send",
        help=summary,
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n{exit_code.TABLE}",
        formatter_class=HelpText,
    )
    declare(parser)


def declare(parser: Declares) -> None:
    compose.add_arguments(parser)
    delivery.add_arguments(parser)
    server.add_arguments(parser)
    signing.add_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="send nothing; show envelope and message")
    parser.add_argument("--preview", action="store_true", help="send nothing; show it in a browser")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show the conversation; secrets are masked"
    )
    parser.add_argument("--password", action=no_password, nargs="?")
    parser.set_defaults(run=run)


def _no_password(**declared: Any) -> argparse.Action:
    """Tells a user who tries --password how to give the password."""
    import argparse

    class NoPassword(argparse.Action):
        def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
            parser.error(
                "there is no --password: arguments can be read by every user of this machine (ps). Set "
                "RSMTP_PASSWORD, or leave it out to be asked"
            )

    return NoPassword(**declared, help=argparse.SUPPRESS)


no_password: Any = _no_password  # as `rsmtp.cli.one_name`


def run(given: argparse.Namespace) -> int:
    scheme, is_url, _ = (given.file or "").partition("://")
    if is_url and is_scheme(scheme):
        # The URL is not shown, because it may contain a password.
        raise Stop(exit_code.USAGE, "FILE is a message, not a URL: name the server by --server URL")
    shown_only = given.dry_run or given.preview
    try:
        target = server.from_arguments(given)
    except Stop:
        if not shown_only or given.server or given.host:
            raise
        target = None
    username = given.username if target is None else target.username
    outgoing = compose.compose(given, username)
    if (asked := delivery.from_arguments(given, outgoing.envelope)) is not None:
        outgoing.ask(asked)
    if (dkim := signing.from_arguments(given, outgoing)) is not None:
        outgoing.sign(dkim)
    if given.dry_run:
        show(outgoing, target)
    if given.preview:
        preview(outgoing)
    if shown_only or target is None:
        return exit_code.OK
    return send(outgoing, target, verbose=given.verbose)


def show(outgoing: Outgoing, target: Target | None) -> None:
    """Prints the envelope and the message as they would be sent."""
    style, octets = Style(), outgoing.octets
    facts = [("server", str(target))] if target is not None else []
    asked = outgoing.asked
    mail, rcpt = ([], {}) if asked is None else (asked.mail_options, asked.rcpt_options)
    facts += [("from", " ".join([outgoing.envelope.sender or "<>", *mail]))]
    facts += [("to", " ".join([to, *rcpt.get(to, [])])) for to in outgoing.envelope.recipients]
    facts += [("size", counted(len(octets), "octet")), ("sent", "nothing: a dry run")]
    for name, value in facts:
        print(f"{style('dim', name.ljust(8))}{harmless(value)}")
    print()
    for line in octets.decode("utf-8", "replace").splitlines():
        print(harmless(line))


def preview(outgoing: Outgoing) -> None:
    """Shows the message in a browser, as the recipient would see it."""
    from rsmtp.email import message_from_bytes

    message = outgoing.message if outgoing.raw is None else message_from_bytes(outgoing.octets)
    print(f"the message as a page: {message.preview().open()}")


def send(outgoing: Outgoing, target: Target, *, verbose: bool) -> int:
    place, target = target.place, with_password(target)
    heed_warnings()
    if verbose:
        for name in ("rsmtp.smtp", "rsmtp.tls"):
            heed(name, "DEBUG")
    try:
        with target.mailer() as mailer:
            receipt = mailer.send(outgoing.sendable, check=False)
    except (OSError, ValueError) as error:
        raise Stop(exit_code.of(error), explain(error, place)) from None
    tell_fates(lambda: report(receipt))
    try:
        receipt.raise_for_refused()
    except (OSError, ValueError) as error:
        raise Stop(exit_code.of(error), explain(error, place)) from None
    return exit_code.OK


def report(receipt: Receipt) -> None:
    """Prints the result for each recipient, and the identifier in the server's log."""
    style = Style()
    colours = {"sent": "good", "refused": "bad", "unknown": "doubtful", "not sent": "dim"}
    for recipient in receipt.recipients:
        fate = style(colours[recipient.fate], recipient.fate.ljust(8))
        words = "" if recipient.code is None else f"{recipient.code} {recipient.text or ''}"
        words = " ".join(words.split("\n"))
        print(f"{fate}  {harmless(recipient.address)}  {harmless(words)}".rstrip())
        for line in advised(recipient, " " * 10):
            print(line)
    if receipt.queue_id:
        print(f"queue id {harmless(receipt.queue_id)}")
    if receipt.options_left_out:
        print(left_out(receipt))


def left_out(receipt: Receipt) -> str:
    """The extensions whose options the message went without."""
    return f"left out {', '.join(receipt.options_left_out)}: the server does not offer it"


def heed_warnings() -> None:
    """Shows warnings on standard error. `logging` is loaded when there is one."""

    def set_up() -> None:
        heed("rsmtp.mail", "WARNING", "rsmtp: %(message)s")

    if "logging" in sys.modules:
        set_up()
    else:
        _before_warning(set_up)


def heed(name: str, level: str, line: str = "%(message)s") -> None:
    """Shows log messages on standard error: a retry, a silent server, the conversation. The engine
    masks secrets."""
    import logging

    class Harmless(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return harmless(super().format(record))

    handler = logging.StreamHandler()
    handler.setFormatter(Harmless(line))
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    logger.setLevel(level)
