"""Exim, OpenSMTPD and Postfix, which pass on what they take, and return what the next server refuses.

Two catchers are the other servers: one at the port `far`, which refuses, and one at the port `home`,
which takes what comes back to home.test.
"""

from __future__ import annotations

import subprocess

from servers.bed import Bed, unavailable
from servers.others import Exim, OpenSmtpd

# Seconds after which they give up.
LIFETIME = 6


class _Returning:
    def __init__(self, far: int, home: int) -> None:
        self.far, self.home = far, home
        super().__init__()

    def words(self) -> dict[str, object]:
        return super().words() | {"FAR": self.far, "HOME": self.home, "LIFETIME": LIFETIME}

    def hurry(self) -> None:
        """Asks it to try again. Exim does each second."""


class ReturningExim(_Returning, Exim):
    config = "exim-returns.conf"

    def command(self) -> list[str]:
        return [*super().command(), "-q1s"]


class ReturningOpenSmtpd(_Returning, OpenSmtpd):
    config = "opensmtpd-returns.conf"

    def hurry(self) -> None:
        # By itself it would wait for 400 seconds.
        subprocess.run(self.in_root("/usr/sbin/smtpctl", "schedule", "all"), capture_output=True, timeout=20)


class ReturningPostfix(Bed):
    name = "postfix"

    def __init__(self, far: int, home: int) -> None:
        super().__init__()
        settings = {
            "transport_maps": f"inline:{{ home.test=smtp:[127.0.0.1]:{home} }}",
            "relay_domains": "home.test, far.test",
            "relay_transport": f"smtp:[127.0.0.1]:{far}",
            "delay_warning_time": "1s",
            "maximal_queue_lifetime": f"{LIFETIME}s",
            "queue_run_delay": "1s",
            # After one second, the attempt before could still hold its lock on the message. Postfix
            # puts off such a message for a minute.
            "minimal_backoff_time": "2s",
            "maximal_backoff_time": "2s",
        }
        path = self.root / "etc" / "main.cf"
        kept = [line for line in path.read_text().splitlines() if line.partition(" = ")[0] not in settings]
        path.write_text("\n".join([*kept, *(f"{name} = {value}" for name, value in settings.items()), ""]))
        self.port = self.ports["relay"]

    @staticmethod
    def unavailable() -> str | None:
        return unavailable()

    def hurry(self) -> None:
        """It tries every other second."""
