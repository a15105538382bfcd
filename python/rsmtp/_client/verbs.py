"""The methods of both clients: what each one sends, and how it interprets the reply."""

from rsmtp._client.commands import Commands
from rsmtp._client.securing import Securing
from rsmtp._client.transaction import Transaction


class Verbs(Commands, Securing, Transaction):
    """All methods, each as a script (`script.py`)."""
