"""``rsmtp send``: one message, and what became of it."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, NoReturn

from rsmtp.cli import compose, exit_code, server
from rsmtp.cli.compose import Outgoing
from rsmtp.cli.exit_code import Stop
from rsmtp.cli.explain import explain
from rsmtp.cli.secret import password_for
from rsmtp.cli.server import Server
from rsmtp.cli.terminal import Style, harmless

if TYPE_CHECKING:
    from rsmtp import SmtpClient

Refused = dict[str, tuple[int, bytes]]

DESCRIPTION = """\
Send one message: made from flags, a ready one from a file, or from standard input.
Prints what became of every recipient, and the server's queue id.

The password comes from RSMTP_PASSWORD, from RSMTP_URL, from the keyring (pip install
'rsmtp[keyring]'; keyring set HOST USER), or is asked for. There is no argument for it:
arguments can be read by everybody on the machine.
"""

EXAMPLES = """\
examples:
  rsmtp send --server smtp://ann@smtp.example.com --from "Ann <ann@example.com>" \\
             --to bob@example.org --subject Report --text "See the file." --attach report.pdf
  rsmtp send --host localhost --port 1025 --tls none --from me@x.org --to you@x.org < text.txt
  rsmtp send message.eml                      with RSMTP_URL and RSMTP_PASSWORD set
  generate-mail | rsmtp send --envelope-from bounces@example.com -
  rsmtp send --dry-run --from me@x.org --to you@x.org --html-file page.html --text "In short: ..."
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "send",
        help="send a message",
        description=DESCRIPTION,
        epilog=f"{EXAMPLES}\n{exit_code.TABLE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compose.add_arguments(parser)
    server.add_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="send nothing; show envelope and message")
    parser.add_argument("--preview", action="store_true", help="send nothing; show it in a browser")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the conversation, secrets masked")
    parser.add_argument("--password", action=NoPassword, nargs="?", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


class NoPassword(argparse.Action):
    """Whoever looks for it is told where passwords go."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        parser.error(
            "there is no --password: arguments can be read by every user of this machine (ps). Set "
            "RSMTP_PASSWORD, or leave it out to be asked"
        )


def run(given: argparse.Namespace) -> int:
    shown_only = given.dry_run or given.preview
    try:
        target = server.from_arguments(given)
    except Stop:
        if not shown_only or given.server or given.host:
            raise
        target = None
    user = given.user if given.user is not None or target is None else target.user
    outgoing = compose.compose(given, user)
    if given.dry_run:
        show(outgoing, target)
    if given.preview:
        preview(outgoing)
    if shown_only or target is None:
        return exit_code.OK
    return send(outgoing, Server(target.host, target.port, target.tls, user, target.password), given)


def show(outgoing: Outgoing, target: Server | None) -> None:
    """Envelope and message, as they would travel."""
    style, octets = Style(), outgoing.octets
    facts = [("server", str(target))] if target is not None else []
    facts += [("from", outgoing.envelope.sender or "<>")]
    facts += [("to", recipient) for recipient in outgoing.envelope.recipients]
    facts += [("size", f"{len(octets)} octets"), ("sent", "nothing: a dry run")]
    for name, value in facts:
        print(f"{style('dim', name.ljust(8))}{harmless(value)}")
    print()
    for line in octets.decode("utf-8", "replace").splitlines():
        print(harmless(line))


def send(outgoing: Outgoing, target: Server, given: argparse.Namespace) -> int:
    password = None if target.user is None else password_for(target)
    client = server.client(target, ca_file=given.ca_file, timeout=given.timeout)
    try:
        refused, answer = _converse(client, outgoing, target, password)
    except (OSError, ValueError) as error:
        _report_failure(outgoing, error)
        raise Stop(exit_code.of(error), explain(error, target)) from None
    finally:
        if given.verbose:
            print("\n".join(harmless(str(line)) for line in client.transcript), file=sys.stderr)
        client.close()
    _report(outgoing, refused, answer)
    if not refused:
        return exit_code.OK
    permanent = any(code >= 500 for code, _ in refused.values())
    return exit_code.NO_USER if permanent else exit_code.TRY_AGAIN


def _converse(
    client: SmtpClient, outgoing: Outgoing, target: Server, password: str | None
) -> tuple[Refused, str]:
    """Who was refused, and the server's answer to the message."""
    from rsmtp import SMTPConnectError

    code, text = client.connect(target.host, target.port)
    if code != 220:
        raise SMTPConnectError(code, text)
    if target.user is not None:
        client.login(target.user, password)
    refused = outgoing.send(client)
    # One reply for each command: the last line that was heard ends the transaction.
    answer = next(line.text for line in reversed(client.transcript) if line.direction == "S")
    client.quit()
    return refused, answer


def _report(outgoing: Outgoing, refused: Refused, answer: str) -> None:
    style = Style()
    for recipient in dict.fromkeys(outgoing.envelope.recipients):
        if recipient in refused:
            code, text = refused[recipient]
            _line(style("bad", "refused "), recipient, f"{code} {text.decode('utf-8', 'replace')}")
        else:
            _line(style("good", "sent    "), recipient, answer)
    if found := queue_id(answer):
        print(f"queue id {harmless(found)}")


def _report_failure(outgoing: Outgoing, error: BaseException) -> None:
    """What became of each recipient, where the message was under way."""
    style, fates = Style(), getattr(error, "fates", {})
    colours = {"sent": "good", "refused": "bad", "unknown": "doubtful", "not sent": "dim"}
    for recipient, fate in fates.items():
        code, text = getattr(error, "recipients", {}).get(recipient, ("", b""))
        _line(
            style(colours[fate], fate.ljust(8)),
            recipient,
            f"{code} {text.decode('utf-8', 'replace')}".strip(),
        )


def _line(fate: str, recipient: str, words: str) -> None:
    words = " ".join(words.split("\n"))
    print(f"{fate}  {harmless(recipient)}  {harmless(words)}".rstrip())


def queue_id(answer: str) -> str | None:
    """The server's name for the message, from its answer: each kind of server has its
    own way of saying it, and no RFC has one."""
    for pattern in (
        r"\bqueued as ([\w.-]+)",  # Postfix, Haraka
        r"\bid=([\w.-]+)",  # Exim
        r"^250 \S+ ([\w.-]+) Message accepted",  # Sendmail
        r"([\w.-]+) - gsmtp$",  # Gmail
    ):
        if match := re.search(pattern, answer, re.IGNORECASE):
            return match[1]
    return None


def preview(outgoing: Outgoing) -> None:
    """In a browser, as the recipient would see it."""
    outgoing.message.preview()
