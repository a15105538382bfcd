"""`Outbox`: a queue of messages in a file. Each is sent once, even if a process dies half-way."""

from rsmtp.outbox.bounced import Applied, Bounced
from rsmtp.outbox.by_hand import Changed
from rsmtp.outbox.database import OutboxError
from rsmtp.outbox.entry import Entry, Event, History
from rsmtp.outbox.outbox import Outbox
from rsmtp.outbox.owner import Ran
from rsmtp.outbox.putting import KeyInUse

__all__ = [
    "Applied",
    "Bounced",
    "Changed",
    "Entry",
    "Event",
    "History",
    "KeyInUse",
    "Outbox",
    "OutboxError",
    "Ran",
]
