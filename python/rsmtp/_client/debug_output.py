"""smtplib's debug output: prints the conversation to standard error as it happens."""

from __future__ import annotations

import sys

from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import TranscriptLine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
else:
    later(globals(), "Callable")


@public
class DebugOutput:
    """The debug output that `set_debuglevel` turns on."""

    debuglevel: int = 0

    def __init__(self) -> None:
        # Lines of a reply whose debug output is not complete.
        self._rsmtp_debugged: list[str] = []

    def set_debuglevel(self, debuglevel: int) -> None:
        """1 prints the conversation to standard error as smtplib does, 2 with
        times; secrets are masked. 0 prints nothing."""
        self.debuglevel = debuglevel

    def _print_debug(self, *args: object) -> None:
        if self.debuglevel > 1:
            import datetime

            print(datetime.datetime.now().time(), *args, file=sys.stderr)
        else:
            print(*args, file=sys.stderr)

    def _rsmtp_observe(self, line: TranscriptLine) -> None:
        if line.direction == "C":
            self._print_debug("send:", repr(line.text + "\r\n"))
        elif line.direction == "S":
            self._print_debug("reply:", repr(f"{line.text}\r\n".encode()))
            self._rsmtp_debugged.append(line.text[4:].strip())
            if line.text[3:4] != "-":
                text = "\n".join(self._rsmtp_debugged).encode()
                self._print_debug(f"reply: retcode ({line.text[:3]}); Msg: {text!a}")
                self._rsmtp_debugged = []

    @property
    def _rsmtp_observer(self) -> Callable[[TranscriptLine], None] | None:
        return self._rsmtp_observe if self.debuglevel > 0 else None
