"""The picture in docs/performance.md: porchlight's part of what each peer needs, on one scale for all rows."""

import math
from collections.abc import Sequence
from html import escape

from tests.bench.relays import NGINX, ONE, REFERENCE, TUNED, Peer
from tests.bench.report import Line

WIDTH, LABELS, ROW, BAR, TOP = 860, 330, 58, 12, 64
SHOWN: tuple[tuple[Peer, str], ...] = ((REFERENCE, "#9aa5b1"), (TUNED, "#52606d"), (NGINX, "#3e9b6e"), (ONE, "#e8a317"))
# The scale is that of doublings: a bar twice as much to the right costs a fixed distance.
LEAST, MOST = 1 / 32, 4.0
TICKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4)


def _across(ratio: float) -> float:
    part = math.log(min(MOST, max(LEAST, ratio)) / LEAST) / math.log(MOST / LEAST)
    return LABELS + part * (WIDTH - LABELS - 60)


def draw(found: Sequence[Line]) -> str:
    """An SVG picture: for every row that all relays share, one bar each, the reference's HAProxy being 1."""
    rows = [line for line in found if line.row.has_target and REFERENCE.name in line.values and ONE.name in line.values]
    height = TOP + ROW * len(rows) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12" role="img">',
        "<title>What each relay needs for the same work, the reference's HAProxy being 1; shorter is better</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_legend(),
    ]
    for tick in TICKS:
        x = _across(tick)
        parts.append(f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 8}" y2="{height - 26}" stroke="#d3dae1"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 10}" text-anchor="middle" fill="#3e4c59">{tick:.3g}</text>')
    for number, line in enumerate(rows):
        parts += _bars(line, TOP + ROW * number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> list[str]:
    parts = [
        '<text x="12" y="22" font-size="15" fill="#1f2933">'
        "What the same work costs; HAProxy as the reference has it is 1</text>"
    ]
    for number, (relay, colour) in enumerate(SHOWN):
        x = 12 + 190 * number
        parts.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="44" fill="#1f2933">{escape(relay.name)}</text>')
    return parts


def _bars(line: Line, top: int) -> list[str]:
    parts = [f'<text x="12" y="{top + 28}" fill="#1f2933">{escape(line.row.about)}</text>']
    of = line.values[REFERENCE.name]
    for number, (relay, colour) in enumerate(SHOWN):
        value = line.values.get(relay.name)
        if value is None or of <= 0:
            continue
        x, y = _across(value / of), top + number * BAR
        parts.append(
            f'<rect x="{LABELS}" y="{y}" width="{max(2.0, x - LABELS):.0f}" height="{BAR - 2}" fill="{colour}"/>'
            f'<text x="{max(x, LABELS + 2) + 4:.0f}" y="{y + 9}" font-size="10" fill="#3e4c59">{value / of:.2f}</text>'
        )
    return parts
