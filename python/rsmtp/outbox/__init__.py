"""`Outbox`: messages in a file, until they are sent. Each once, also where a process ends in
the middle."""

from rsmtp.outbox.bounced import Applied, Bounced
from rsmtp.outbox.database import OutboxError
from rsmtp.outbox.entry import Entry, Event, History
from rsmtp.outbox.outbox import KeyInUse, Outbox
from rsmtp.outbox.running import Ran

__all__ = ["Applied", "Bounced", "Entry", "Event", "History", "KeyInUse", "Outbox", "OutboxError", "Ran"]
