"""Composes the message from flags, from a file, or from standard input."""

from __future__ import annotations

from rsmtp import Message
from rsmtp._client import outgoing
from rsmtp._client.outgoing import Paths
from rsmtp._rsmtp import Dkim, RenderedMessage, _envelope_addresses
from rsmtp.cli.exit_code import DATA, USAGE, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from rsmtp import Envelope
    from rsmtp.cli.plain import Declares

# Flags that compose a message, and so can't be combined with a complete one.
_FLAGS = (
    "from",
    "to",
    "cc",
    "bcc",
    "reply_to",
    "subject",
    "text",
    "html",
    "attach",
    "text_file",
    "html_file",
)


def add_arguments(parser: Declares) -> None:
    parser.add_argument(
        "file", nargs="?", metavar="FILE", help="a ready message (.eml), sent unchanged; - for standard input"
    )
    group = parser.add_argument_group("message (without FILE)")
    group.add_argument(
        "--from", metavar="ADDRESS", help='"Ann <ann@example.org>"; default: --username if it is an address'
    )
    for name in ("to", "cc", "bcc"):
        group.add_argument(f"--{name}", metavar="ADDRESS", action="append", help="can be repeated")
    group.add_argument("--reply-to", metavar="ADDRESS")
    group.add_argument("--subject")
    group.add_argument("--text", help="default: standard input, unless there is HTML")
    group.add_argument("--text-file", metavar="PATH", help="text from a file (UTF-8); - for standard input")
    group.add_argument("--html", help="in addition to the text, or alone")
    group.add_argument("--html-file", metavar="PATH", help="HTML from a file (UTF-8); - for standard input")
    group.add_argument("--attach", metavar="PATH", action="append", help="can be repeated")
    group = parser.add_argument_group("envelope (default: the addresses in the message)")
    group.add_argument("--envelope-from", metavar="ADDRESS", help="the address that gets failure reports")
    group.add_argument("--envelope-to", metavar="ADDRESS", action="append", help="can be repeated")


class Outgoing:
    """A message and its envelope, ready to be sent. `raw` is the content for the server, if it differs
    from the message's own rendering; of a ready one, `message` is the header alone."""

    def __init__(self, envelope: Paths, message: Any, raw: bytes | RenderedMessage | None = None) -> None:
        self.envelope = envelope
        self.message = message
        self.raw = raw
        self.asked: Envelope | None = None

    @property
    def domain(self) -> str | None:
        """The domain of the From address."""
        found = _addresses("From", str(self.message["From"] or ""))
        return found[0].rpartition("@")[2] or None

    def ask(self, asked: Envelope) -> None:
        """Sets the delivery options. Raises Stop."""
        if asked.tls_optional:
            # This option is a field of the message, so it is added before the message is signed.
            if self.raw is not None:
                raise Stop(
                    USAGE,
                    "--tls-optional is a field of the message (TLS-Required: No), and FILE is sent as it is: "
                    "write the field there",
                )
            from rsmtp._client.enveloped import with_field

            self.message = with_field(self.message, asked)
            from dataclasses import replace

            asked = replace(asked, tls_optional=False)
        self.asked = asked

    def sign(self, dkim: Dkim) -> None:
        """Signs the message. Raises Stop."""
        message = self.message if self.raw is None else self.raw
        try:
            self.raw = dkim.sign(message, utf8=self.envelope.needs_smtputf8)
        except (OSError, ValueError) as error:
            raise Stop(DATA, str(error)) from None

    @property
    def octets(self) -> bytes:
        if self.raw is not None:
            return bytes(self.raw)
        return bytes(outgoing.render(self.message, utf8=self.envelope.needs_smtputf8))

    @property
    def sendable(self) -> Any:
        """The message in the form that a `Mailer` takes."""
        data = self.message if self.raw is None else self.raw
        if self.asked is not None:
            return data, self.asked
        return self.envelope.sender, self.envelope.recipients, data


def compose(given: argparse.Namespace, user: str | None) -> Outgoing:
    """The message according to the arguments. Raises Stop."""
    return _made(given, user) if given.file is None else _ready(given)


def _ready(given: argparse.Namespace) -> Outgoing:
    """The file's message, unchanged so that signatures (DKIM, S/MIME) remain valid. Only Bcc is
    removed."""
    extra = [name for name in _FLAGS if getattr(given, name)]
    if extra:
        flag = extra[0].replace("_", "-")
        raise Stop(
            USAGE,
            f"--{flag} does not go with FILE, which is sent as it is; --envelope-from and --envelope-to say "
            "who sends and receives it",
        )
    data = _read(given.file, "FILE")
    if data.startswith(b"From "):
        data = data.partition(b"\n")[2]  # the line before the message in an mbox
    from rsmtp.email import message_from_bytes

    # The body may be large, and is neither read nor copied.
    header = data[: _end_of_header(data)]
    message = message_from_bytes(header)
    if not message.keys():
        raise Stop(DATA, f"FILE: {given.file} holds no message: it does not begin with header fields")
    kept = _without_bcc(header)
    if len(kept) < len(header):
        data = b"".join([kept, memoryview(data)[len(header) :]])
    return Outgoing(_envelope(given, message), message, data)


def _end_of_header(data: bytes) -> int:
    """Where the empty line begins."""
    import re

    found = re.search(rb"(?:\A|\r\n|\n|\r(?!\n))(?=[\r\n])", data)
    return found.end() if found else len(data)


def _without_bcc(header: bytes) -> bytes:
    """The header without its Bcc fields (RFC 5322 3.6.3), otherwise unchanged."""
    kept, in_bcc = [], False
    for line in header.splitlines(keepends=True):
        if line[:1] not in b" \t":
            in_bcc = line.partition(b":")[0].strip().lower() in (b"bcc", b"resent-bcc")
        if not in_bcc:
            kept.append(line)
    return b"".join(kept)


def _made(given: argparse.Namespace, user: str | None) -> Outgoing:
    sender = getattr(given, "from") or (user if user and "@" in user else None)
    if sender is None:
        raise Stop(USAGE, "who sends it? Say --from ADDRESS")
    recipients = [given.to, given.cc, given.bcc, given.envelope_to]
    if not any(recipients):
        raise Stop(USAGE, "there is no recipient: say --to ADDRESS, --cc or --bcc")
    for flag, values in (("from", [sender]), ("to", given.to), ("cc", given.cc), ("bcc", given.bcc)):
        for value in values or ():
            _addresses(f"--{flag}", value)
    text = _content(given, "text")
    html = _content(given, "html")
    if text is None and html is None:
        text = _decoded("standard input", _read("-"))
    try:
        message = Message(
            text,
            html=html,
            subject=given.subject,
            from_=sender,
            to=given.to,
            cc=given.cc,
            bcc=given.bcc,
            reply_to=given.reply_to,
            attachments=given.attach,
        )
    except OSError as error:
        from rsmtp.cli.reading import not_read

        raise not_read(error, attachments="--attach") from None
    except ValueError as error:
        raise Stop(DATA, by_flag(error)) from None
    return Outgoing(_envelope(given, message), message)


def by_flag(error: Exception) -> str:
    """What is told of an argument of Message's, by the name of its flag."""
    argument, _, why = str(error).partition(": ")
    if argument.removesuffix("_") in ("from", "to", "cc", "bcc", "reply_to", "subject"):
        return f"--{argument.removesuffix('_').replace('_', '-')}: {why}"
    return str(error)


def _envelope(given: argparse.Namespace, message: Any) -> Paths:
    to = [
        address for value in given.envelope_to or () for address in _addresses("--envelope-to", value)
    ] or None
    sender = given.envelope_from
    if sender:
        (sender, *others) = _addresses("--envelope-from", sender)
        if others:
            raise Stop(DATA, "--envelope-from: one address is wanted")
    try:
        return outgoing.envelope_of(message, sender, to)
    except ValueError as error:
        words = str(error)
    for argument, flag in (("from_addr", "--envelope-from ADDRESS"), ("to_addrs", "--envelope-to ADDRESS")):
        words = words.replace(f"and no {argument} was given", f"and no {flag} was given")
    raise Stop(DATA, words)


def _addresses(flag: str, text: str) -> list[str]:
    """The addresses in an argument. An ambiguous text is refused."""
    try:
        found = _envelope_addresses(flag, text)
    except ValueError as error:
        found, why = [], str(error).rpartition("(RFC 5322 3.4)")[2]
    else:
        why = ""
    if not found:
        raise Stop(DATA, f"{flag}: {text!r} is not an address such as ann@example.com{why}")
    return found


def _content(given: argparse.Namespace, kind: str) -> str | None:
    direct, path = getattr(given, kind), getattr(given, f"{kind}_file")
    if direct is not None and path is not None:
        raise Stop(USAGE, f"--{kind} and --{kind}-file both say what stands in it: leave one of them out")
    if path is None:
        assert direct is None or isinstance(direct, str)
        return direct
    return _decoded(f"--{kind}-file", _read(path, f"--{kind}-file"))


def _decoded(source: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Stop(DATA, f"{source}: octet {error.start} is not UTF-8") from None


def _read(path: str, argument: str = "") -> bytes:
    # Most messages are made from flags alone, and need no file.
    from rsmtp.cli.reading import octets_of

    return octets_of(path, argument)
