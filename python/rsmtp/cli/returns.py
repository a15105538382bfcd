"""Bounces and the outbox that they belong to: for `rsmtp bounce` and `rsmtp catch`."""

from __future__ import annotations

import os

from rsmtp.cli.exit_code import NO_INPUT, USAGE, Stop
from rsmtp.cli.reading import expect_file
from rsmtp.outbox import Outbox, OutboxError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from rsmtp import Verp

SECRET = "RSMTP_VERP_SECRET"


def add_verp(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--verp",
        metavar="ADDRESS",
        help=f"the address of Mailer(verp=Verp(...)), its secret in {SECRET}: a report that was not sent to "
        "one of its senders may be forged, and marks nothing",
    )


def verp_from(given: argparse.Namespace) -> Verp | None:
    if given.verp is None:
        return None
    from rsmtp import Verp

    if not (secret := os.environ.get(SECRET)):
        raise Stop(USAGE, f"--verp: the environment variable {SECRET} is not set")
    try:
        return Verp(given.verp, secret)
    except ValueError as error:
        raise Stop(
            USAGE, str(error).replace("address:", "--verp:").replace("secret:", f"{SECRET}:")
        ) from None


def outbox_of(path: str) -> Outbox:
    """An existing outbox. Raises Stop."""
    expect_file(path)
    try:
        return Outbox(path)
    except OutboxError as error:
        raise Stop(NO_INPUT, str(error)) from None
