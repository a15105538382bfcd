"""Results as Markdown tables and as a picture."""

import math
from html import escape

# The measurements of one peer: seconds and CPU seconds per operation, for each round.
Rounds = dict[str, list[tuple[float, float]]]


def median(numbers):
    ordered = sorted(numbers)
    return ordered[len(ordered) // 2]


def table(title: str, what: str, results: Rounds) -> str:
    lines = [
        f"## {title}", "",
        f"| peer | {what}/s | spread | CPU µs/{what} | speed | CPU |", "|---|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    first = None
    for peer, measured in results.items():
        walls, cpus = zip(*measured, strict=True)
        wall, cpu = median(walls), median(cpus)
        first = first or (wall, cpu)
        spread = (max(walls) - min(walls)) / 2 / wall
        lines.append(
            f"| {peer} | {1 / wall:,.{0 if wall < 0.1 else 1}f} | {spread:.0%} | {cpu * 1e6:,.0f} "
            f"| {first[0] / wall:,.2f} x | {cpu / first[1]:.2f} x |"
        )
    return "\n".join(lines)


def picture(title: str, sections: dict[str, Rounds]) -> str:
    """Bars on a logarithmic scale: each peer's speed relative to the first peer's."""
    rows, y = [], 40
    fastest = max(
        median(w for w, _ in next(iter(results.values()))) / median(w for w, _ in measured)
        for results in sections.values()
        for measured in results.values()
    )
    scale = 380 / max(1.0, math.log10(fastest) + 0.3)
    for name, results in sections.items():
        y += 26
        rows.append(f'<text x="8" y="{y}" class="section">{escape(name)}</text>')
        base = median(w for w, _ in next(iter(results.values())))
        for peer, measured in results.items():
            y += 20
            ratio = base / median(w for w, _ in measured)
            width = max(2.0, (math.log10(max(ratio, 0.5)) + 0.3) * scale)
            ours = ' class="ours"' if peer.startswith("rsmtp") else ""
            rows.append(f'<text x="8" y="{y}">{escape(peer)}</text>')
            rows.append(f'<rect x="210" y="{y - 11}" width="{width:.0f}" height="13"{ours}/>')
            rows.append(f'<text x="{216 + width:.0f}" y="{y}">{ratio:,.1f} x</text>')
    height = y + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" role="img" '
        f'aria-label="{escape(title)}">\n'
        "<style>text{font:12px sans-serif;fill:#444}.section{font-weight:bold}rect{fill:#9aa5b1}"
        ".ours{fill:#2f6fde}@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>\n"
        f'<text x="8" y="22" class="section">{escape(title)}</text>\n' + "\n".join(rows) + "\n</svg>\n"
    )
