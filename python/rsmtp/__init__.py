"""How Python sends email: smtplib's and email.mime's shapes over a Rust engine."""

from rsmtp._rsmtp import __version__

__all__ = ["__version__"]
