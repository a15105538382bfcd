"""The addresses of an outbox that get no more mail, and the reports that say which."""

from __future__ import annotations

import time
from typing import Any

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._mailer.rules import folded_address
from rsmtp.outbox import bounced
from rsmtp.outbox.bounced import Bounced
from rsmtp.outbox.messages import Messages


@public
class Suppressing(Messages):
    def suppress(self, address: str, why: str = "suppressed") -> None:
        """Suppresses an address that has bounced, or wants no mail: mailers with this outbox as
        `suppression` send it nothing more. Receipts show `why`. Raises ValueError for text that is not
        an address."""
        why, folded = arguments.text("why", why), folded_address("address", address)
        with self._database.writing() as connection:
            bounced.suppress(connection, folded, why, time.time())

    def unsuppress(self, address: str) -> bool:
        """The address gets mail again. Returns False if it was not suppressed."""
        folded = folded_address("address", address)
        with self._database.writing() as connection:
            gone = connection.execute("DELETE FROM outbox_suppression WHERE address = ?", (folded,))
            return gone.rowcount > 0

    def suppressions(self) -> dict[str, str]:
        """The suppressed addresses, and why each is suppressed."""
        with self._database.reading() as connection:
            return dict(connection.execute("SELECT address, why FROM outbox_suppression ORDER BY address"))

    def _why_suppressed(self, folded: str) -> str | None:
        with self._database.reading() as connection:
            query = "SELECT why FROM outbox_suppression WHERE address = ?"
            found = connection.execute(query, (folded,)).fetchone()
            return None if found is None else found[0]

    def bounced(self, message: Any, *, verp: rsmtp.Verp | None = None) -> Bounced | None:
        """Applies a report that came back: an `rsmtp.Bounce`, or anything that `rsmtp.bounce` takes.
        None: it is not a report.

        The message is found by the sender that a `Verp` gave it, else by its Message-ID or its ENVID. A
        recipient that failed according to the report becomes `refused`, the report's text is added to
        the message's history, and an address that should get no more mail (the mailbox does not exist,
        or its owner complained) is suppressed.

        Args:
            verp: the one the mailer has. A report that was not sent to one of its addresses may be
                forged, and is then not applied. Without it, anyone who knows a message's Message-ID can
                get its recipient suppressed.
        """
        from rsmtp._bounces.reading import bounce
        from rsmtp._bounces.result import Bounce

        found = message if isinstance(message, Bounce) else bounce(message)
        return None if found is None else bounced.apply(self._database, found, verp)
