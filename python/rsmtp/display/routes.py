"""Where the lines between two states run. No other module deals with pixels."""

from __future__ import annotations

from rsmtp.display.paper import END, GAP, HALF, LEFT, MARGIN, MIDDLE, PITCH, RIGHT, TALL, WIDTH, Node

Point = tuple[float, float]


def route(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    """The corners of the line from one node to another, and the position of its label."""
    if b.zone == END != a.zone:
        return _to_an_ending(a, b)
    pair = (a.state, b.state)
    if a.y == b.y:
        sign = 1 if b.x > a.x else -1
        back = 7 if sign < 0 and pair != ("secured", "ready") else 0
        start, end = (a.x + sign * HALF, a.y + back), (b.x - sign * HALF, b.y + back)
        above = back + 11 if back else -5
        return [start, end], ((start[0] + end[0]) / 2, a.y + above), "middle"
    if a.x == b.x:
        if b.y > a.y:
            start, end = (a.x, a.y + TALL), (b.x, b.y - TALL)
            if pair == ("ready", "authenticated"):
                return [start, end], (a.x - 5, b.y - TALL - 8), "end"
            # At the right edge there is only room on the left.
            beside, anchor = (a.x - 6, "end") if a.x == RIGHT else (a.x + 6, "start")
            # The label of the handshake is inside, away from the boundary.
            middle = (start[1] + end[1]) / 2 + 4 if a.zone == b.zone else end[1] - 11
            return [start, end], (beside, middle), anchor
        return [(a.x, a.y - TALL), (b.x, b.y + TALL)], (a.x + 6, (a.y + b.y) / 2), "start"
    return _BENT.get(pair, _straight)(a, b)


def _straight(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    down = 1 if b.y > a.y else -1
    start, end = (a.x, a.y + down * TALL), (b.x, b.y - down * TALL)
    return [start, end], ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), "middle"


def _to_mail(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    points: list[Point] = [(a.x + HALF, a.y + 4), (b.x, a.y + 4), (b.x, b.y - TALL)]
    if b.y - a.y > PITCH:  # `secured` is beside `ready`: below it, then
        points = [(a.x + 40, a.y + TALL), (b.x, b.y - TALL)]
        return points, ((a.x + 40 + b.x) / 2 + 8, (a.y + b.y) / 2), "start"
    return points, (b.x + 5, b.y - 24), "start"


def _to_challenge(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    points: list[Point] = [(a.x - 36, a.y + TALL), (a.x - 36, b.y - 4), (b.x + HALF, b.y - 4)]
    return points, (a.x - 42, b.y - TALL - 3), "end"


def _refused(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    return [(a.x, a.y - TALL), (a.x, b.y + 2), (b.x - HALF, b.y + 2)], (a.x + 6, b.y + 15), "start"


def _answered(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    return [(a.x, a.y + TALL), (a.x, b.y), (b.x - HALF, b.y)], (a.x + 6, b.y - 5), "start"


def _back(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    """From the transaction to the state where the session rests."""
    label = (a.x - HALF - 6, a.y - 4)
    if b.state == "authenticated":
        x = b.x + (0 if a.state == "data" else 24)
        return [(a.x - HALF, a.y), (x, a.y), (x, b.y + TALL)], label, "end"
    if a.state == "mail":
        return [(a.x - HALF, a.y + 6), (GAP + 150, a.y + 6), (b.x + 20, b.y + TALL)], label, "end"
    x = GAP if a.state == "data" else GAP + 8
    return [(a.x - HALF, a.y), (x, a.y), (x, b.y + 6), (b.x - HALF, b.y + 6)], label, "end"


def _to_handshake(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    """From a session without TLS so far: past all other nodes, down to the boundary."""
    points: list[Point] = [(a.x - HALF + 2, a.y - 8), (MARGIN, a.y - 8), (MARGIN, b.y), (b.x - HALF, b.y)]
    return points, (MARGIN + 6, a.y - 12), "start"


_BENT = {
    ("ready", "mail"): _to_mail,
    ("ready", "authenticating"): _to_challenge,
    ("ready", "securing"): _to_handshake,
    ("authenticating", "ready"): _refused,
    ("authenticating", "authenticated"): _answered,
    **{
        (state, rest): _back
        for state in ("mail", "recipients", "data")
        for rest in ("ready", "authenticated")
    },
}


def _to_an_ending(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    gap = {LEFT: MARGIN, MIDDLE: GAP, RIGHT: WIDTH - MARGIN}[a.x]
    side = a.x + HALF if gap > a.x else a.x - HALF
    # Slightly lower, because the incoming line may end in the middle.
    start, above = a.y + 7, b.y - TALL - 7
    points: list[Point] = [(side, start), (gap, start), (gap, above), (b.x, above), (b.x, b.y - TALL)]
    beside, anchor = (gap - 5, "end") if gap > b.x else (gap + 5, "start")
    return points, (beside, above - 4), anchor
