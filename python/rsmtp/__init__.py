"""How Python sends email: smtplib's and email.mime's shapes over a Rust engine."""

from rsmtp._rsmtp import Catcher, __version__

__all__ = ["Catcher", "__version__"]
