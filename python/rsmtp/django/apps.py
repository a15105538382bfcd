"""What "rsmtp.django" in INSTALLED_APPS brings: the management command `rsmtp_outbox`."""

from django.apps import AppConfig


class RsmtpConfig(AppConfig):  # type: ignore[misc]  # Django has no annotations
    name = "rsmtp.django"
    label = "rsmtp"
    verbose_name = "Mail by rsmtp"
