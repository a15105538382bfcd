"""How Python sends email: smtplib's and email.mime's shapes over a Rust engine."""

import importlib
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from rsmtp.aio import AsyncSmtpClient, send

__all__ = [
    "AsyncSmtpClient",
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
    "send",
    *errors.__all__,
]


def __getattr__(name: str) -> Any:
    """The mirrors are there as attributes too; they and what needs asyncio are loaded when
    first asked for."""
    if name in ("smtplib", "email"):
        return importlib.import_module(f"rsmtp.{name}")
    if name in ("AsyncSmtpClient", "send"):
        return getattr(importlib.import_module("rsmtp.aio"), name)
    raise AttributeError(f"module 'rsmtp' has no attribute {name!r}")
