"""Draws states.svg and round-trips.svg, which the page on the protocol shows.

    python docs/images/draw.py

Where each state stands is chosen here; which states there are is the engine's word.
"""

from pathlib import Path

from rsmtp._rsmtp import STATES

HERE = Path(__file__).parent
WIDE, HIGH = 118, 36
# Column and row of each state's box.
PLACES = {
    "connected": (0, 0), "rejected": (0, 1),
    "greeted": (1, 0), "ready": (2, 0), "securing": (3, 0),
    "authenticating": (2, 2), "authenticated": (1, 2), "secured": (3, 2),
    "mail": (1, 3), "recipients": (2, 3), "data": (3, 3),
    "closed": (0, 2), "broken": (0, 3),
}  # fmt: skip
REST = {"greeted", "ready", "secured", "authenticated"}


def middle(state):
    column, row = PLACES[state]
    return 30 + column * 205 + WIDE / 2, 30 + row * 95 + HIGH / 2


def box(state):
    x, y = middle(state)
    kind = "state rest" if state in REST else "state"
    return (
        f'<rect class="{kind}" x="{x - WIDE / 2}" y="{y - HIGH / 2}" width="{WIDE}" height="{HIGH}" rx="8"/>'
        f'<text x="{x}" y="{y + 4}" text-anchor="middle">{state}</text>'
    )


def arrow(source, target, label, shift=0):
    """A straight arrow from box to box; `shift` moves it aside, for one that comes back."""
    (x1, y1), (x2, y2) = middle(source), middle(target)
    if y1 == y2:
        way = 1 if x2 > x1 else -1
        x1, x2, y1, y2 = x1 + way * WIDE / 2, x2 - way * (WIDE / 2 + 2), y1 + shift, y2 + shift
        at = f'x="{(x1 + x2) / 2}" y="{y1 - 6}" text-anchor="middle"'
    elif x1 == x2:
        way = 1 if y2 > y1 else -1
        y1, y2, x1, x2 = y1 + way * HIGH / 2, y2 - way * (HIGH / 2 + 2), x1 + shift, x2 + shift
        side = -6 if shift < 0 else 6
        anchor = "end" if shift < 0 else "start"
        at = f'x="{x1 + side}" y="{(y1 + y2) / 2 + 4}" text-anchor="{anchor}"'
    else:
        raise ValueError(f"{source} and {target} stand askew")
    return (
        f'<path class="edge" marker-end="url(#head)" d="M{x1} {y1}L{x2} {y2}"/>'
        f'<text class="label" {at}>{label}</text>'
    )


def picture(width, height, title, parts):
    return (
        f'<div class="diagram"><svg viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
        'orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>\n'
        + "\n".join(parts)
        + "\n</svg></div>\n"
    )


def states():
    assert set(PLACES) == set(STATES), set(PLACES) ^ set(STATES)
    parts = [
        arrow("connected", "greeted", "220"),
        arrow("connected", "rejected", "554"),
        arrow("rejected", "closed", "QUIT"),
        arrow("greeted", "ready", "EHLO"),
        arrow("ready", "securing", "STARTTLS"),
        arrow("securing", "secured", "TLS handshake"),
        # EHLO once more, back to ready: round the corner.
        '<path class="edge" marker-end="url(#head)" d="M640 220L540 72"/>',
        '<text class="label" x="606" y="150">EHLO</text>',
        arrow("ready", "authenticating", "AUTH 334"),
        arrow("authenticating", "authenticated", "235"),
        '<path class="edge" marker-end="url(#head)" d="M460 66L330 218"/>',
        '<text class="label" x="372" y="150" text-anchor="end">AUTH 235</text>',
        arrow("authenticated", "mail", "MAIL"),
        arrow("mail", "recipients", "RCPT"),
        arrow("recipients", "data", "DATA"),
        '<path class="edge" marker-end="url(#head)" '
        'd="M704 351C704 415 200 430 200 310C200 250 205 238 233 238"/>',
        '<text class="label" x="460" y="412" text-anchor="middle">the answer to the message</text>',
    ]
    return picture(840, 425, "The states of an SMTP session and what leads from one to the next",
                   [*parts, *map(box, PLACES)])  # fmt: skip


def round_trips():
    """Three ways of the same message, times from top to bottom."""
    ways = [
        ("one by one", [["MAIL"], ["RCPT"], ["DATA"], ["message ."]], [["250"], ["250"], ["354"], ["250"]]),
        ("PIPELINING", [["MAIL RCPT DATA"], ["message ."]], [["250 250 354"], ["250"]]),
        ("CHUNKING too", [["MAIL RCPT BDAT message"]], [["250 250 250"]]),
    ]
    parts = []
    for number, (name, said, heard) in enumerate(ways):
        left, right, top = 20 + number * 275, 230 + number * 275, 60
        parts.append(f'<text x="{(left + right) / 2}" y="22" text-anchor="middle">{name}</text>')
        for x, who, anchor in ((left, "client", "start"), (right, "server", "end")):
            parts.append(f'<text class="label" x="{x}" y="44" text-anchor="{anchor}">{who}</text>')
            parts.append(f'<path class="edge" d="M{x} 50V360"/>')
        for command, reply in zip(said, heard, strict=True):
            for x1, x2, words in ((left, right, command[0]), (right, left, reply[0])):
                parts.append(
                    f'<path class="edge" marker-end="url(#head)" d="M{x1} {top}L{x2} {top + 30}"/>'
                    f'<text class="label" x="{(left + right) / 2}" y="{top + 9}" '
                    f'text-anchor="middle">{words}</text>'
                )
                top += 36
    return picture(800, 365, "Four, two and one round trips for one message", parts)


if __name__ == "__main__":
    (HERE / "states.svg").write_text(states())
    (HERE / "round-trips.svg").write_text(round_trips())
