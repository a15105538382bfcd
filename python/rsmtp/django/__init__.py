"""Django's mail, sent by rsmtp: `EMAIL_BACKEND = "rsmtp.django.EmailBackend"`, or the same name
as the BACKEND of one of MAILERS. `OutboxBackend` writes the messages into an outbox instead."""

from rsmtp.django.backend import EmailBackend
from rsmtp.django.outbox_backend import OutboxBackend

__all__ = ["EmailBackend", "OutboxBackend"]
