"""The state machine, drawn.

The states and edges are the engine's (`_rsmtp.state_machine()`); here stands only
where on the paper a state is put. Height is progress; TLS is a line that is crossed
downwards. There are three papers: for a conversation that went through STARTTLS,
for one inside TLS from its first byte, and for one without TLS so far.
"""

from __future__ import annotations

import html
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rsmtp import _rsmtp
from rsmtp.display.page import text

_LEFT, _MIDDLE, _RIGHT = 74, 222, 370
_WIDTH, _PITCH = 444, 52
_HALF, _TALL = 53, 15  # half of a node's width and height
_PLAIN, _TLS, _END = "plain", "tls", "end"
# The gaps between the columns, for edges that go around nodes.
_MARGIN, _GAP = 9, 148

# Rows count from the top of a zone.
_SESSION = {
    "authenticating": (_LEFT, 1),
    "authenticated": (_MIDDLE, 2),
    "mail": (_RIGHT, 2),
    "recipients": (_RIGHT, 3),
    "data": (_RIGHT, 4),
}
_ENDINGS = {"rejected": (_LEFT, 0), "closed": (_MIDDLE, 0), "broken": (_RIGHT, 0)}


def _later(places: dict[str, tuple[int, int]], rows: int) -> dict[str, tuple[int, int]]:
    return {state: (x, row + rows) for state, (x, row) in places.items()}


_BEGINNING = {"connected": (_LEFT, 0), "greeted": (_MIDDLE, 0), "ready": (_MIDDLE, 1), **_later(_SESSION, 1)}
# For each paper: its zones from top to bottom, with the place of each state in them.
PAPERS: dict[str, dict[str, dict[str, tuple[int, int]]]] = {
    "starttls": {
        _PLAIN: {"connected": (_LEFT, 0), "greeted": (_MIDDLE, 0), "ready": (_RIGHT, 0), "securing": (_RIGHT, 1)},
        _TLS: {"secured": (_RIGHT, 0), "ready": (_MIDDLE, 0), **_SESSION},
        _END: _ENDINGS,
    },
    "implicit": {_PLAIN: {}, _TLS: _BEGINNING, _END: _ENDINGS},
    "none": {
        _PLAIN: {**_BEGINNING, "securing": (_LEFT, 6)},
        _TLS: {"secured": (_LEFT, 0), "ready": (_MIDDLE, 0)},
        _END: _ENDINGS,
    },
}
_LABELS = {
    _PLAIN: "IN PLAINTEXT: anybody on the way can read it",
    _TLS: "INSIDE TLS: encrypted",
    _END: "HOW IT ENDS: by QUIT, by 421, by losing its order",
}
_EMPTY = "IN PLAINTEXT: nothing was said"


@dataclass(frozen=True)
class Node:
    state: str
    zone: str
    x: int
    y: int


@dataclass(frozen=True)
class Link:
    """All edges from one node to another."""

    source: Node
    target: Node
    # What takes it, in the engine's words: verb and codes.
    causes: tuple[tuple[str, str], ...]


def paper_of(path: Sequence[str], *, encrypted: bool) -> str:
    if not encrypted and "secured" not in path:
        return "none"
    implicit = "secured" not in path and "securing" not in path and path[:1] == ["connected"]
    return "implicit" if implicit else "starttls"


def draw(path: Sequence[str], legal: Sequence[str] = (), *, encrypted: bool = False) -> str:
    """The machine as SVG.

    path: the states gone through, the present one last; none yet if empty.
    legal: the verbs that may be said now.
    encrypted: whether TLS is up.
    """
    path = list(path)
    sheet = _Sheet(paper_of(path, encrypted=encrypted))
    walked = list(sheet.walk(path))
    now = walked[-1] if walked else None
    taken = set(zip(walked, walked[1:], strict=False))
    links = list(sheet.links(now, path, taken))
    said = _described(path, legal, encrypted)
    key = f"rsmtp-{zlib.crc32(repr((path, list(legal), encrypted)).encode()):08x}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {sheet.height}" role="img" '
        f'aria-labelledby="{key}-t {key}-d"><title id="{key}-t">State machine of the conversation</title>'
        f'<desc id="{key}-d">{text(said)}</desc>',
        *sheet.zones(),
    ]
    order = {"": 0, "next": 1, "been": 2}
    dressed = [(link, _dress(link, taken, now, legal)) for link in links]
    parts += [_edge(link, kind) for link, kind in sorted(dressed, key=lambda one: order[one[1]])]
    parts += [_node(node, now, set(walked)) for node in sheet.nodes]
    return "".join([*parts, "</svg>"])


class _Sheet:
    """One paper with everything in its place."""

    def __init__(self, paper: str) -> None:
        self.nodes: list[Node] = []
        self._bands: list[tuple[str, int, int, bool]] = []
        top = 2
        for zone, places in PAPERS[paper].items():
            rows = 1 + max((row for _, row in places.values()), default=-1)
            height = 24 + rows * _PITCH - (10 if rows else 0)
            self._bands.append((zone, top, height, bool(places)))
            self.nodes += [
                Node(state, zone, x, top + 42 + row * _PITCH) for state, (x, row) in places.items()
            ]
            top += height + 12
        self.height = top - 8

    def zones(self) -> Iterator[str]:
        for zone, top, height, used in self._bands:
            inside = " in" if zone == _TLS else ""
            if zone != _END:
                yield f'<rect class="zone{inside}" x="1" y="{top}" width="{_WIDTH - 2}" height="{height}"/>'
            label = _LABELS[zone] if used else _EMPTY
            # The handshake comes down on one side; the label stands on the other.
            crossed = any(node.state == "secured" and node.x == _LEFT for node in self.nodes)
            x, anchor = (_WIDTH - 12, "end") if zone == _TLS and crossed else (12, "start")
            yield f'<text class="zl{inside}" x="{x}" y="{top + 15}" text-anchor="{anchor}">{html.escape(label)}</text>'

    def walk(self, path: Sequence[str]) -> Iterator[Node]:
        """The nodes of the path: those of plaintext until TLS is crossed."""
        zones = [zone for zone, _, _, used in self._bands if used and zone != _END]
        crossed = zones[0] == _TLS
        for state in path:
            crossed = crossed or state == "secured"
            found = [node for node in self.nodes if node.state == state]
            found.sort(key=lambda node: node.zone != (_TLS if crossed else _PLAIN))
            yield from found[:1]

    def links(self, now: Node | None, path: Sequence[str], taken: set[tuple[Node, Node]]) -> Iterator[Link]:
        """The edges of the engine between nodes of one zone, and over the boundary.
        Those to an ending, and those back to a rest that is not this session's, are
        left out unless they were taken: every state has them."""
        rest = "authenticated" if "authenticated" in path else "ready"
        machine = _machine()
        rests = set(machine.rests)
        for source in self.nodes:
            for target in self.nodes:
                causes = _causes().get((source.state, target.state), ())
                was_taken = (source, target) in taken
                crosses = source.zone != target.zone
                if crosses:
                    fits = (source.state, target.state) == ("securing", "secured")
                else:
                    backward = target.state in rests and source.state not in rests | {"connected"}
                    fits = not backward or target.state == rest or source.state in ("securing", "authenticating")
                if was_taken or (causes and fits and target.zone != _END):
                    yield Link(source, target, causes)


@cache
def _machine() -> _rsmtp.StateMachine:
    return _rsmtp.state_machine()


@cache
def _causes() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    found: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {}
    for edge in _machine().edges:
        key = (edge.source, edge.target)
        found[key] = (*found.get(key, ()), (edge.cause, edge.codes))
    return found


def _dress(link: Link, taken: set[tuple[Node, Node]], now: Node | None, legal: Sequence[str]) -> str:
    if (link.source, link.target) in taken:
        return "been"
    if link.source == now and any(cause in legal for cause, _ in link.causes):
        return "next"
    return ""


def _node(node: Node, now: Node | None, been: set[Node]) -> str:
    kind = " now" if node == now else " been" if node in been else ""
    x, y = node.x - _HALF, node.y - _TALL
    ring = ""
    if node == now:
        ring = f'<rect class="ring" x="{x - 4}" y="{y - 4}" width="{2 * _HALF + 8}" height="{2 * _TALL + 8}"/>'
    return (
        f'<g class="node{kind}" data-state="{node.state}">{ring}'
        f'<rect x="{x}" y="{y}" width="{2 * _HALF}" height="{2 * _TALL}"/>'
        f'<text x="{node.x}" y="{node.y + 4}">{node.state}</text></g>'
    )


def _edge(link: Link, kind: str) -> str:
    points, at, anchor = _route(link.source, link.target)
    label, whole = _label(link)
    data = f'data-from="{link.source.state}" data-to="{link.target.state}"'
    title = f"<title>{text(f'{link.source.state} to {link.target.state}: {whole}')}</title>" if whole else ""
    line = " ".join(f"{'L' if i else 'M'}{x:.0f} {y:.0f}" for i, (x, y) in enumerate(points))
    (x, y), (dx, dy) = points[-1], _direction(points)
    tip = f"{x:.1f},{y:.1f} {x - 8 * dx - 4 * dy:.1f},{y - 8 * dy + 4 * dx:.1f} "
    tip += f"{x - 8 * dx + 4 * dy:.1f},{y - 8 * dy - 4 * dx:.1f}"
    written = f'<text x="{at[0]:.0f}" y="{at[1]:.0f}" text-anchor="{anchor}">{text(label)}</text>' if label else ""
    return (
        f'<g class="edge {kind}" {data}>{title}<path d="{line}" stroke-linejoin="round"/>'
        f'<polygon class="tip {kind}" points="{tip}"/>{written}</g>'
    )


def _direction(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    (ax, ay), (bx, by) = points[-2:]
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5 or 1.0
    return (bx - ax) / length, (by - ay) / length


def _label(link: Link) -> tuple[str, str]:
    """A short one for the picture, the whole for whoever points at it."""
    whole = ", ".join(f"{cause} {codes}".rstrip() for cause, codes in link.causes)
    if not link.causes:
        return "", ""
    by_name = dict(link.causes)
    # Of several ways back the usual ones: an EHLO leads there too, but RSET is for it.
    if "RSET" in by_name:
        return ("end, RSET" if "end of data" in by_name else "RSET"), whole
    cause, codes = link.causes[0]
    digits = f" {codes}" if codes.isdigit() and cause not in ("greeting",) else ""
    return (codes if cause == "greeting" else f"{cause}{digits}"), whole


# -- where the lines run: the only part that is about pixels

Point = tuple[float, float]


def _route(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    """The corners of the line from one node to another, and where its label stands."""
    if b.zone == _END:
        return _to_an_ending(a, b)
    pair = (a.state, b.state)
    if a.y == b.y:
        sign = 1 if b.x > a.x else -1
        back = 7 if sign < 0 and pair != ("secured", "ready") else 0
        start, end = (a.x + sign * _HALF, a.y + back), (b.x - sign * _HALF, b.y + back)
        above = back + 11 if back else -5
        return [start, end], ((start[0] + end[0]) / 2, a.y + above), "middle"
    if a.x == b.x:
        if b.y > a.y:
            start, end = (a.x, a.y + _TALL), (b.x, b.y - _TALL)
            if pair == ("ready", "authenticated"):
                return [start, end], (a.x + 5, b.y - _TALL - 14), "start"
            # At the right edge there is room on the left only.
            beside, anchor = (a.x - 6, "end") if a.x == _RIGHT else (a.x + 6, "start")
            return [start, end], (beside, (start[1] + end[1]) / 2 + 4), anchor
        return [(a.x, a.y - _TALL), (b.x, b.y + _TALL)], (a.x + 6, (a.y + b.y) / 2), "start"
    return _BENT.get(pair, _straight)(a, b)


def _straight(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    down = 1 if b.y > a.y else -1
    start, end = (a.x, a.y + down * _TALL), (b.x, b.y - down * _TALL)
    return [start, end], ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), "middle"


def _to_mail(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    points: list[Point] = [(a.x + _HALF, a.y + 4), (b.x, a.y + 4), (b.x, b.y - _TALL)]
    if b.y - a.y > _PITCH:  # `secured` stands beside `ready`: below it, then
        points = [(a.x + 40, a.y + _TALL), (b.x, b.y - _TALL)]
        return points, ((a.x + 40 + b.x) / 2 + 8, (a.y + b.y) / 2), "start"
    return points, (b.x + 5, b.y - 24), "start"


def _to_challenge(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    return [(a.x - 36, a.y + _TALL), (a.x - 36, b.y - 4), (b.x + _HALF, b.y - 4)], (a.x - 42, b.y - 9), "end"


def _refused(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    return [(a.x, a.y - _TALL), (a.x, b.y + 2), (b.x - _HALF, b.y + 2)], (a.x + 6, b.y + 15), "start"


def _answered(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    return [(a.x, a.y + _TALL), (a.x, b.y), (b.x - _HALF, b.y)], (a.x + 6, b.y - 5), "start"


def _back(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    """From the transaction to where the session rests."""
    label = (a.x - _HALF - 6, a.y - 4)
    if b.state == "authenticated":
        x = b.x + (0 if a.state == "data" else 24)
        return [(a.x - _HALF, a.y), (x, a.y), (x, b.y + _TALL)], label, "end"
    if a.state == "mail":
        return [(a.x - _HALF, a.y + 6), (_GAP + 150, a.y + 6), (b.x + 20, b.y + _TALL)], label, "end"
    x = _GAP if a.state == "data" else _GAP + 8
    return [(a.x - _HALF, a.y), (x, a.y), (x, b.y + 6), (b.x - _HALF, b.y + 6)], label, "end"


def _to_handshake(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    """Without TLS so far: past everything, down to the boundary."""
    points: list[Point] = [(a.x - _HALF + 2, a.y - 8), (_MARGIN, a.y - 8), (_MARGIN, b.y), (b.x - _HALF, b.y)]
    return points, (_MARGIN + 6, a.y - 12), "start"


_BENT = {
    ("ready", "mail"): _to_mail,
    ("ready", "authenticating"): _to_challenge,
    ("ready", "securing"): _to_handshake,
    ("authenticating", "ready"): _refused,
    ("authenticating", "authenticated"): _answered,
    **{(state, rest): _back for state in ("mail", "recipients", "data") for rest in ("ready", "authenticated")},
}


def _to_an_ending(a: Node, b: Node) -> tuple[list[Point], Point, str]:
    gap = {_LEFT: _MARGIN, _MIDDLE: _GAP, _RIGHT: _WIDTH - _MARGIN}[a.x]
    side = a.x + _HALF if gap > a.x else a.x - _HALF
    above = b.y - _TALL - 9
    return [(side, a.y), (gap, a.y), (gap, above), (b.x, above), (b.x, b.y - _TALL)], (0, 0), "start"


def _described(path: Sequence[str], legal: Sequence[str], encrypted: bool) -> str:
    if not path:
        return "No connection yet."
    sentences = [f"The conversation is {'encrypted' if encrypted else 'not encrypted'} and in the state {path[-1]}."]
    if len(path) > 1:
        sentences.append(f"Its path: {', '.join(path)}.")
    sentences.append(f"May be said now: {', '.join(legal)}." if legal else "Nothing may be said now.")
    return " ".join(sentences)
