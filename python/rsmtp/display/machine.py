"""The engine's state machine as SVG: the present state, the path to it, and the commands that
are allowed next. The path taken is drawn thick, the possible next steps dashed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise

from rsmtp.display.page import STATES, text
from rsmtp.display.paper import HALF, TALL, TLS, WIDTH, Link, Node, Sheet, paper_of
from rsmtp.display.routes import route
from rsmtp.display.short import ends


def draw(path: Sequence[str], legal: Sequence[str] = (), *, encrypted: bool = False) -> str:
    """The machine as SVG.

    path: the states so far, the present one last; empty before the first.
    legal: the verbs that are allowed now.
    encrypted: whether TLS is up.
    """
    path = list(path)
    sheet = Sheet(paper_of(path, encrypted=encrypted))
    walked = list(sheet.walk(path, encrypted=encrypted))
    now = walked[-1] if walked else None
    taken = set(pairwise(walked))
    links = list(sheet.links(now, path, taken))
    said = _described(path, legal, encrypted)
    key = f"rsmtp-{zlib.crc32(repr((path, list(legal), encrypted)).encode()):08x}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {sheet.height}" role="img" '
        f'aria-labelledby="{key}-t {key}-d"><title id="{key}-t">State machine of the conversation</title>'
        f'<desc id="{key}-d">{text(said)}</desc>',
        *sheet.zones(),
    ]
    order = {"": 0, "next": 1, "been": 2}
    dressed = [(link, _dress(link, taken, now, legal)) for link in links]
    parts += [_edge(link, kind) for link, kind in sorted(dressed, key=lambda one: order[one[1]])]
    parts += [_node(node, now, set(walked)) for node in sheet.nodes]
    return "".join([*parts, "</svg>"])


def _dress(link: Link, taken: set[tuple[Node, Node]], now: Node | None, legal: Sequence[str]) -> str:
    if (link.source, link.target) in taken:
        return "been"
    if link.source == now and any(cause in legal for cause, _ in link.causes):
        return "next"
    return ""


def _node(node: Node, now: Node | None, been: set[Node]) -> str:
    kind = " now" if node == now else " been" if node in been else ""
    x, y = node.x - HALF, node.y - TALL
    ring = ""
    if node == now:
        ring = f'<rect class="ring" x="{x - 4}" y="{y - 4}" width="{2 * HALF + 8}" height="{2 * TALL + 8}"/>'
    return (
        f'<g class="node{kind}" data-state="{node.state}">{ring}'
        f'<rect x="{x}" y="{y}" width="{2 * HALF}" height="{2 * TALL}"/>'
        f'<text x="{node.x}" y="{node.y + 4}">{node.state}</text></g>'
    )


def _edge(link: Link, kind: str) -> str:
    points, at, anchor = route(link.source, link.target)
    label, whole = _label(link)
    data = f'data-from="{link.source.state}" data-to="{link.target.state}"'
    title = f"<title>{text(f'{link.source.state} to {link.target.state}: {whole}')}</title>" if whole else ""
    line = " ".join(f"{'L' if i else 'M'}{x:.0f} {y:.0f}" for i, (x, y) in enumerate(points))
    (x, y), (dx, dy) = points[-1], _direction(points)
    tip = f"{x:.1f},{y:.1f} {x - 8 * dx - 4 * dy:.1f},{y - 8 * dy + 4 * dx:.1f} "
    tip += f"{x - 8 * dx + 4 * dy:.1f},{y - 8 * dy - 4 * dx:.1f}"
    written = (
        f'<text x="{at[0]:.0f}" y="{at[1]:.0f}" text-anchor="{anchor}">{text(label)}</text>' if label else ""
    )
    # The label has the background of the zone that it is in.
    inside = " in" if link.source.zone == link.target.zone == TLS else ""
    return (
        f'<g class="edge {kind}{inside}" {data}>{title}<path d="{line}" stroke-linejoin="round"/>'
        f'<polygon class="tip {kind}" points="{tip}"/>{written}</g>'
    )


def _direction(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    (ax, ay), (bx, by) = points[-2:]
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5 or 1.0
    return (bx - ax) / length, (by - ay) / length


def _label(link: Link) -> tuple[str, str]:
    """A short label for the picture; the full text is its tooltip."""
    whole = ", ".join(f"{cause} {codes}".rstrip() for cause, codes in link.causes)
    if not link.causes:
        return "", ""
    by_name = dict(link.causes)
    if "QUIT" in by_name:
        return ("QUIT, 421" if len(by_name) > 1 else "QUIT"), whole
    # Only the usual command for each way back: EHLO leads there too, but RSET is meant for it.
    if "RSET" in by_name:
        return ("end, RSET" if "end of data" in by_name else "RSET"), whole
    cause, codes = link.causes[0]
    digits = f" {codes}" if codes.isdigit() and cause != "greeting" else ""
    return (codes if cause == "greeting" else f"{cause}{digits}"), whole


def _described(path: Sequence[str], legal: Sequence[str], encrypted: bool) -> str:
    if not path:
        return "No connection yet."
    sentences = [
        f"The conversation is {'encrypted' if encrypted else 'not encrypted'} and in the state {path[-1]}."
    ]
    if len(path) > 1:
        sentences.append(f"Its path: {', '.join(ends(path, STATES))}.")
    sentences.append(f"Allowed now: {', '.join(legal)}." if legal else "Nothing is allowed now.")
    return " ".join(sentences)
