"""How Python sends email: smtplib's and email.mime's shapes over a Rust engine."""

import importlib
from types import ModuleType

from rsmtp import errors
from rsmtp._rsmtp import (
    Catcher,
    Message,
    Receipt,
    Recipient,
    TlsConfig,
    TlsFacts,
    TranscriptLine,
    __version__,
    formataddr,
)
from rsmtp.client import SmtpClient, Transcript
from rsmtp.errors import *  # noqa: F403
from rsmtp.mailer import Mailer
from rsmtp.progress import Progress
from rsmtp.report import Report

__all__ = [
    "Catcher",
    "Mailer",
    "Message",
    "Progress",
    "Receipt",
    "Recipient",
    "Report",
    "SmtpClient",
    "TlsConfig",
    "TlsFacts",
    "Transcript",
    "TranscriptLine",
    "__version__",
    "errors",
    "formataddr",
    *errors.__all__,
]


def __getattr__(name: str) -> ModuleType:
    """The mirrors are there as attributes too, and are loaded when first asked for."""
    if name in ("smtplib", "email"):
        return importlib.import_module(f"rsmtp.{name}")
    raise AttributeError(f"module 'rsmtp' has no attribute {name!r}")
