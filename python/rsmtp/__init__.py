"""How Python sends email: smtplib's and email.mime's shapes over a Rust engine."""

from rsmtp._rsmtp import Message, __version__, formataddr

__all__ = ["Message", "__version__", "formataddr"]
