"""The figures of the README, and the place where they stand there."""

import re
import textwrap
from pathlib import Path

from tables import Rounds, median

BEGIN, END = "<!-- figures of docs/performance.md -->\n", "<!-- end of figures -->\n"


def sentences(cold: Rounds, near: Rounds, far: Rounds) -> str:
    """One message from a cold start, one message after the other, and a stream."""
    script = _seconds(cold, "rsmtp.smtplib + rsmtp.email") / _seconds(cold, "smtplib + email")
    one_by_one = _times(near, "rsmtp.smtplib")
    stream, distant = _times(near, "rsmtp.Mailer.send_all"), _times(far, "rsmtp.Mailer.send_all")
    text = (
        f"**It is fast.** A script that sends one message takes {script:.2f} of the time that it takes with "
        f"smtplib, from the start of Python to its end, once its imports are changed. Sending one message "
        f"after the other, it reaches {one_by_one:.1f} times smtplib's rate on loopback. Sending a stream "
        f"with `Mailer`, it reaches {stream:,.0f} times that rate, and {distant:,.0f} times over a link with "
        f"20 ms of latency, because no message waits for the answer to the previous one."
    )
    return f"{textwrap.fill(f'- {text}', 118, subsequent_indent='  ')}\n"


def write(page: Path, text: str) -> None:
    """Puts the sentences where the marks are."""
    marked = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    written, places = marked.subn(lambda _: f"{BEGIN}{text}{END}", page.read_text(encoding="utf-8"))
    if places != 1:
        raise ValueError(f"{page}: the place for the figures is marked {places} times")
    page.write_text(written, encoding="utf-8")


def _seconds(results: Rounds, peer: str) -> float:
    return median(wall for wall, _ in results[peer])


def _times(results: Rounds, peer: str) -> float:
    return _seconds(results, "smtplib") / _seconds(results, peer)
