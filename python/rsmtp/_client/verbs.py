"""What each verb asks and what its answer means, for the blocking and the asyncio client."""

from rsmtp._client.commands import Commands
from rsmtp._client.securing import Securing
from rsmtp._client.transaction import Transaction


class Verbs(Commands, Securing, Transaction):
    """All of them, each as a script (`script.py`)."""
