"""How Python sends email: smtplib's and email.mime's shapes over a Rust engine."""

from rsmtp import errors
from rsmtp._rsmtp import Catcher, Message, TlsConfig, TlsFacts, TranscriptLine, __version__, formataddr
from rsmtp.client import SmtpClient, Transcript
from rsmtp.errors import *  # noqa: F403

__all__ = [
    "Catcher",
    "Message",
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
