"""The app for INSTALLED_APPS. It adds the management command `rsmtp_outbox`; `migrate` creates an
outbox's tables in the project's database."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RsmtpConfig(AppConfig):  # type: ignore[misc]  # Django has no annotations
    name = "rsmtp.django"
    label = "rsmtp"
    verbose_name = "Mail by rsmtp"

    def ready(self) -> None:
        post_migrate.connect(_make_tables, sender=self)


def _make_tables(using: str, **_: Any) -> None:
    from rsmtp.django.outbox_backend import make_tables

    make_tables(using)
