"""The delivery options from flags, as an `rsmtp.Envelope`."""

from __future__ import annotations

from rsmtp.cli.exit_code import USAGE, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    import re
    from datetime import datetime
    from typing import Any

    from rsmtp import Envelope
    from rsmtp._client.outgoing import Paths
    from rsmtp.cli.plain import Declares

# The flags, by their names in Python.
_FLAGS = (
    "notify", "orcpt", "ret", "envid", "require_tls", "tls_optional", "hold_for", "hold_until",
    "deliver_by", "or_return", "priority", "valid_since", "binary", "xverp",
    "if_offered",
)  # fmt: skip
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_arguments(parser: Declares) -> None:
    group = parser.add_argument_group("delivery (what the server does not offer is refused, nothing is sent)")
    group.add_argument(
        "--notify",
        metavar="EVENTS",
        help="ask for notices of success, failure and delay (separated by commas), or never (RFC 3461)",
    )
    group.add_argument("--ret", choices=("full", "headers"), help="what a notice of failure contains")
    group.add_argument("--envid", metavar="ID", help="identifies the message in notices")
    group.add_argument(
        "--orcpt", metavar="ADDRESS", help="the original recipient, if the message has a single recipient"
    )
    group.add_argument(
        "--require-tls",
        action="store_true",
        help="verified TLS all the way, or return it (RFC 8689)",
    )
    group.add_argument(
        "--tls-optional", action="store_true", help="deliver it even where TLS fails (TLS-Required: No)"
    )
    group.add_argument(
        "--hold-for", metavar="TIME", type=_duration, help="send it later: 90, 30m, 2h, 1d (RFC 4865)"
    )
    group.add_argument(
        "--hold-until",
        metavar="DATE",
        type=_date,
        help="send it at 2026-12-24T08:00, in this machine's time zone, or with +01:00 or Z",
    )
    group.add_argument(
        "--deliver-by",
        metavar="TIME",
        type=_duration,
        help="ask for a notice if it takes longer: 90, 30m, 2h, 1d (RFC 2852)",
    )
    group.add_argument(
        "--or-return", action="store_true", help="with --deliver-by: return it undelivered after that time"
    )
    group.add_argument(
        "--priority", metavar="N", type=int, help="from -9 to 9, for the servers on the way (RFC 6710)"
    )
    group.add_argument(
        "--valid-since",
        metavar="DATE",
        type=_date,
        help="do not deliver to addresses that have changed owner since (RFC 7293)",
    )
    group.add_argument(
        "--binary", action="store_true", help="send attachments without base64 (BINARYMIME, RFC 3030)"
    )
    group.add_argument(
        "--xverp",
        metavar="DELIMITERS",
        help="have Postfix make a sender for each recipient: += makes you+bob=example.org@example.com",
    )
    group.add_argument(
        "--if-offered",
        action="store_true",
        help="send it without notices, priority and dates if the server does not offer them",
    )


def from_arguments(given: argparse.Namespace, paths: Paths) -> Envelope | None:
    """The envelope according to the flags, or None if there are no such flags. Raises Stop."""
    if not any(getattr(given, name) not in (None, False) for name in _FLAGS):
        return None
    if given.or_return and given.deliver_by is None:
        raise Stop(USAGE, "--or-return goes with --deliver-by, the time after which the message comes back")
    if given.orcpt is not None and len(paths.recipients) != 1:
        raise Stop(USAGE, "--orcpt is of one recipient, and there are several: send it to each by itself")
    try:
        return _made(given, paths)
    except ValueError as error:
        raise Stop(USAGE, _by_flags(str(error))) from None


def _made(given: argparse.Namespace, paths: Paths) -> Envelope:
    import re

    from rsmtp import DeliverBy, Dsn, Envelope, Rcpt

    notify: Any = None
    if given.notify is not None:
        notify = [event for event in re.split(r"[,\s]+", given.notify) if event]
    dsn = None
    if not (notify is None and given.ret is None and given.envid is None):
        dsn = Dsn(notify=notify, ret=given.ret, envid=given.envid)
    # A recipient's own options replace the message's, so they contain both.
    own = Dsn(notify=notify, orcpt=given.orcpt) if given.orcpt is not None else None
    by = given.deliver_by
    return Envelope(
        paths.sender,
        [Rcpt(address, dsn=own, valid_since=given.valid_since) for address in paths.recipients],
        dsn=dsn,
        require_tls=given.require_tls,
        tls_optional=given.tls_optional,
        hold_for=given.hold_for,
        hold_until=given.hold_until,
        deliver_by=DeliverBy(by, "return") if given.or_return else by,
        priority=given.priority,
        binary=given.binary,
        xverp=given.xverp,
        if_offered=given.if_offered,
    )


def _by_flags(words: str) -> str:
    """Replaces the names of arguments by those of flags."""
    import re

    words = re.sub(rf"\b({'|'.join(name for name in _FLAGS if '_' in name)})\b", _flag, words)
    return words if words.startswith("--") else f"--{words}"


def _flag(found: re.Match[str]) -> str:
    return f"--{found[0].replace('_', '-')}"


def _duration(text: str) -> float:
    import argparse
    import re

    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd]?)", text.strip().lower())
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time such as 90 (seconds), 30m (minutes), 2h (hours), 1d (days)"
        )
    return float(found[1]) * _UNITS[found[2] or "s"]


def _date(text: str) -> datetime:
    import argparse
    from datetime import datetime

    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no date such as 2026-12-24T08:00 or 2026-12-24T08:00+01:00"
        ) from None
