"""Where each state is drawn, and which edges are drawn between the states.

The states and edges are the engine's (`_rsmtp.state_machine()`). This module only decides
where each state is on the paper. A conversation proceeds downwards, and crosses a line
when TLS starts. There are three papers: for a conversation with STARTTLS, for one inside
TLS from its first byte, and for one without TLS so far.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rsmtp import _rsmtp

LEFT, MIDDLE, RIGHT = 74, 222, 370
WIDTH, PITCH = 444, 52
HALF, TALL = 53, 15  # half of a node's width and height
PLAIN, TLS, END = "plain", "tls", "end"
# The gaps between the columns, for edges that go around nodes.
MARGIN, GAP = 9, 148

# Rows are numbered from the top of a zone.
_SESSION = {
    "authenticating": (LEFT, 1),
    "authenticated": (MIDDLE, 2),
    "mail": (RIGHT, 2),
    "recipients": (RIGHT, 3),
    "data": (RIGHT, 4),
}
_ENDINGS = {"rejected": (LEFT, 0), "closed": (MIDDLE, 0), "broken": (RIGHT, 0)}


def _later(places: dict[str, tuple[int, int]], rows: int) -> dict[str, tuple[int, int]]:
    return {state: (x, row + rows) for state, (x, row) in places.items()}


_BEGINNING = {"connected": (LEFT, 0), "greeted": (MIDDLE, 0), "ready": (MIDDLE, 1), **_later(_SESSION, 1)}
# For each paper, its zones from top to bottom, with the position of each state in them.
PAPERS: dict[str, dict[str, dict[str, tuple[int, int]]]] = {
    "starttls": {
        PLAIN: {
            "connected": (LEFT, 0),
            "greeted": (MIDDLE, 0),
            "ready": (RIGHT, 0),
            "securing": (RIGHT, 1),
        },
        TLS: {"secured": (RIGHT, 0), "ready": (MIDDLE, 0), **_SESSION},
        END: _ENDINGS,
    },
    "implicit": {PLAIN: {}, TLS: _BEGINNING, END: _ENDINGS},
    "none": {
        PLAIN: {**_BEGINNING, "securing": (LEFT, 6)},
        TLS: {"secured": (LEFT, 0), "ready": (MIDDLE, 0)},
        END: _ENDINGS,
    },
}
_LABELS = {
    PLAIN: "IN PLAINTEXT: can be read on the way",
    TLS: "INSIDE TLS: encrypted",
    END: "HOW IT ENDS: by a refusal, by QUIT or 421, by a stray reply",
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
    # The label of the edge in the engine's words: verb and codes.
    causes: tuple[tuple[str, str], ...]


def paper_of(path: Sequence[str], *, encrypted: bool) -> str:
    if not encrypted and "secured" not in path:
        return "none"
    implicit = "secured" not in path and "securing" not in path and path[:1] == ["connected"]
    return "implicit" if implicit else "starttls"


class Sheet:
    """One paper with the positions of all its elements."""

    def __init__(self, paper: str) -> None:
        self.nodes: list[Node] = []
        self._bands: list[tuple[str, int, int, bool]] = []
        top = 2
        for zone, places in PAPERS[paper].items():
            rows = 1 + max((row for _, row in places.values()), default=-1)
            height = 24 + rows * PITCH - (10 if rows else 0)
            self._bands.append((zone, top, height, bool(places)))
            # The lines to the final states come from above, so their label is below them.
            first = top + (26 if zone == END else 42)
            self.nodes += [Node(state, zone, x, first + row * PITCH) for state, (x, row) in places.items()]
            top += height + 12
        self.height = top - 8

    def zones(self) -> Iterator[str]:
        for zone, top, height, used in self._bands:
            inside = " in" if zone == TLS else ""
            if zone != END:
                yield f'<rect class="zone{inside}" x="1" y="{top}" width="{WIDTH - 2}" height="{height}"/>'
            label = _LABELS[zone] if used else _EMPTY
            # The line of the handshake is on one side, and the label on the other.
            crossed = any(node.state == "secured" and node.x == LEFT for node in self.nodes)
            x, anchor = (WIDTH - 12, "end") if zone == TLS and crossed else (12, "start")
            at = f'x="{x}" y="{top + (57 if zone == END else 15)}" text-anchor="{anchor}"'
            yield f'<text class="zl{inside}" {at}>{html.escape(label)}</text>'

    def walk(self, path: Sequence[str], *, encrypted: bool) -> Iterator[Node]:
        """The nodes of the path: plaintext nodes until TLS starts. The transcript of a long
        conversation may no longer contain that point."""
        zones = [zone for zone, _, _, used in self._bands if used and zone != END]
        crossed = zones[0] == TLS or (encrypted and "secured" not in path)
        for state in path:
            crossed = crossed or state == "secured"
            found = [node for node in self.nodes if node.state == state]
            found.sort(key=lambda node: node.zone != (TLS if crossed else PLAIN))
            yield from found[:1]

    def links(self, now: Node | None, path: Sequence[str], taken: set[tuple[Node, Node]]) -> Iterator[Link]:
        """The engine's edges between nodes of the same zone, and across the boundary. Edges to
        a final state, and edges back to a resting state other than this session's, are left
        out unless they were taken, because every state has them; so are those of XCLIENT, which few
        sessions say."""
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
                    fits = (
                        not backward or target.state == rest or source.state in ("securing", "authenticating")
                    ) and (target.state != "greeted" or source.state == "connected")
                if was_taken or (causes and fits and target.zone != END):
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
