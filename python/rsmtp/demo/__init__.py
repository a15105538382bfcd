"""``rsmtp demo``: the example script against a local server, and what was said."""

import argparse
import os
import runpy
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rsmtp import Catcher, SmtpClient, TranscriptLine
from rsmtp._rsmtp import CaughtMessage
from rsmtp.cli.help_text import HelpText
from rsmtp.display.short import counted

DESCRIPTION = """\
Run the example script against a local server of its own: STARTTLS, AUTH, one message.
Then show the conversation, state by state. Nothing leaves this machine.
"""
EXAMPLES = """\
examples:
  rsmtp demo                    in the terminal
  rsmtp demo --preview          and in a browser, the state machine as a picture
"""
SCRIPT = Path(__file__).with_name("send_email.py")


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    parser = commands.add_parser(
        "demo",
        help=summary,
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=HelpText,
    )
    parser.add_argument(
        "--preview",
        action="store_true",
        help="show it in a browser, too: the state machine, the conversation, the message",
    )
    parser.set_defaults(run=demo)


def demo(given: argparse.Namespace) -> int:
    # One command and one reply at a time, as every explanation of SMTP shows it.
    with Catcher(require_auth=True, mechanisms=["LOGIN"], without=["PIPELINING", "CHUNKING"]) as catcher:
        print(f"A local mail server listens on {catcher.host}:{catcher.port}.")
        print(f"Running {SCRIPT.name} against it:\n")
        globals_ = _run_script(catcher)
        server = globals_.get("server")
        if server is None:
            print("no connection was made", file=sys.stderr)
            return 1
        print("\nWhat was said (C: the script, S: the server), and the state that it led to:\n")
        print("\n".join(_by_state(server.transcript, server.state)))
        print(f"\nPath through the state machine:\n{_path(server.transcript, server.state)}\n")
        for message in catcher.messages:
            facts = (
                f"{message.mail_from} to {', '.join(message.rcpt_tos)}, {counted(len(message.data), 'octet')}"
            )
            print(f"The server has received: {message.email['Subject']!r} from {facts}.")
        if catcher.messages:
            print("\n".join(_in_one_turn(catcher.messages[0])))
        if given.preview:
            print(f"The same as a page: {_preview(server, catcher)}")
        else:
            print("rsmtp demo --preview shows it in a browser, the state machine as a picture.")
        return 0 if catcher.messages else 1


def _in_one_turn(message: CaughtMessage) -> Iterator[str]:
    """The same message with a server that offers PIPELINING and CHUNKING, as most do."""
    yield (
        "\nThat took four round trips for the message alone: MAIL, RCPT, DATA and the content each waited for"
        "\na reply. Most servers offer PIPELINING and CHUNKING: then all of it goes out at once, in one round"
        " trip:\n"
    )
    with Catcher(tls="none") as catcher, SmtpClient(catcher.host, catcher.port) as client:
        client.ehlo()
        client.sendmail(message.mail_from, message.rcpt_tos, message.data)
        lines = list(client.transcript)
    first = next(at for at, line in enumerate(lines) if line.text.lower().startswith("mail from"))
    yield from (
        f"    {line.at * 1000:7.1f} ms  {line.direction}: {line.text}"
        for line in lines[first:]
        if line.direction != "*" and not line.text.lower().startswith(("quit", "221"))
    )
    yield ""


def _preview(server: Any, catcher: Catcher) -> Path:
    from rsmtp.display import client, message, preview, transcript

    received = [message.rich(caught.email) for caught in catcher.messages]
    return preview.show("rsmtp demo", client.rich(server), transcript.rich(server.transcript), *received)


def _run_script(catcher: Catcher) -> dict[str, Any]:
    """Runs the script with the server's settings where it looks for them."""
    settings = {
        "SMTP_HOST": "localhost",
        "SMTP_PORT": str(catcher.port),
        "SMTP_USER": catcher.username,
        "SMTP_PASSWORD": catcher.password,
        # The server's certificate is signed by a CA of its own.
        "SSL_CERT_FILE": catcher.ca_file,
    }
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update({name: value for name, value in settings.items() if value})
    try:
        return runpy.run_path(str(SCRIPT), run_name="__main__")
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _by_state(lines: Iterable[TranscriptLine], last: str) -> Iterator[str]:
    state = None
    for line in lines:
        if line.state != state:
            state = line.state
            yield f"[{state}]"
        mark = "   " if line.direction == "*" else f"{line.direction}: "
        yield f"    {line.at * 1000:7.1f} ms  {mark}{line.text}"
    yield f"[{last}]"


def _path(lines: Iterable[TranscriptLine], last: str) -> str:
    path: list[str] = []
    for state in (*(line.state for line in lines), last):
        if not path or path[-1] != state:
            path.append(state)
    return " -> ".join(path)
