"""What each verb asks and what its answer means, for the blocking and the asyncio client."""

from rsmtp.verbs.commands import Commands
from rsmtp.verbs.securing import Securing
from rsmtp.verbs.transaction import Transaction


class Verbs(Commands, Securing, Transaction):
    """All of them, each as a script (`script.py`)."""
