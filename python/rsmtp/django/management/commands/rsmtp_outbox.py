"""`manage.py rsmtp_outbox`: `rsmtp outbox` with the project's settings."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from django.core import mail
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rsmtp.cli import outbox
from rsmtp.cli.exit_code import Stop
from rsmtp.django.outbox_backend import OutboxBackend


class Command(BaseCommand):  # type: ignore[misc]
    help = "Sends what waits in the outbox of rsmtp.django.OutboxBackend, and looks after it."

    def add_arguments(self, parser: CommandParser) -> None:
        outbox.add_action(parser)
        outbox.add_choices(parser)
        parser.add_argument("--using", metavar="ALIAS", help="one of MAILERS (default: the default one)")

    def handle(self, *args: Any, **options: Any) -> None:
        backend, given = _backend(options["using"]), Namespace(**options)
        try:
            with outbox.told():
                outbox.check(given)
                if given.action == "run":
                    code = outbox.send_due(backend.outbox, backend.mailer, None, forever=given.forever)
                else:
                    code = outbox.ACTIONS[given.action](backend.outbox, given)
        except Stop as stop:
            raise CommandError(str(stop), returncode=stop.code) from None
        if code:
            sys.exit(code)


def _backend(alias: str | None) -> OutboxBackend:
    if hasattr(mail, "mailers"):
        backend = mail.mailers[alias or "default"]
    elif alias is None:
        backend = mail.get_connection()
    else:
        raise CommandError("--using: MAILERS came with Django 6.1")
    if not isinstance(backend, OutboxBackend):
        raise CommandError(
            f"the mail backend is {type(backend).__qualname__}, not rsmtp.django.OutboxBackend"
        )
    return backend
