"""Helpers for addresses, dates and parameters: `email.utils`."""

from email.utils import *  # noqa: F403
