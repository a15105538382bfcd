"""An invitation, a change of its date by a day, and its cancellation. RSMTP_URL names the server."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import rsmtp

mailer, people = rsmtp.Mailer(), {"from_": "ann@example.org", "to": ["bob@example.com"]}
start = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo("Europe/Berlin"))
invite = rsmtp.Invite(summary="Planning", start=start, duration=timedelta(hours=1), location="Room 7")
mailer.send(rsmtp.Message(calendar=invite, **people))
mailer.send(rsmtp.Message(calendar=(moved := invite.update(start=start + timedelta(days=1))), **people))
mailer.send(rsmtp.Message(calendar=moved.cancel(), **people))
